"""Websocket frames as a server reads and writes them (RFC 6455), as bytes in and bytes out.

No extension is spoken, so reserved bits are errors. A message too large is refused by the header of the
frame that makes it so, before anything of that frame is kept.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from enum import IntEnum
from hashlib import sha1
from typing import Final

from aiohttp import WSCloseCode

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES: Final = 16

_FINAL: Final = 0x80
_MASKED: Final = 0x80
_RESERVED_BITS: Final = 0x70
_CONTROL: Final = 0x8
_MOST_OF_CONTROL: Final = 125
_MASK_BYTES: Final = 4

_XOR: Final = tuple(bytes(byte ^ key for byte in range(256)) for key in range(256))
"""By each byte of a mask, what every byte becomes under it."""

_VALID_CODES: Final = frozenset({*range(1000, 1004), *range(1007, 1015)})
"""Codes below 3000 that a close frame may have (section 7.4.1 and IANA's registry)."""


class Opcode(IntEnum):
    """What a frame is (section 5.2)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


_OPCODES: Final = {opcode.value: opcode for opcode in Opcode}


class FrameError(ValueError):
    """A frame no client may send; ``code`` is what to close the websocket with."""

    def __init__(self, code: WSCloseCode, what: str) -> None:
        super().__init__(what)
        self.code = code


class FrameReader:
    """Takes the bytes of one client apart; after a :class:`FrameError` it is of no more use."""

    __slots__ = ("_held", "_kind", "_most_bytes", "_needed", "_parts")

    def __init__(self, most_bytes: int | None) -> None:
        """``most_bytes`` is the largest message's size, without limit if None."""
        self._most_bytes = most_bytes
        self._held: bytearray | None = None
        """The beginning of a frame that has not come whole."""

        self._needed = 0
        """So many bytes of it must be there before it is worth looking again."""

        self._kind: Opcode | None = None
        self._parts: bytearray | None = None
        """The message whose last fragment has not come."""

    def feed(self, data: bytes) -> Iterator[tuple[Opcode, bytes]]:
        """Yield what ``data`` completes: whole messages and control frames, unmasked.

        A fragment that completes nothing is yielded as an empty ``CONTINUATION``: it was work all the same.

        Raises:
            FrameError: the websocket must be closed.
        """
        if self._held is not None:
            self._held += data
            if len(self._held) < self._needed:
                return
            data, self._held = bytes(self._held), None
        at, end, self._needed = 0, len(data), 0
        while end - at >= 2:
            first, length = data[at], data[at + 1] ^ _MASKED
            head = 2 + _MASK_BYTES
            if length >= 126:
                if length & _MASKED:
                    raise FrameError(WSCloseCode.PROTOCOL_ERROR, "a frame without mask")
                size = 2 if length == 126 else 8
                head += size
                if end - at < head:
                    break
                length = int.from_bytes(data[at + 2 : at + 2 + size], "big")
            elif end - at < head:
                break
            opcode = self._checked(first, length)
            begin = at + head
            if end - begin < length:
                self._needed = head + length
                break
            at = begin + length
            payload = _unmasked(data[begin - _MASK_BYTES : begin], data[begin:at]) if length else b""
            yield (opcode, payload) if opcode & _CONTROL else self._joined(first, opcode, payload)
        if at < end:
            self._held = bytearray(memoryview(data)[at:])

    def _checked(self, first: int, length: int) -> Opcode:
        """The opcode of a frame that may come now and be as long as it says."""
        opcode = _OPCODES.get(first & 0xF)
        if opcode is None or first & _RESERVED_BITS:
            raise FrameError(WSCloseCode.PROTOCOL_ERROR, "an unknown kind of frame")
        if opcode & _CONTROL:
            if length > _MOST_OF_CONTROL or not first & _FINAL:
                raise FrameError(WSCloseCode.PROTOCOL_ERROR, "a control frame too long or in fragments")
            return opcode
        if (opcode is Opcode.CONTINUATION) is (self._kind is None):
            raise FrameError(WSCloseCode.PROTOCOL_ERROR, "a fragment out of order")
        if self._most_bytes is not None and length + len(self._parts or b"") > self._most_bytes:
            raise FrameError(WSCloseCode.MESSAGE_TOO_BIG, "too large a message")
        return opcode

    def _joined(self, first: int, opcode: Opcode, payload: bytes) -> tuple[Opcode, bytes]:
        if self._kind is None:
            if first & _FINAL:
                return opcode, payload
            self._kind, self._parts = opcode, bytearray(payload)
            return Opcode.CONTINUATION, b""
        assert self._parts is not None
        self._parts += payload
        if not first & _FINAL:
            return Opcode.CONTINUATION, b""
        kind, whole = self._kind, bytes(self._parts)
        self._kind = self._parts = None
        return kind, whole


def text_of(payload: bytes) -> str:
    """The text of a message; raises FrameError if it is not UTF-8."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise FrameError(WSCloseCode.INVALID_TEXT, "text that is not UTF-8") from None


def close_code_of(payload: bytes) -> int:
    """The code of a close frame, 0 if it has none; raises FrameError if it cannot be one (section 5.5.1)."""
    if not payload:
        return 0
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or (code < 3000 and code not in _VALID_CODES) or code > 4999:
        raise FrameError(WSCloseCode.PROTOCOL_ERROR, "no code to close with")
    text_of(payload[2:])
    return code


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """A whole message or control frame, unmasked as a server's are."""
    length = len(payload)
    if length < 126:
        return bytes((_FINAL | opcode, length)) + payload
    if length < 1 << 16:
        return bytes((_FINAL | opcode, 126, length >> 8, length & 0xFF)) + payload
    return bytes((_FINAL | opcode, 127)) + length.to_bytes(8, "big") + payload


def close_frame(code: WSCloseCode, reason: str) -> bytes:
    """A close frame; of ``reason``, ASCII, only what fits is sent."""
    return frame(Opcode.CLOSE, code.to_bytes(2, "big") + reason.encode("ascii")[: _MOST_OF_CONTROL - 2])


def is_key(text: str) -> bool:
    """Whether ``text`` can be the ``Sec-WebSocket-Key`` of a handshake (section 4.2.1)."""
    try:
        return len(b64decode(text, validate=True)) == _KEY_BYTES
    except ValueError:  # not base64, or not ASCII
        return False


def accept(key: str) -> str:
    """What answers the key of a handshake (section 4.2.2)."""
    return b64encode(sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def _unmasked(mask: bytes, payload: bytes) -> bytes:
    """``payload`` under ``mask``; one table for each of its four bytes, and none of them in Python."""
    clear = bytearray(payload)
    for nth, key in enumerate(mask):
        if key:
            clear[nth::_MASK_BYTES] = clear[nth::_MASK_BYTES].translate(_XOR[key])
    return bytes(clear)
