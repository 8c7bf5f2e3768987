"""What can happen to a :class:`~pycall.core.call.Call`: facts, in the past tense.

Reports of a peer connection carry the ``attempt`` it belongs to, so that what an earlier one still
says is recognised and dropped in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pycall.core.events import Path
from pycall.core.messages import Control, IceServer, Message
from pycall.errors import PycallError


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """The other one in the room; ``name`` is already safe to print and may be empty."""

    id: str
    name: str
    renews: bool = False
    """Whether it builds a new connection when the present one is silent, and takes trickled candidates."""


@dataclass(frozen=True, slots=True)
class SignallingOpened:
    """The signalling connection stands, for the first time or again."""


@dataclass(frozen=True, slots=True)
class SignallingLost:
    """The signalling connection broke; the adapter is dialling again."""

    why: str = "The signalling server is gone; dialling it again."


@dataclass(frozen=True, slots=True)
class SignallingFailed:
    """The signalling server cannot be used at all."""

    error: PycallError


@dataclass(frozen=True, slots=True)
class JoinedRoom:
    """The server let us in (`joined`)."""

    id: str
    epoch: int | None
    peer: PeerInfo | None
    ice_servers: tuple[IceServer, ...]
    resumed: bool = False
    """Whether it is the seat we had before our connection broke."""
    offering: bool = False
    """Whether it is ours to offer in this pairing: then we were there before the peer."""


@dataclass(frozen=True, slots=True)
class OtherJoined:
    """Somebody came to the room we are in (`other_joined`)."""

    peer: PeerInfo
    epoch: int | None
    ice_servers: tuple[IceServer, ...] = ()


@dataclass(frozen=True, slots=True)
class OtherLeft:
    """The server says the other one is gone (`bye`)."""

    id: str
    reason: Literal["left", "lost"]


@dataclass(frozen=True, slots=True)
class Renewed:
    """The pairing goes on in this epoch, on a new connection (`renewed`)."""

    epoch: int
    ice_servers: tuple[IceServer, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomFull:
    """Two are in the room already (`full`)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server refused something we sent, with a stable code and a sentence (`error`)."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """The other one sent a description or candidate (`message`)."""

    message: Message


@dataclass(frozen=True, slots=True)
class OfferCreated:
    """The peer connection has an offer, with the candidates there are so far; ``nonce`` is random."""

    attempt: int
    sdp: str
    nonce: bytes


@dataclass(frozen=True, slots=True)
class AnswerCreated:
    """The peer connection has an answer, with the candidates there are so far; ``nonce`` is random."""

    attempt: int
    sdp: str
    nonce: bytes


@dataclass(frozen=True, slots=True)
class CandidateGathered:
    """A candidate no description has yet, as a line (RFC 8839 section 5.1); ``None`` after the last."""

    attempt: int
    line: str | None


@dataclass(frozen=True, slots=True)
class PeerConnected:
    """ICE and DTLS are through; media can flow."""

    attempt: int
    path: Path


@dataclass(frozen=True, slots=True)
class PathChanged:
    """The peer connection goes another way now."""

    attempt: int
    path: Path


@dataclass(frozen=True, slots=True)
class PeerFailed:
    """The peer connection cannot be used; ``why`` and ``hint`` are a sentence each for a person."""

    attempt: int
    why: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class PeerClosed:
    """The other end closed the peer connection in an orderly way (DTLS close_notify)."""

    attempt: int


@dataclass(frozen=True, slots=True)
class ControlReceived:
    """The other end said something on the control channel."""

    attempt: int
    control: Control


@dataclass(frozen=True, slots=True)
class MediaArrived:
    """The first frame of a kind was decoded."""

    attempt: int
    kind: Literal["audio", "video"]


@dataclass(frozen=True, slots=True)
class MediaSilent:
    """Nothing at all came from the other end for ``silent_s`` seconds."""

    attempt: int
    silent_s: float


@dataclass(frozen=True, slots=True)
class MediaHeard:
    """A packet came from the other end: the first, or the first after ``MediaSilent``."""

    attempt: int


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """The addresses of this computer are others than before, or it woke from sleep.

    ``lost`` when what stood before may not stand any more: the address it used is gone, or it slept.
    """

    lost: bool = True


@dataclass(frozen=True, slots=True)
class HungUp:
    """The user hangs up."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The process was told to end by a signal."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The call's own deadline is over."""


OfAttempt: TypeAlias = (
    OfferCreated
    | AnswerCreated
    | CandidateGathered
    | PeerConnected
    | PathChanged
    | PeerFailed
    | PeerClosed
    | ControlReceived
    | MediaArrived
    | MediaSilent
    | MediaHeard
)
"""Reports of one peer connection."""

Input: TypeAlias = (
    SignallingOpened
    | SignallingLost
    | SignallingFailed
    | JoinedRoom
    | OtherJoined
    | OtherLeft
    | Renewed
    | RoomFull
    | Refused
    | MessageReceived
    | OfAttempt
    | NetworkChanged
    | HungUp
    | Interrupted
    | DeadlinePassed
)
