"""A room of the signalling server: two seats, and what everybody in it is told.

Sans-I/O: :meth:`Room.handle` takes one fact and the time, and returns the orders that follow. Facts come
from connections and orders go to connections; members are known to each other by their ids.

An extended member whose connection breaks becomes *absent* and its seat is held (:class:`Holding`); the
other one is told nothing. Two who are there are always a *pairing*. Two of whom one is absent are one
only if they were before: somebody who comes while a stranger's seat is held is alone until its owner is back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, assert_never

from pycall.core.outbox import Outbox
from pycall.core.seats import SEATS, Holding, Member, Seat

RENEWALS: Final = 3
"""So many renewals of a pairing may follow at once: who asks makes the other end build a connection."""

RENEWAL_S: Final = 1.0
"""And then one in this time."""

ByeReason = Literal["left", "lost"]
"""Why somebody is gone: it said so, or its connection ended."""


# --- inputs: facts, of a connection ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JoinAsked:
    """Somebody wants to be in the room; may be there already, also by an older connection.

    ``received`` is the number of the last message it got on that seat; None: it does not count them.
    Who is not ``admitted`` has a seat only if it is its own already.
    """

    connection: str
    member: Member
    received: int | None = None
    admitted: bool = True


@dataclass(frozen=True, slots=True)
class LeaveAsked:
    """Somebody wants to leave the room; may not be in it."""

    connection: str


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """A connection broke or fell silent; its owner may come back by another one."""

    connection: str
    silent_s: float = 0.0
    """For how long nothing had been heard of it: its owner is absent since then."""


@dataclass(frozen=True, slots=True)
class MemberGone:
    """A connection ended for good: closed on purpose (``left``) or taken from its owner (``lost``)."""

    connection: str
    reason: ByeReason


@dataclass(frozen=True, slots=True)
class MessageSent:
    """Somebody sent something for the other one: ``payload`` is its JSON.

    ``number`` counts the sender's messages up, so that one sent twice is known; 0: it does not count.
    """

    connection: str
    payload: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class RenewAsked:
    """Somebody hears nothing of the other one any more, in the pairing ``epoch``."""

    connection: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Expired:
    """The time of :attr:`Room.deadline` has come."""


Input: TypeAlias = JoinAsked | LeaveAsked | ConnectionLost | MemberGone | MessageSent | RenewAsked | Expired


# --- outputs: orders, each to one connection ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendJoined:
    """Tell the joiner that it is in, as ``id``; ``peer`` is the other one, if any.

    ``resumed`` says that the seat was its own already; ``offers`` that of the two it is the one to offer.
    """

    to: str
    id: str
    epoch: int
    peer: Member | None
    offers: bool = False
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Dismiss:
    """End a connection whose seat has moved to a newer one."""

    to: str


@dataclass(frozen=True, slots=True)
class SendOtherJoined:
    """Tell the one who was there that the other one came; it is to offer."""

    to: str
    other: Member
    epoch: int


@dataclass(frozen=True, slots=True)
class SendRenewed:
    """Tell one of a pair that both begin anew, in the same roles."""

    to: str
    epoch: int


@dataclass(frozen=True, slots=True)
class SendFull:
    """Tell a third one, or one who is not admitted, that there is no seat, and nothing else."""

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
    """Hand a message to the other one; ``number`` counts those to its seat, 0 when it does not count."""

    to: str
    payload: str
    number: int = 0


Output: TypeAlias = (
    SendJoined | Dismiss | SendOtherJoined | SendRenewed | SendFull | SendLeft | SendBye | Relay
)


@dataclass(slots=True)
class Room:
    """Who is in the room, in the order they came."""

    holding: Holding = field(default_factory=Holding)
    seats: tuple[Seat, ...] = ()
    paired: bool = False
    """Whether the two in it know of each other."""

    epoch: int = 0
    """Counted up with each pairing and each renewal of one; messages between the two carry it."""

    spent_until: float = -math.inf
    """Until when the renewals there were are within what is allowed."""

    @property
    def deadline(self) -> float | None:
        """When to hand in :class:`Expired`, at the latest; None: not before something else happens."""
        times = [seat.deadline(self.holding) for seat in self.seats]
        return min([time for time in times if time is not None], default=None)

    def handle(self, input_: Input, now: float) -> list[Output]:
        """Change the room by one fact, known since ``now`` (seconds); returns what to send, in this order."""
        match input_:
            case JoinAsked():
                return self._join(input_, now)
            case LeaveAsked(connection):
                return self._leave(connection)
            case ConnectionLost(connection, silent_s):
                return self._lose(connection, now - silent_s)
            case MemberGone(connection, reason):
                seat = self._seat(connection)
                return [] if seat is None else self._vacate(seat, reason)
            case MessageSent():
                return self._pass_on(input_, now)
            case RenewAsked(connection, epoch):
                return self._renew(connection, epoch, now)
            case Expired():
                return self._expire(now)
            case _:
                assert_never(input_)

    # --- coming -----------------------------------------------------------------------------------

    def _join(self, asked: JoinAsked, now: float) -> list[Output]:
        seat = self._seat(asked.connection)
        if seat is not None:
            return [self._joined(seat, resumed=True)]
        for seat in self.seats:
            if seat.member.extended and seat.member.id == asked.member.id:
                return self._resume(seat, asked, now)
        return self._seat_newcomer(asked, now) if asked.admitted else [SendFull(asked.connection)]

    def _seat_newcomer(self, asked: JoinAsked, now: float) -> list[Output]:
        told: list[Output] = []
        if len(self.seats) == SEATS:
            longest = max(self.seats, key=lambda seat: seat.absent_for(now))
            if longest.connection is not None or longest.absent_for(now) < self.holding.exclusive_s:
                return [SendFull(asked.connection)]
            told = self._vacate(longest, "lost")
        # It may come back before it learns that this seat is a fresh one: so its count goes on.
        taken = Seat(asked.member, asked.connection, outbox=Outbox(asked.received or 0))
        self.seats = (*self.seats, taken)
        return told + self._welcome(taken, resumed=False)

    def _resume(self, seat: Seat, asked: JoinAsked, now: float) -> list[Output]:
        told: list[Output] = [] if seat.connection is None else [Dismiss(seat.connection)]
        seat.connection = asked.connection
        told += self._welcome(seat, resumed=True)
        if asked.received is not None:
            seat.outbox.forget(now - self.holding.messages_s)
            missed = seat.outbox.after(asked.received)
            told += [Relay(asked.connection, payload, number) for number, payload in missed]
        return told

    def _welcome(self, came: Seat, *, resumed: bool) -> list[Output]:
        """Tell one who came where it is, and the other one, if they are a pairing only now."""
        other = self._other(came)
        if self.paired or other is None or other.connection is None:
            return [self._joined(came, resumed=resumed)]
        self.paired = True
        came.offers, other.offers = False, True
        self._count_up()
        return [
            self._joined(came, resumed=resumed),
            SendOtherJoined(other.connection, came.member, self.epoch),
        ]

    def _joined(self, seat: Seat, *, resumed: bool) -> SendJoined:
        other = self._other(seat) if self.paired else None
        peer, offers = (None, False) if other is None else (other.member, seat.offers)
        return SendJoined(seat.connection or "", seat.member.id, self.epoch, peer, offers, resumed)

    # --- going ------------------------------------------------------------------------------------

    def _leave(self, connection: str) -> list[Output]:
        seat = self._seat(connection)
        return [] if seat is None else [SendLeft(connection, seat.member.id), *self._vacate(seat, "left")]

    def _lose(self, connection: str, since: float) -> list[Output]:
        seat = self._seat(connection)
        if seat is None:
            return []
        if not seat.member.extended:
            return self._vacate(seat, "lost")
        seat.connection, seat.absent_since = None, since
        return []

    def _expire(self, now: float) -> list[Output]:
        told: list[Output] = []
        for seat in self.seats:
            seat.outbox.forget(now - self.holding.messages_s)
            if seat.connection is None and now >= seat.absent_since + self.holding.total_s:
                told += self._vacate(seat, "lost")
        return told

    def _vacate(self, gone: Seat, reason: ByeReason) -> list[Output]:
        other, knew = self._other(gone), self.paired
        self.paired = False
        self.seats = () if other is None else (other,)
        if other is None:
            return []
        other.outbox.clear()
        return [SendBye(other.connection, gone.member.id, reason)] if knew and other.connection else []

    # --- between the two --------------------------------------------------------------------------

    def _pass_on(self, sent: MessageSent, now: float) -> list[Output]:
        seat = self._seat(sent.connection)
        if seat is None or 0 < sent.number <= seat.heard:
            return []
        seat.heard = sent.number or seat.heard
        other = self._other(seat)
        if other is None or not self.paired:
            return []
        number = 0
        if other.member.extended:
            other.outbox.forget(now - self.holding.messages_s)
            number = other.outbox.add(sent.payload, now)
        return [] if other.connection is None else [Relay(other.connection, sent.payload, number)]

    def _renew(self, connection: str, epoch: int, now: float) -> list[Output]:
        if self._seat(connection) is None or not self.paired or epoch != self.epoch:
            return []
        if not all(seat.member.extended for seat in self.seats):
            return []
        if now < self.spent_until - (RENEWALS - 1) * RENEWAL_S:
            return []
        self.spent_until = max(now, self.spent_until) + RENEWAL_S
        self._count_up()
        return [
            SendRenewed(seat.connection, self.epoch) for seat in self.seats if seat.connection is not None
        ]

    def _count_up(self) -> None:
        """Begin an epoch; what was sent in the one before is of no use in it."""
        self.epoch += 1
        for seat in self.seats:
            seat.outbox.clear()

    def _seat(self, connection: str) -> Seat | None:
        return next((seat for seat in self.seats if seat.connection == connection), None)

    def _other(self, seat: Seat) -> Seat | None:
        return next((other for other in self.seats if other is not seat), None)
