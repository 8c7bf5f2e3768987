"""What the two ends say to each other: through the server (`message`) and on the control channel.

Everything here comes from a stranger. ``parse_…`` accept any decoded JSON and raise
:class:`ValueError` with one sentence on what is not a message; sizes are bounded.

Descriptions and candidates have the shapes of W3C WebRTC (``RTCSessionDescriptionInit``,
``RTCIceCandidateInit``); everything else is pycall's addition and may be missing (a plain client).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, assert_never

NONCE: Final = re.compile(r"[A-Za-z0-9_-]{22}")
"""16 random bytes in base64 for URLs, without padding."""

COMMITMENT: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""32 bytes likewise."""

MAX_SDP: Final = 48_000
"""Characters of a description; a call of two tracks needs about 5,000."""

MAX_CANDIDATE: Final = 512
"""Characters of a candidate line (RFC 8839 section 5.1)."""

MAX_CONTROL: Final = 2_000
"""Characters of a text on the control channel."""

MAX_SHARE_S: Final = 10.0
"""A stage that takes longer than this is told of by nobody who means it."""

CONTROL_LABEL: Final = "pycall"
"""Label of the control data channel, opened by whoever offers."""


@dataclass(frozen=True, slots=True)
class IceServer:
    """One STUN or TURN server (``RTCIceServer``)."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """A session description that proposes (RFC 8829 section 5.2); the rest is for the words.

    ``known`` is the commitment of the offer whose words the sender's user sees.
    """

    sdp: str
    epoch: int | None
    commitment: str | None = None
    known: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A session description that accepts (RFC 8829 section 5.3), with the answerer's part of the words."""

    sdp: str
    epoch: int | None
    nonce: str | None = None
    known: str | None = None


@dataclass(frozen=True, slots=True)
class Reveal:
    """The offerer's part of the words, which its commitment told of; only after the answer."""

    nonce: str
    epoch: int | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trickled ICE candidate; ``candidate`` is ``None`` for the end of candidates (RFC 8838)."""

    candidate: str | None
    sdp_mid: str | None
    sdp_m_line_index: int | None
    epoch: int | None


@dataclass(frozen=True, slots=True)
class Keep:
    """The connection from before this epoch carries again: what is built for the epoch is given up."""

    epoch: int


Message: TypeAlias = Offer | Answer | Reveal | Candidate | Keep


def parse_message(payload: object) -> Message:
    """The message in a decoded ``message`` payload; raises :class:`ValueError` if it is none."""
    if not isinstance(payload, Mapping):
        raise ValueError("A message is a JSON object.")
    epoch = payload.get("epoch")
    if epoch is not None and not _is_int(epoch):
        raise ValueError("The epoch of a message is a whole number.")
    match payload.get("type"):
        case "offer":
            commitment, known = (
                _token(payload, "commitment", COMMITMENT),
                _token(payload, "known", COMMITMENT),
            )
            return Offer(_text(payload, "sdp", MAX_SDP), epoch, commitment, known)
        case "answer":
            nonce, known = _token(payload, "nonce", NONCE), _token(payload, "known", COMMITMENT)
            return Answer(_text(payload, "sdp", MAX_SDP), epoch, nonce, known)
        case "reveal":
            nonce = _token(payload, "nonce", NONCE)
            if nonce is None:
                raise ValueError("A reveal has a nonce.")
            return Reveal(nonce, epoch)
        case "candidate":
            return _parse_candidate(payload.get("candidate"), epoch)
        case "keep" if epoch is not None:
            return Keep(epoch)
        case _:
            raise ValueError("The type of a message is offer, answer, reveal, candidate or keep.")


def dump_message(message: Message) -> dict[str, Any]:
    """The JSON object that :func:`parse_message` reads back."""
    match message:
        case Offer(sdp, epoch, commitment, known):
            words = {"commitment": commitment, "known": known}
            return {"type": "offer", "sdp": sdp, "epoch": epoch, **_present(words)}
        case Answer(sdp, epoch, nonce, known):
            words = {"nonce": nonce, "known": known}
            return {"type": "answer", "sdp": sdp, "epoch": epoch, **_present(words)}
        case Reveal(nonce, epoch):
            return {"type": "reveal", "nonce": nonce, "epoch": epoch}
        case Candidate(None, _, _, epoch):
            return {"type": "candidate", "candidate": None, "epoch": epoch}
        case Candidate(candidate, sdp_mid, index, epoch):
            init = {"candidate": candidate, "sdpMid": sdp_mid, "sdpMLineIndex": index}
            return {"type": "candidate", "candidate": init, "epoch": epoch}
        case Keep(epoch):
            return {"type": "keep", "epoch": epoch}


def _present(fields: dict[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in fields.items() if value is not None}


def _parse_candidate(init: object, epoch: int | None) -> Candidate:
    if init is None:
        return Candidate(None, None, None, epoch)
    if not isinstance(init, Mapping):
        raise ValueError("A candidate is a JSON object or null.")
    line = _text(init, "candidate", MAX_CANDIDATE)
    if not line:  # W3C: an empty line says the same as null
        return Candidate(None, None, None, epoch)
    mid, index = init.get("sdpMid"), init.get("sdpMLineIndex")
    if mid is not None and not (isinstance(mid, str) and len(mid) <= MAX_CANDIDATE):
        raise ValueError("The sdpMid of a candidate is a short text.")
    if index is not None and not _is_int(index):
        raise ValueError("The sdpMLineIndex of a candidate is a whole number.")
    return Candidate(line, mid, index, epoch)


@dataclass(frozen=True, slots=True)
class State:
    """What the sender of this does right now."""

    muted: bool
    camera_off: bool
    recording: bool


@dataclass(frozen=True, slots=True)
class Bye:
    """The sender hangs up: its connection closes on purpose."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a :class:`Pong`; ``time`` is the sender's wall clock, Unix seconds."""

    time: float


