"""What a call tells the outside: the ``--json`` interface and the live line are made from these.

Each event is a frozen dataclass; ``event_name`` is its stable word on the wire of ``--json``.
Durations and times end in ``_s`` or ``_ms``; ``None`` means *not known*, and such a field is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

EndReason = Literal["hangup", "peer-hangup", "duration", "interrupted", "lost", "error"]
"""Why a call ended: by us, by the other side, by `--duration`, by a signal, since the other side
vanished and did not come back, or by another error."""

PathKind = Literal["direct", "relay"]

CandidateType = Literal["host", "srflx", "prflx", "relay"]
"""Kinds of ICE candidates (RFC 8445 section 5.1.1)."""

PathProtocol = Literal["udp", "tcp", "tls"]


@dataclass(frozen=True, slots=True)
class Path:
    """The way the media takes: whether a relay is on it, and the chosen candidates of the two ends.

    ``protocol`` is what our packets leave this computer by: that of the connection to our relay if
    ``local`` is one (W3C ``relayProtocol``), else UDP.
    """

    kind: PathKind
    local: CandidateType
    remote: CandidateType
    protocol: PathProtocol = "udp"


@dataclass(frozen=True, slots=True)
class Joined:
    """We are in the room; ``peer`` says whether somebody was there already."""

    event_name: ClassVar[str] = "joined"
    room: str
    id: str
    peer: bool


@dataclass(frozen=True, slots=True)
class PeerJoined:
    """The other one is in the room."""

    event_name: ClassVar[str] = "peer_joined"
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Connecting:
    """Descriptions are being exchanged."""

    event_name: ClassVar[str] = "connecting"


@dataclass(frozen=True, slots=True)
class Connected:
    """Media can flow, on this :class:`Path`; ``setup_s`` counts from the moment both were in the room."""

    event_name: ClassVar[str] = "connected"
    path: PathKind
    local: CandidateType
    remote: CandidateType
    protocol: PathProtocol
    setup_s: float


@dataclass(frozen=True, slots=True)
class Words:
    """What both users see unless somebody sits between them; ``changed`` when the other key is another."""

    event_name: ClassVar[str] = "words"
    words: tuple[str, ...]
    changed: bool


@dataclass(frozen=True, slots=True)
class PathChanged:
    """The media takes another :class:`Path` now."""

    event_name: ClassVar[str] = "path"
    path: PathKind
    local: CandidateType
    remote: CandidateType
    protocol: PathProtocol


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """The connection carries nothing any more; another one is built. Nothing was heard for ``silent_s``."""

    event_name: ClassVar[str] = "reconnecting"
    silent_s: float


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The other end is heard again, after ``gap_s`` of silence."""

    event_name: ClassVar[str] = "reconnected"
    gap_s: float


@dataclass(frozen=True, slots=True)
class FirstFrame:
    """The first received frame of a kind was decoded."""

    event_name: ClassVar[str] = "first_frame"
    kind: Literal["audio", "video"]


@dataclass(frozen=True, slots=True)
class Stats:
    """The last second of the call; rates in kbit/s, loss counted from the beginning of the call."""

    event_name: ClassVar[str] = "stats"
    sent_kbps: float
    received_kbps: float
    fps: float
    width: int | None
    height: int | None
    packets_lost: int
    jitter_ms: float | None
    rtt_ms: float | None
    audio_latency_ms: float | None
    video_latency_ms: float | None


@dataclass(frozen=True, slots=True)
class Latency:
    """Where the delay of what was received in the last second is: each stage's median, in ms.

    The first three are the sender's, where it tells them; where it does not, they are in ``network_ms``.
    """

    event_name: ClassVar[str] = "latency"
    kind: Literal["audio", "video"]
    wait_ms: float | None
    """From capture until the encoder began; of sound from the first sample of a block of 20 ms on."""
    encode_ms: float | None
    pace_ms: float | None
    """From the encoder until the last packet left."""
    network_ms: float | None
    repair_ms: float | None
    """From the first packet of a picture until all of it was there."""
    decode_ms: float | None
    hold_ms: float | None
    """Held against jitter and losses, and to bring lips and sound together."""
    device_ms: float | None
    """What the speaker says it takes itself."""
    total_ms: float | None
    """From capture to showing or hearing."""


@dataclass(frozen=True, slots=True)
class PeerState:
    """What the other side says of itself."""

    event_name: ClassVar[str] = "peer_state"
    muted: bool
    camera_off: bool
    recording: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """Our own recording began, ended or broke; ``path`` is absolute."""

    event_name: ClassVar[str] = "recording"
    state: Literal["started", "stopped", "failed"]
    path: str


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """The other one is gone: it hung up (``left``) or vanished (``lost``)."""

    event_name: ClassVar[str] = "peer_left"
    id: str
    reason: Literal["left", "lost"]


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event. Totals are over all calls of this run; ``duration_s`` counts connected time."""

    event_name: ClassVar[str] = "ended"
    reason: EndReason
    duration_s: float = 0.0
    frames_sent: int = 0
    frames_received: int = 0
    audio_sent_s: float = 0.0
    audio_received_s: float = 0.0
    bytes_sent: int = 0
    bytes_received: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know that ends nothing, such as a camera that went away."""

    event_name: ClassVar[str] = "notice"
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The error the call ends with."""

    event_name: ClassVar[str] = "error"
    code: str
    message: str
    hint: str


Event: TypeAlias = (
    Joined
    | PeerJoined
    | Connecting
    | Connected
    | Words
    | PathChanged
    | Reconnecting
    | Reconnected
    | FirstFrame
    | Stats
    | Latency
    | PeerState
    | Recording
    | PeerLeft
    | Ended
    | Notice
    | Failed
)
