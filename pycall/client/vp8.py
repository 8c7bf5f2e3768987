"""What an encoded VP8 picture says of itself, read without decoding it."""

from __future__ import annotations

from typing import Final

_START: Final = b"\x9d\x01\x2a"
_SIZE: Final = 0x3FFF
"""What is left of 16 bits is the scaling, which only concerns showing."""


def key_picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a key picture (RFC 6386 section 9.1); ``None`` when it is none."""
    if len(data) < 10 or data[0] & 1 or data[3:6] != _START:
        return None
    return int.from_bytes(data[6:8], "little") & _SIZE, int.from_bytes(data[8:10], "little") & _SIZE
