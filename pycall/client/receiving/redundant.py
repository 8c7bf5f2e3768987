"""Pictures in packets that may bring parity as well: RED (RFC 2198), of which browsers use one block."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

_FIXED: Final = 12
_ONE_BYTE: Final = 0xBEDE
"""The profile of extensions with headers of one byte (RFC 8285 section 4.2)."""


def block_of(payload: bytes) -> tuple[int, bytes] | None:
    """The payload type and the content of the only block; ``None`` where there are more, or none."""
    if not payload or payload[0] & 0x80:
        return None
    return payload[0], payload[1:]


def as_protected(packet: bytes, filled: Collection[int]) -> bytes | None:
    """A packet of RTP with a block as the packet that parity was made of, ``None`` if it is none.

    That had the block's type and content for its own, and those extensions empty that are ``filled`` in, by
    their identifiers, only when a packet leaves.
    """
    if len(packet) < _FIXED or packet[0] & 0x20:
        return None
    start = _FIXED + 4 * (packet[0] & 0x0F)
    head = bytearray(packet)
    if packet[0] & 0x10:
        if len(packet) < start + 4:
            return None
        begin, start = start + 4, start + 4 + 4 * int.from_bytes(packet[start + 2 : start + 4])
        if int.from_bytes(packet[begin - 4 : begin - 2]) == _ONE_BYTE:
            _empty(head, begin, min(start, len(packet)), filled)
    block = block_of(packet[start:])
    if block is None:
        return None
    head[1] = packet[1] & 0x80 | block[0]
    return bytes(head[:start]) + block[1]


def _empty(head: bytearray, at: int, end: int, filled: Collection[int]) -> None:
    while at < end:
        number, size = head[at] >> 4, (head[at] & 0x0F) + 1
        if number == 0:  # padding
            at += 1
            continue
        at += 1
        if number in filled:
            stop = min(at + size, end)
            head[at:stop] = bytes(stop - at)
        at += size
