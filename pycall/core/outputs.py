"""What a :class:`~pycall.core.call.Call` wants done: orders, in the imperative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pycall.core.events import EndReason, Event, Notice
from pycall.core.messages import Candidate, IceServer, Message
from pycall.errors import PycallError


@dataclass(frozen=True, slots=True)
class JoinRoom:
    """Send `join`."""


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Send `leave`."""


@dataclass(frozen=True, slots=True)
class RenewPairing:
    """Send `renew`: both ends shall build a new connection in the epoch after this one."""

    epoch: int


@dataclass(frozen=True, slots=True)
class CheckSignalling:
    """Make sure that the server still answers, and dial again at once if not."""


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Send `message` to the other one."""

    message: Message


@dataclass(frozen=True, slots=True)
class OpenPeer:
    """Create the peer connection of this attempt and gather candidates at once.

    It sends nothing of camera and microphone until :class:`SendMedia`.
    """

    attempt: int
    ice_servers: tuple[IceServer, ...]


@dataclass(frozen=True, slots=True)
class SendMedia:
    """Send camera and microphone on this attempt from now on: what is known of whom it is with was told."""

    attempt: int


@dataclass(frozen=True, slots=True)
class CreateOffer:
    """Answered by ``OfferCreated`` or ``PeerFailed``; candidates are awaited for at most ``wait_s``."""

    attempt: int
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AcceptOffer:
    """Answered by ``AnswerCreated`` or ``PeerFailed``; candidates are awaited for at most ``wait_s``."""

    attempt: int
    sdp: str
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AcceptAnswer:
    """Apply the other side's answer."""

    attempt: int
    sdp: str


@dataclass(frozen=True, slots=True)
class AddCandidate:
    """Add a trickled candidate."""

    attempt: int
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class MeasurePeer:
    """Announce this attempt's statistics each second from now on: it carries the call."""

    attempt: int


@dataclass(frozen=True, slots=True)
class ClosePeer:
    """Close the peer connection; with ``say_bye`` tell the other end first that it is on purpose."""

    attempt: int
    say_bye: bool


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the user."""

    event: Event


@dataclass(frozen=True, slots=True)
class Finish:
    """The call is over; ``error`` says what went wrong, if anything did."""

    reason: EndReason
    error: PycallError | None = None


Output: TypeAlias = (
    JoinRoom
    | LeaveRoom
    | RenewPairing
    | CheckSignalling
    | SendMessage
    | OpenPeer
    | SendMedia
    | CreateOffer
    | AcceptOffer
    | AcceptAnswer
    | AddCandidate
    | MeasurePeer
    | ClosePeer
    | Announce
    | Finish
)


def notice(code: str, message: str) -> Announce:
    """Tell the user something that ends nothing."""
    return Announce(Notice(code, message))
