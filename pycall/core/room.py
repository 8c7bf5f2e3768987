"""A room of the signalling server: two seats, and what everybody in it is told.

Sans-I/O: :meth:`Room.handle` takes one fact and returns the orders that follow from it. The one
who was there first offers, so which side begins is settled by the order of the seats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, assert_never

SEATS: Final = 2
"""How many a room holds."""

ByeReason = Literal["left", "lost"]
"""Why somebody is gone: it said so, or its connection ended."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a room; ``name`` is for showing and may be empty."""

    id: str
    name: str = ""


# --- inputs: facts --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JoinAsked:
    """Somebody wants to be in the room; may be there already."""

    member: Member


@dataclass(frozen=True, slots=True)
class LeaveAsked:
    """Somebody wants to leave the room; may not be in it."""

    id: str


@dataclass(frozen=True, slots=True)
class MemberGone:
    """A connection ended: closed on purpose (``left``) or broken (``lost``)."""

    id: str
    reason: ByeReason


@dataclass(frozen=True, slots=True)
class MessageSent:
    """Somebody sent something for the other one."""

    id: str
    payload: object


Input: TypeAlias = JoinAsked | LeaveAsked | MemberGone | MessageSent


# --- outputs: orders, each to one receiver --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendJoined:
    """Tell the joiner that it is in; ``peer`` was there before and will offer."""

    to: str
    epoch: int
    peer: Member | None


@dataclass(frozen=True, slots=True)
class SendOtherJoined:
    """Tell the one who was there that the other one came."""

    to: str
    other: Member
    epoch: int


@dataclass(frozen=True, slots=True)
class SendFull:
    """Tell a third one that there is no seat, and nothing else."""

    to: str


@dataclass(frozen=True, slots=True)
class SendLeft:
    """Tell the leaver that it is out."""

    to: str


@dataclass(frozen=True, slots=True)
class SendBye:
    """Tell the one who stays that the other one is gone."""

    to: str
    other: str
    reason: ByeReason


@dataclass(frozen=True, slots=True)
class Relay:
    """Hand a message to the other one."""

    to: str
    payload: object


Output: TypeAlias = SendJoined | SendOtherJoined | SendFull | SendLeft | SendBye | Relay


@dataclass(slots=True)
class Room:
    """Who is in the room, in the order they came, and the number of the last pairing."""

    seats: tuple[Member, ...] = ()
    epoch: int = 0
    """Counted up each time two become a pair; messages between them carry it."""

    def handle(self, input_: Input) -> list[Output]:
        """Change the room by one fact; returns what to send, in this order."""
        match input_:
            case JoinAsked(member):
                return self._join(member)
            case LeaveAsked(id_):
                return self._leave(id_)
            case MemberGone(id_, reason):
                return self._vacate(id_, reason)
            case MessageSent(id_, payload):
                return [Relay(other.id, payload) for other in self._others(id_)]
            case _:
                assert_never(input_)

    def _join(self, member: Member) -> list[Output]:
        if self._holds(member.id):
            return [SendJoined(member.id, self.epoch, next(iter(self._others(member.id)), None))]
        if len(self.seats) == SEATS:
            return [SendFull(member.id)]
        there = self.seats[0] if self.seats else None
        self.seats = (*self.seats, member)
        if there is None:
            return [SendJoined(member.id, self.epoch, None)]
        self.epoch += 1
        return [
            SendJoined(member.id, self.epoch, there),
            SendOtherJoined(there.id, member, self.epoch),
        ]

    def _leave(self, id_: str) -> list[Output]:
        return [SendLeft(id_), *self._vacate(id_, "left")] if self._holds(id_) else []

    def _vacate(self, id_: str, reason: ByeReason) -> list[Output]:
        staying = self._others(id_)
        self.seats = tuple(seat for seat in self.seats if seat.id != id_)
        return [SendBye(other.id, id_, reason) for other in staying]

    def _holds(self, id_: str) -> bool:
        return any(seat.id == id_ for seat in self.seats)

    def _others(self, id_: str) -> tuple[Member, ...]:
        """The members beside ``id_``; none for somebody who is not a member."""
        return tuple(seat for seat in self.seats if seat.id != id_) if self._holds(id_) else ()
