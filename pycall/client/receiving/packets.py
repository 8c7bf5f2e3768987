"""What is read from a packet of pictures without decoding it: where a picture begins that needs no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_STAP_A: Final = 24
_FU_A: Final = 28
_IDR: Final = 5
_PARAMETER_SET: Final = 7
"""Kinds of NAL units (RFC 6184 section 5.2, ITU-T H.264 table 7-1)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One received packet of pictures."""

    number: int
    """Its sequence number, unwrapped."""
    timestamp: int
    """Of its picture, at 90 kHz, unwrapped."""
    data: bytes
    """Its part of the encoded picture; empty when it only probes the path."""
    arrival: float
    """When it came, monotonic seconds."""
    last: bool = False
    """Whether a picture ends with it (the marker bit)."""
    key: bool = False
    """Whether it begins a picture that needs nothing earlier."""
    intra: bool = False
    """Whether it begins one that needs no earlier picture, but may need parameters told before."""
    picture: int | None = None
    """The number, modulo 128, of the picture that it begins; ``None`` where pictures are not numbered."""


def vp8_begins_key(payload: bytes, data: bytes) -> bool:
    """Whether a key picture begins here: ``payload`` as in RFC 7741 section 4.2, ``data`` what it carries."""
    first = bool(payload) and payload[0] & 0x17 == 0x10  # S set, partition 0
    return first and bool(data) and data[0] & 1 == 0  # RFC 7741 section 4.3: P is 0


def vp8_picture(payload: bytes) -> int | None:
    """The number of the picture that begins here, modulo 128 (RFC 7741 section 4.2, PictureID)."""
    if len(payload) < 4 or payload[0] & 0x97 != 0x90 or not payload[1] & 0x80:  # X and S set, partition 0
        return None
    return payload[3 if payload[2] & 0x80 else 2] & 0x7F


def h264_begins_key(payload: bytes, data: bytes) -> bool:  # noqa: ARG001  as VP8's
    """Whether a key picture begins here that brings its parameters: ``payload`` as in RFC 6184 section 5.2.

    Delimiters and messages may come before the sequence parameter set, alone or in the same packet.
    """
    return any(kind == _PARAMETER_SET for kind, _ in _units(payload))


def h264_begins_intra(payload: bytes) -> bool:
    """Whether an IDR picture begins here, which needs no earlier picture, but parameters."""
    return any(kind == _IDR and content[:1] >= b"\x80" for kind, content in _units(payload))


def _units(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """The NAL units that begin in a packet: their kind, and what follows that of them.

    The first slice of a picture begins with a bit that is set: ``first_mb_in_slice`` is 0.
    """
    kind = payload[0] & 0x1F if payload else 0
    if kind == _FU_A:
        if payload[1:2] >= b"\x80":  # the first fragment says what it is
            yield payload[1] & 0x1F, payload[2:]
    elif kind == _STAP_A:
        at = 1
        while at + 2 < len(payload):
            size = int.from_bytes(payload[at : at + 2], "big")
            yield payload[at + 2] & 0x1F, payload[at + 3 : at + 2 + size]
            at += 2 + size
    elif kind:
        yield kind, payload[1:]


BEGINS_KEY: Final = {"VP8": vp8_begins_key, "H264": h264_begins_key}
"""By the name of the encoding."""
