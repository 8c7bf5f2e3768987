"""STUN Binding requests and their answers (RFC 8489), as bytes in and bytes out.

Only what tells a client its own address is spoken: a request that demands anything else, and every
other datagram, has no answer. An answer is as short as the standard permits, so that nobody gains by
sending requests in the name of somebody else.
"""

from __future__ import annotations

import ipaddress
import struct
import zlib
from typing import Final

MOST_BYTES: Final = 512
"""A Binding request longer than this is none; real ones have 20 to about 100 bytes."""

_REQUEST: Final = 0x0001
_SUCCESS: Final = 0x0101
_COOKIE: Final = 0x2112A442
_XOR_MAPPED_ADDRESS: Final = 0x0020
_FINGERPRINT: Final = 0x8028
_FINGERPRINT_XOR: Final = 0x5354554E
_OPTIONAL: Final = 0x8000
"""Attributes from this type on may be left alone by whoever does not know them (section 5)."""

_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_FINGERPRINT_BYTES: Final = 8


def answer(datagram: bytes, host: str, port: int) -> bytes | None:
    """What to send back to ``host`` (an address, with its zone or not), or ``None`` for nothing at all."""
    if not _HEADER.size <= len(datagram) <= MOST_BYTES:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(datagram)
    if kind != _REQUEST or cookie != _COOKIE or length % 4 or length != len(datagram) - _HEADER.size:
        return None
    attributes = _attributes(datagram)
    if attributes is None or any(each < _OPTIONAL for each in attributes):
        return None
    has_fingerprint = _FINGERPRINT in attributes
    if has_fingerprint and not _is_intact(datagram, attributes):
        return None
    return _success(transaction, host, port, has_fingerprint=has_fingerprint)


def _attributes(datagram: bytes) -> list[int] | None:
    """The types of all attributes; ``None`` if they do not fill the message exactly."""
    types = []
    at = _HEADER.size
    while at < len(datagram):
        type_, length = _ATTRIBUTE.unpack_from(datagram, at)  # fits: all lengths so far were divided by 4
        types.append(type_)
        at += _ATTRIBUTE.size + (length + 3) // 4 * 4
    return types if at == len(datagram) else None


def _is_intact(datagram: bytes, attributes: list[int]) -> bool:
    """Whether the fingerprint stands last and is that of the message (section 14.7)."""
    if attributes.index(_FINGERPRINT) != len(attributes) - 1:
        return False
    return datagram[-_FINGERPRINT_BYTES:] == _fingerprint(datagram[:-_FINGERPRINT_BYTES])


def _success(transaction: bytes, host: str, port: int, *, has_fingerprint: bool) -> bytes:
    mapped = _xor_mapped_address(transaction, host, port)
    length = len(mapped) + (_FINGERPRINT_BYTES if has_fingerprint else 0)
    message = _HEADER.pack(_SUCCESS, length, _COOKIE, transaction) + mapped
    return message + _fingerprint(message) if has_fingerprint else message


def _xor_mapped_address(transaction: bytes, host: str, port: int) -> bytes:
    """The attribute of section 14.2: NATs rewrite addresses they see in packets, but not these."""
    address = ipaddress.ip_address(host)
    key = struct.pack("!I12s", _COOKIE, transaction)
    hidden = bytes(each ^ mask for each, mask in zip(address.packed, key, strict=False))
    family = 1 if address.version == 4 else 2
    head = struct.pack("!HHxBH", _XOR_MAPPED_ADDRESS, 4 + len(hidden), family, port ^ _COOKIE >> 16)
    return head + hidden


def _fingerprint(before: bytes) -> bytes:
    return struct.pack("!HHI", _FINGERPRINT, 4, zlib.crc32(before) ^ _FINGERPRINT_XOR)
