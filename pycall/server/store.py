"""Where the rooms live."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from pycall.core import room
from pycall.core.seats import Holding
from pycall.server.admission.spending import Spending


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How much is going on: rooms with a seat taken, and the seats; those held for somebody absent count."""

    rooms: int
    members: int


class Register(Protocol):
    """Who keeps the clients of this process for python-socketio."""

    prefix: str
    """What the ids of connections, and so of clients, begin with."""


class StoreUnavailable(Exception):
    """A room cannot be changed now; ``refused`` is why, if the store answered."""

    def __init__(self, message: str, *, refused: str = "") -> None:
        super().__init__(message)
        self.refused = refused


CarryOut: TypeAlias = Callable[[str, list[room.Output]], None]
"""Takes the orders of a room, by its name, of which each is to be carried out once; never suspends."""

Seated: TypeAlias = Callable[[], Iterable[tuple[str, room.JoinAsked]]]
"""Whoever is on a seat over a connection of this process: its room, and how it would ask for the seat now."""


class RoomStore(Protocol):
    """Changes one room by one fact, all or nothing, whoever else does so at the same time."""

    def serve(self, carry_out: CarryOut, seated: Seated) -> None:
        """Set who carries out the orders that come up, in the order the rooms gave them."""
        ...

    async def apply(self, name: str, input_: room.Input) -> bool:
        """Hand ``input_`` to the room ``name``; its orders are on their way then.

        Returns False if who asked to join has no seat, else True. A room begins with the first one in it and
        vanishes with the last.

        Raises:
            StoreUnavailable: nothing was changed. Who goes meanwhile is gone as soon as that can be noted.
        """
        ...

    async def expire(self) -> None:
        """Let every room whose time has come give up what it held."""
        ...

    def due_in(self) -> float | None:
        """Seconds until :meth:`expire` has something to do; None: not before something else happens."""
        ...

    async def occupancy(self) -> Occupancy:
        """How many rooms and members there are now."""
        ...

    @property
    def is_reachable(self) -> bool:
        """Whether it can be used, as far as is known without asking it: anybody may make us look."""
        ...

    @property
    def is_instant(self) -> bool:
        """Whether to change a room hardly ever means to wait, and is done without :func:`asyncio.timeout`."""
        ...

    @property
    def register(self) -> Register | None:
        """Who keeps the clients of this process; None: the store does not mind."""
        ...

    async def start(self) -> None:
        """Take part; returns when rooms can be changed. Raises :class:`StoreUnreachable`."""
        ...

    async def stop(self) -> None:
        """Take part no more: whoever is connected here may come back to another server of the same rooms."""
        ...


class SharedRoomStore(RoomStore, Spending, Protocol):
    """The rooms of several servers that are one, and which invites were used at any of them."""


class MemoryRoomStore:
    """The rooms of one process.

    :meth:`apply` never suspends: between looking at the seats and taking one nothing else runs, so
    no race puts a third into a room.
    """

    def __init__(
        self, holding: Holding | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._holding = holding or Holding()
        self._clock = clock
        self._rooms: dict[str, room.Room] = {}
        self._members = 0
        self._alarms: list[tuple[float, str]] = []
        """A heap of times at which to look at a room; one that is no use any more stays until its time."""

        self._next_alarm: dict[str, float] = {}
        self._carry_out: CarryOut = _nobody

    def serve(self, carry_out: CarryOut, seated: Seated) -> None:  # noqa: ARG002  forgets nobody
        """See :meth:`RoomStore.serve`."""
        self._carry_out = carry_out

    async def apply(self, name: str, input_: room.Input) -> bool:
        """See :meth:`RoomStore.apply`."""
        there = self._rooms.get(name) or room.Room(self._holding)
        before = len(there.seats)
        outputs = there.handle(input_, self._clock())
        self._members += len(there.seats) - before
        if there.seats:
            self._rooms[name] = there
            self._set_alarm(name, there.deadline)
        else:
            self._rooms.pop(name, None)
        self._carry_out(name, outputs)
        return not (outputs and isinstance(outputs[0], room.SendFull))  # which comes alone

    async def expire(self) -> None:
        """See :meth:`RoomStore.expire`."""
        now = self._clock()
        while self._alarms and self._alarms[0][0] <= now:
            at, name = heapq.heappop(self._alarms)
            if self._next_alarm.get(name) == at:
                del self._next_alarm[name]
                await self.apply(name, room.Expired())

    def due_in(self) -> float | None:
        """See :meth:`RoomStore.due_in`."""
        return max(0.0, self._alarms[0][0] - self._clock()) if self._alarms else None

    async def occupancy(self) -> Occupancy:
        """See :meth:`RoomStore.occupancy`."""
        return Occupancy(len(self._rooms), self._members)

    @property
    def is_reachable(self) -> bool:
        """See :meth:`RoomStore.is_reachable`."""
        return True

    @property
    def is_instant(self) -> bool:
        """See :attr:`RoomStore.is_instant`."""
        return True

    @property
    def register(self) -> None:
        """See :attr:`RoomStore.register`."""
        return None

    async def start(self) -> None:
        """See :meth:`RoomStore.start`: it is there."""

    async def stop(self) -> None:
        """See :meth:`RoomStore.stop`: it ends with the process."""

    def _set_alarm(self, name: str, at: float | None) -> None:
        """Look at a room at ``at``; one that is looked at earlier anyway sets its next alarm then."""
        if at is not None and at < self._next_alarm.get(name, math.inf):
            self._next_alarm[name] = at
            heapq.heappush(self._alarms, (at, name))


def _nobody(_name: str, _outputs: list[room.Output]) -> None:
    """Before somebody serves."""
