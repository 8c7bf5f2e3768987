"""What one address may take of the server: connections, rooms, and requests that lead nowhere.

Addresses are those of :attr:`~pycall.server.admission.addresses.Visitor.source`; None has no limits. What is
remembered of one is forgotten when it says nothing any more, and of all of them together it is bounded.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from pycall.core.seats import Holding
from pycall.limits import Limits

Excess: TypeAlias = Literal["Too many connections", "Too many new connections"]

MOST_ADDRESSES: Final = 100_000
"""Remembered at a time, but for those with a connection or a room: some 30 MB."""

SWEPT_AT_ONCE: Final = 4

HELD_S: Final = Holding().total_s

FULL_WAIT_S: Final = 5.0
"""To try again after, for who has all the connections it may have: one of them may end."""


class _Bucket:
    """So many at once, and then so many a second; the generic cell rate algorithm (ITU-T I.371)."""

    __slots__ = ("due",)

    def __init__(self) -> None:
        self.due = 0.0
        """When it will be as good as new."""

    def take(self, now: float, per_s: float, burst: int) -> float:
        """Take one; returns 0, or in how many seconds there will be one to take."""
        wait_s = self.wait_s(now, per_s, burst)
        if not wait_s:
            self.due = max(self.due, now) + 1 / per_s
        return wait_s

    def wait_s(self, now: float, per_s: float, burst: int) -> float:
        """In how many seconds there will be one to take; 0 if there is one."""
        wait_s = max(self.due, now) - now - (burst - 1) / per_s
        return wait_s if wait_s > 1e-9 else 0.0  # what two sums of floats may differ by


class _Seats:
    """Of one address in one room: connections that sit there, and until when a seat may be held for one."""

    __slots__ = ("held_until", "sitting")

    def __init__(self) -> None:
        self.sitting = 0
        self.held_until = 0.0

    def is_over(self, now: float) -> bool:
        return not self.sitting and self.held_until <= now


class _Record:
    """What one address has, and had lately."""

    __slots__ = ("connections", "connects", "misses", "rooms")

    def __init__(self) -> None:
        self.connections = 0
        self.connects = _Bucket()
        self.misses = _Bucket()
        self.rooms: dict[str, _Seats] = {}

    def is_live(self, now: float) -> bool:
        for room in [name for name, seats in self.rooms.items() if seats.is_over(now)]:
            del self.rooms[room]
        return self.connections > 0 or bool(self.rooms)

    def says_nothing(self, now: float) -> bool:
        return not self.is_live(now) and max(self.connects.due, self.misses.due) <= now


class Admission:
    """The books on all addresses; ``held_s`` is how long a seat may be held for who will be back."""

    def __init__(
        self,
        limits: Limits,
        *,
        held_s: float = HELD_S,
        most_addresses: int = MOST_ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._held_s = held_s
        self._most = most_addresses
        self._clock = clock
        self._records: OrderedDict[int, _Record] = OrderedDict()

    @property
    def remembered(self) -> int:
        """How many addresses are remembered."""
        return len(self._records)

    # --- connections ----------------------------------------------------------------------------

    def would_refuse(self, source: int | None) -> bool:
        """Whether it may not have another connection now; asking costs it nothing."""
        limits, record = self._limits, self._records.get(source) if source is not None else None
        if record is None:
            return False
        most, per_s = limits.connections_per_address, limits.connects_per_s
        is_full = most is not None and record.connections >= most
        return is_full or (
            per_s is not None and record.connects.wait_s(self._clock(), per_s, limits.connect_burst) > 0
        )

    def admit(self, source: int | None) -> tuple[Excess, float] | None:
        """Count another connection of this address, until :meth:`closed`; or tell why it may not have one.

        Then, and after how many seconds it may try again.
        """
        limits = self._limits
        if source is None or (limits.connections_per_address is None and limits.connects_per_s is None):
            return None
        record = self._record(source)
        if limits.connects_per_s is not None:
            wait_s = record.connects.take(self._clock(), limits.connects_per_s, limits.connect_burst)
            if wait_s:
                return "Too many new connections", wait_s
        most = limits.connections_per_address
        if most is not None and record.connections >= most:
            return "Too many connections", FULL_WAIT_S
        record.connections += 1
        return None

    def closed(self, source: int | None) -> None:
        """One of them is over."""
        record = self._records.get(source) if source is not None else None
        if source is not None and record is not None and record.connections:
            record.connections -= 1
            if record.says_nothing(self._clock()):
                del self._records[source]

    # --- requests that lead nowhere -------------------------------------------------------------

    def missed(self, source: int | None) -> float:
        """Its request led nowhere; returns 0, or how many seconds it should be silent for."""
        per_s = self._limits.misses_per_s
        if source is None or per_s is None:
            return 0.0
        return self._record(source).misses.take(self._clock(), per_s, self._limits.miss_burst)

    # --- rooms ----------------------------------------------------------------------------------

    def enter(self, source: int | None, room: str, *, leaving: str | None = None) -> bool:
        """One of its connections wants a seat in ``room``, and gives up that in ``leaving``; whether it may.

        Whoever may is in the room, until :meth:`leave`.
        """
        most = self._limits.rooms_per_address
        if source is None or most is None:
            return True
        record, now = self._record(source), self._clock()
        record.is_live(now)
        given_up = record.rooms.get(leaving) if leaving is not None else None
        taken = len(record.rooms)
        if given_up is not None and given_up.sitting == 1 and given_up.held_until <= now:
            taken -= 1
        if room not in record.rooms and taken >= most:
            return False
        record.rooms.setdefault(room, _Seats()).sitting += 1
        return True

    def leave(self, source: int | None, room: str, *, is_held: bool = False) -> None:
        """One of them has its seat no more; or is gone, and its seat is held for a while."""
        record = self._records.get(source) if source is not None else None
        seats = record.rooms.get(room) if record is not None else None
        if seats is None:
            return
        seats.sitting = max(0, seats.sitting - 1)
        if is_held:
            seats.held_until = self._clock() + self._held_s

    def came_back(self, source: int | None, room: str) -> None:
        """One of them has the seat again that was held for it; so that is held no more."""
        record = self._records.get(source) if source is not None else None
        if record is not None and room in record.rooms:
            record.rooms[room].held_until = 0.0

    # --- what is remembered ---------------------------------------------------------------------

    def _record(self, source: int) -> _Record:
        record = self._records.get(source)
        if record is None:
            self._forget()
            record = self._records[source] = _Record()
        else:
            self._records.move_to_end(source)
        return record

    def _forget(self) -> None:
        """Look at those that were not heard of for the longest time, and make room for another."""
        now = self._clock()
        for _ in range(min(SWEPT_AT_ONCE, len(self._records))):
            source, record = next(iter(self._records.items()))
            is_one_too_many = len(self._records) >= self._most and not record.is_live(now)
            if is_one_too_many or record.says_nothing(now):
                del self._records[source]
            else:
                self._records.move_to_end(source)
