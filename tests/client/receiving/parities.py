"""A sender of parity, as RFC 5109 has it."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

SSRC = 77


def packet(number: int, payload: bytes, *, last: bool = False) -> bytes:
    """A packet of RTP, without extensions."""
    return struct.pack("!BBHII", 0x80, last << 7 | 97, number & 0xFFFF, 90 * number, SSRC) + payload


def parity_of(packets: Mapping[int, bytes], numbers: Sequence[int], *, wide: bool = False) -> bytes:
    """The payload of RFC 5109 section 7 that protects these, at level 0."""
    width = 6 if wide else 2
    size = max(len(packets[number]) for number in numbers) - 12
    head, content, mask = bytearray(8), bytearray(size), 0
    for number in numbers:
        data = packets[number]
        for at, byte in enumerate(data[:2] + data[4:8] + struct.pack("!H", len(data) - 12)):
            head[at] ^= byte
        for at, byte in enumerate(data[12:]):
            content[at] ^= byte
        mask |= 1 << (8 * width - 1 - (number - numbers[0]))
    flags = head[0] & 0x3F | wide << 6
    recovery = struct.pack("!BBH", flags, head[1], numbers[0] & 0xFFFF) + head[2:]
    return recovery + struct.pack("!H", size) + mask.to_bytes(width) + content
