"""Invites: signed texts that let who shows them into one room, until they expire.

An invite is a letter, ``o`` for one person or ``m`` for many, and 40 characters of base64 for URLs
(RFC 4648, section 5) which stand for 30 bytes: the time of expiry (5 bytes, Unix seconds, the largest
first), a random id (9 bytes), and a tag (16 bytes). The tag is the first half of the HMAC-SHA256
(RFC 2104, section 5) of all that before it and of the room's name, which the invite does not tell.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

KEY_BYTES: Final = 32
ID_BYTES: Final = 9
TAG_BYTES: Final = 16
EXPIRY_BYTES: Final = 5

SKEW_S: Final = 30
"""The clocks of who signs and who checks may differ by so much."""

LONGEST_S: Final = 366 * 86_400
"""No invite is good for longer."""

INVITE: Final = re.compile(r"[om][A-Za-z0-9_-]{40}")
"""All of an invite."""

_CONTEXT: Final = b"pycall invite 1\x00"
"""The key signs nothing else that looks like this."""

_NO_INVITE: Final = "o" + 40 * "A"


@dataclass(frozen=True, slots=True)
class Invite:
    """Who shows it may join ``room`` until ``expires`` (Unix seconds)."""

    room: str
    expires: int
    id: bytes
    """Nine random bytes, by which one invite is told from another."""
    for_one: bool = False
    """Whether only the first one who shows it may."""


def sign(invite: Invite, key: bytes) -> str:
    """The text to hand to who is invited; ``key`` has :data:`KEY_BYTES` random bytes."""
    head = _head(invite.for_one, invite.expires.to_bytes(EXPIRY_BYTES) + invite.id)
    return head[:1].decode() + urlsafe_b64encode(head[1:] + _tag(head, invite.room, key)).decode()


def read(text: str, room: str, key: bytes, now: float) -> Invite | None:
    """The invite to ``room`` in a text; None for one that is forged, for elsewhere, or over at ``now``.

    Whatever the text is, a tag is made and compared, in the same time.
    """
    is_one = INVITE.fullmatch(text) is not None
    shown = text if is_one else _NO_INVITE
    content = urlsafe_b64decode(shown[1:])
    head = _head(shown[0] == "o", content[:-TAG_BYTES])
    is_signed = hmac.compare_digest(content[-TAG_BYTES:], _tag(head, room, key))
    expires = int.from_bytes(content[:EXPIRY_BYTES])
    is_current = expires - LONGEST_S - SKEW_S <= now < expires + SKEW_S
    if not (is_one and is_signed and is_current):
        return None
    return Invite(room, expires, content[EXPIRY_BYTES:-TAG_BYTES], for_one=shown[0] == "o")


def _head(for_one: bool, content: bytes) -> bytes:
    return (b"o" if for_one else b"m") + content


def _tag(head: bytes, room: str, key: bytes) -> bytes:
    """All parts but the last are of fixed length, so that no two invites sign the same bytes."""
    return hmac.digest(key, _CONTEXT + head + room.encode(), "sha256")[:TAG_BYTES]
