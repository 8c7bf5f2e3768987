"""A room of the signalling server: two seats, and what everybody in it is told.

Sans-I/O: :meth:`Room.handle` takes one fact and returns the orders that follow from it. The one
who was there first offers, so which side begins is settled by the order of the seats.

Facts come from connections and orders go to connections. Who has a seat is known to the other one by
the id of the connection that took it, and keeps this id when the seat moves to a newer connection.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True, slots=True)
class Seat:
    """A member's place: the connection that reaches it, and the secret that moves it to another one."""

    member: Member
    connection: str
    token: str = field(repr=False)
    """Empty for a seat that cannot move."""

    def opens_to(self, token: str) -> bool:
        """Whether ``token`` is this seat's, in a time that tells nothing about it."""
        return bool(self.token) and hmac.compare_digest(self.token.encode(), token.encode())


# --- inputs: facts, of the connection ``id`` --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JoinAsked:
    """Somebody wants to be in the room; may be there already, also by an older connection.

    ``token`` is for the seat it may be given. ``resume`` is what it was given for an earlier one;
    when that seat is gone or another's, it counts as none.
    """

    member: Member
    token: str = field(default="", repr=False)
    resume: str = field(default="", repr=False)


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


# --- outputs: orders, each to one connection --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendJoined:
    """Tell the joiner that it is in, as ``id``; ``peer`` is the other one, if any.

    ``resumed`` says that the seat was its own already. Otherwise it is new, and ``peer`` will offer.
    """

    to: str
    id: str
    epoch: int
    peer: Member | None
    token: str = field(default="", repr=False)
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Dismiss:
    """End a connection whose seat has moved to a newer one."""

    to: str


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
    """Tell the leaver that it, known as ``id``, is out."""

    to: str
    id: str


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


Output: TypeAlias = SendJoined | Dismiss | SendOtherJoined | SendFull | SendLeft | SendBye | Relay


@dataclass(slots=True)
class Room:
    """Who is in the room, in the order they came, and the number of the last pairing."""

    seats: tuple[Seat, ...] = ()
    epoch: int = 0
    """Counted up each time two become a pair; messages between them carry it."""

    def handle(self, input_: Input) -> list[Output]:
        """Change the room by one fact; returns what to send, in this order."""
        match input_:
            case JoinAsked():
                return self._join(input_)
            case LeaveAsked(id_):
                return self._leave(id_)
            case MemberGone(id_, reason):
                return self._vacate(id_, reason)
            case MessageSent(id_, payload):
                return [Relay(other.connection, payload) for other in self._others(id_)]
            case _:
                assert_never(input_)

    def _join(self, asked: JoinAsked) -> list[Output]:
        connection = asked.member.id
        for seat in self.seats:
            if seat.connection == connection:
                return [self._joined(seat, resumed=True)]
        for seat in self.seats:
            if seat.opens_to(asked.resume):
                return self._move(seat, connection)
        if len(self.seats) == SEATS:
            return [SendFull(connection)]
        there, taken = self.seats, Seat(asked.member, connection, asked.token)
        self.seats = (*there, taken)
        self.epoch += len(self.seats) == SEATS
        return [
            self._joined(taken, resumed=False),
            *(SendOtherJoined(other.connection, asked.member, self.epoch) for other in there),
        ]

    def _move(self, seat: Seat, connection: str) -> list[Output]:
        moved = replace(seat, connection=connection)
        self.seats = tuple(moved if each is seat else each for each in self.seats)
        return [Dismiss(seat.connection), self._joined(moved, resumed=True)]

    def _leave(self, id_: str) -> list[Output]:
        seat = self._seat(id_)
        return [] if seat is None else [SendLeft(id_, seat.member.id), *self._vacate(id_, "left")]

    def _vacate(self, id_: str, reason: ByeReason) -> list[Output]:
        gone, staying = self._seat(id_), self._others(id_)
        if gone is None:
            return []
        self.seats = staying
        return [SendBye(other.connection, gone.member.id, reason) for other in staying]

    def _joined(self, seat: Seat, *, resumed: bool) -> SendJoined:
        peer = next((other.member for other in self._others(seat.connection)), None)
        return SendJoined(seat.connection, seat.member.id, self.epoch, peer, seat.token, resumed)

    def _seat(self, connection: str) -> Seat | None:
        return next((seat for seat in self.seats if seat.connection == connection), None)

    def _others(self, connection: str) -> tuple[Seat, ...]:
        """The seats beside that of ``connection``; none for one that has no seat."""
        if self._seat(connection) is None:
            return ()
        return tuple(seat for seat in self.seats if seat.connection != connection)
