"""What is read from a packet of pictures without decoding it: where a picture begins that needs no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_STAP_A: Final = 24
_FU_A: Final = 28
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
    """Whether it begins a picture that needs no earlier one."""


def vp8_begins_key(payload: bytes, data: bytes) -> bool:
    """Whether a key picture begins here: ``payload`` as in RFC 7741 section 4.2, ``data`` what it carries."""
    first = bool(payload) and payload[0] & 0x17 == 0x10  # S set, partition 0
    return first and bool(data) and data[0] & 1 == 0  # RFC 7741 section 4.3: P is 0


def h264_begins_key(payload: bytes, data: bytes) -> bool:  # noqa: ARG001  as VP8's
    """Whether a key picture begins here: ``payload`` is as in RFC 6184 section 5.2.

    It begins with a sequence parameter set; browsers send it with each.
    """
    kinds = payload[:1]
    if kinds and kinds[0] & 0x1F == _STAP_A:
        kinds = payload[3:4]
    elif kinds and kinds[0] & 0x1F == _FU_A:
        kinds = payload[1:2] if payload[1:2] >= b"\x80" else b""  # the first fragment says what it is
    return bool(kinds) and kinds[0] & 0x1F == _PARAMETER_SET


BEGINS_KEY: Final = {"VP8": vp8_begins_key, "H264": h264_begins_key}
"""By the name of the encoding."""
