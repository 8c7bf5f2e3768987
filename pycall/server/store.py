"""Where the rooms live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pycall.core import room


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How much is going on: rooms with somebody in them, and everybody in rooms."""

    rooms: int
    members: int


class RoomStore(Protocol):
    """Changes one room by one fact, all or nothing, whoever else does so at the same time."""

    async def apply(self, name: str, input_: room.Input) -> list[room.Output]:
        """Hand ``input_`` to the room ``name``; returns its orders once the change has been made.

        A room begins with the first one in it and vanishes with the last.
        """
        ...

    async def occupancy(self) -> Occupancy:
        """How many rooms and members there are now."""
        ...


class MemoryRoomStore:
    """The rooms of one process.

    :meth:`apply` never suspends: between looking at the seats and taking one nothing else runs, so
    no race puts a third into a room.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, room.Room] = {}

    async def apply(self, name: str, input_: room.Input) -> list[room.Output]:
        """See :meth:`RoomStore.apply`."""
        there = self._rooms.setdefault(name, room.Room())
        outputs = there.handle(input_)
        if not there.seats:
            del self._rooms[name]
        return outputs

    async def occupancy(self) -> Occupancy:
        """See :meth:`RoomStore.occupancy`."""
        return Occupancy(len(self._rooms), sum(len(there.seats) for there in self._rooms.values()))
