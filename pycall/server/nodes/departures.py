"""Who went while that could not be told to Redis, or could be overtaken on its way there.

Operations go over many connections. So whoever goes while its seat is being asked for again may be gone
before it is there: that it went is noted then as well, and done once more behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from pycall.core import room
from pycall.server.store import Seated

Change: TypeAlias = Callable[[str, room.Input], Awaitable[object]]
SeatAgain: TypeAlias = Callable[[str, room.JoinAsked], Awaitable[object]]


class Departures:
    """Those that are still to be made up for, by room and connection; of each the latest."""

    def __init__(self, change: Change, seat_again: SeatAgain) -> None:
        """Both do one operation, and raise :class:`StoreUnavailable` if it is not known to be done."""
        self._change = change
        self._seat_again = seat_again
        self._noted: dict[tuple[str, str], room.Input] = {}
        self._seating = Counter[tuple[str, str]]()
        """For whom, and how often, it is being made up at present though they are there."""

    def __bool__(self) -> bool:
        return bool(self._noted)

    def __contains__(self, seat: tuple[str, str]) -> bool:
        return seat in self._noted

    def note(self, name: str, input_: room.Input) -> None:
        """Whoever goes by this is gone when that can be told to Redis; others are not minded."""
        match input_:
            case room.LeaveAsked(connection):  # who is told already that it is out
                self._noted[name, connection] = room.MemberGone(connection, "left")
            case room.ConnectionLost(connection) | room.MemberGone(connection):
                self._noted[name, connection] = input_
            case _:
                pass

    def may_be_overtaken(self, name: str, input_: room.Input) -> bool:
        """Whether this may be done before what it undoes."""
        return not isinstance(input_, room.Expired) and (name, input_.connection) in self._seating

    async def make_up(self, seated: Seated) -> None:
        """Do what was noted; whoever is ``seated`` all the same, as it had asked once more, is seated again.

        Raises:
            StoreUnavailable: it is not all done; the rest stays noted.
        """
        if not self._noted:
            return
        there = {(name, asked.connection): asked for name, asked in seated()}
        back = Counter(there.keys() & self._noted.keys())
        self._seating += back
        try:
            for seat, input_ in list(self._noted.items()):
                await self._make_up_one(seat, input_, there.get(seat))
        finally:
            self._seating -= back

    async def _make_up_one(
        self, seat: tuple[str, str], input_: room.Input, asked: room.JoinAsked | None
    ) -> None:
        name, _ = seat
        if asked is not None and self._noted.get(seat) is input_:  # else it has gone since
            await self._seat_again(name, asked)
            self._forget(seat, input_)
        while (latest := self._noted.get(seat)) is not None:
            await self._change(name, latest)
            self._forget(seat, latest)

    def _forget(self, seat: tuple[str, str], done: room.Input) -> None:
        """Note no more what was done, but what came meanwhile."""
        if self._noted.get(seat) is done:
            del self._noted[seat]
