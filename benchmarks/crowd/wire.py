"""The wire of a plain Socket.IO client by hand, bytes in and bytes out: websocket (RFC 6455) and packets.

The client's frames are made once and used again and again, so that a crowd of clients costs little.
"""

from __future__ import annotations

import json
import struct
from typing import Final

UPGRADE: Final = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
"""The handshake, without the host; it offers no compression, so there is none."""

UPGRADED: Final = b"HTTP/1.1 101 "
END_OF_HEAD: Final = b"\r\n\r\n"

_FINAL: Final = 0x80
_TEXT: Final = 0x1
_MASKED: Final = 0x80
_MASK: Final = b"\x5a\xc3\x17\x9e"
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127


CLOSE: Final = bytes([_FINAL | 0x8, _MASKED]) + _MASK
"""The answer to a close frame."""


class UnexpectedFrameError(ValueError):
    """The server sent what no server of this protocol sends to a client like this."""


def frame(text: str) -> bytes:
    """A masked text frame, which holds the whole message."""
    content = text.encode()
    size = len(content)
    if size < _LENGTH_16:
        head = struct.pack("!BB", _FINAL | _TEXT, _MASKED | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", _FINAL | _TEXT, _MASKED | _LENGTH_16, size)
    else:
        head = struct.pack("!BBQ", _FINAL | _TEXT, _MASKED | _LENGTH_64, size)
    mask = (_MASK * (size // 4 + 1))[:size]
    masked = int.from_bytes(content, "big") ^ int.from_bytes(mask, "big")
    return head + _MASK + masked.to_bytes(size, "big")


def event(name: str, argument: object) -> str:
    """The packet with which a client sends an event that asks for no acknowledgement."""
    return "42" + json.dumps([name, argument], separators=(",", ":"), ensure_ascii=False)


def messages(received: bytes) -> tuple[list[bytes], bytes]:
    """The text messages in what came from a server, and the rest of it, which is no whole frame yet.

    A close frame is an empty message. Raises UnexpectedFrameError for a frame that no server has reason to
    send to a client which offered no extension and sends whole messages itself.
    """
    found: list[bytes] = []
    at, end = 0, len(received)
    while end - at >= 2:
        size, begin = received[at + 1], at + 2
        if size == _LENGTH_16:
            if end < (begin := at + 4):
                break
            size = received[at + 2] << 8 | received[at + 3]
        elif size == _LENGTH_64:
            if end < (begin := at + 10):
                break
            size = int.from_bytes(received[at + 2 : begin], "big")
        if end < begin + size:
            break
        kind = received[at]
        if kind == _FINAL | _TEXT:
            found.append(received[begin : begin + size])
        elif kind == _FINAL | 0x8:
            found.append(b"")
        else:
            raise UnexpectedFrameError(f"a frame that begins with 0x{kind:02x}")
        at = begin + size
    return found, received[at:]