@dataclass(frozen=True, slots=True)
class Pong:
    """Answers a :class:`Ping`: its ``time``, and the answerer's wall clock when it came."""

    time: float
    clock: float


@dataclass(frozen=True, slots=True)
class Shares:
    """How long one kind of media was with its sender lately, in seconds; ``None`` is *not known*."""

    wait_s: float | None = None
    """From capture until the encoder began."""
    encode_s: float | None = None
    pace_s: float | None = None
    """From the encoder until the last packet left."""


@dataclass(frozen=True, slots=True)
class Sending:
    """Where the sender's part of the delay is, which only the sender can know."""

    audio: Shares
    video: Shares


Control: TypeAlias = State | Bye | Ping | Pong | Sending


def parse_control(text: object) -> Control:
    """The message in a text of the control channel; raises :class:`ValueError` if it is none."""
    if not isinstance(text, str) or len(text) > MAX_CONTROL:
        raise ValueError("A control message is a short text.")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("A control message is JSON.") from error
    if not isinstance(fields, dict):
        raise ValueError("A control message is a JSON object.")
    match fields.get("type"):
        case "state":
            return State(
                fields.get("muted") is True,
                fields.get("camera_off") is True,
                fields.get("recording") is True,
            )
        case "bye":
            return Bye()
        case "ping":
            return Ping(_number(fields, "t"))
        case "pong":
            return Pong(_number(fields, "t"), _number(fields, "clock"))
        case "sending":
            return Sending(_shares(fields.get("audio")), _shares(fields.get("video")))
        case _:
            raise ValueError("The type of a control message is state, bye, ping, pong or sending.")


def dump_control(control: Control) -> str:
    """The text that :func:`parse_control` reads back."""
    fields: dict[str, Any]
    match control:
        case State(muted, camera_off, recording):
            fields = {
                "type": "state",
                "muted": muted,
                "camera_off": camera_off,
                "recording": recording,
            }
        case Bye():
            fields = {"type": "bye"}
        case Ping(time):
            fields = {"type": "ping", "t": time}
        case Pong(time, clock):
            fields = {"type": "pong", "t": time, "clock": clock}
        case Sending(audio, video):
            fields = {"type": "sending", "audio": _shared(audio), "video": _shared(video)}
        case _:
            assert_never(control)
    return json.dumps(fields)


def _shares(fields: object) -> Shares:
    """What is said of one kind; what is missing or no time is not known."""
    if not isinstance(fields, dict):
        return Shares()
    return Shares(_duration(fields, "wait"), _duration(fields, "encode"), _duration(fields, "pace"))


def _shared(shares: Shares) -> dict[str, float]:
    said = {"wait": shares.wait_s, "encode": shares.encode_s, "pace": shares.pace_s}
    return {name: seconds for name, seconds in said.items() if seconds is not None}


def _duration(fields: Mapping[str, Any], key: str) -> float | None:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_SHARE_S:
        return None
    return float(value)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _text(fields: Mapping[str, Any], key: str, limit: int) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise ValueError(f"The field {key} is a text.")
    if len(value) > limit:
        raise ValueError(f"The field {key} has more than {limit} characters.")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON can spell half a character
        raise ValueError(f"The field {key} is no Unicode text.") from error
    return value


def _token(fields: Mapping[str, Any], key: str, shape: re.Pattern[str]) -> str | None:
    value = fields.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise ValueError(f"The field {key} is a text of another shape.")
    return value


def _number(fields: Mapping[str, Any], key: str) -> float:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise ValueError(f"The field {key} is a number.")
    return float(value)
