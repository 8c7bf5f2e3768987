"""What somebody shows to be let into the rooms of a closed server."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_PASSWORD: Final = 1_000
"""Characters; a longer one is no password."""

PASSWORD_REFUSED: Final = "password-refused"  # noqa: S105  a word for programs
INVITE_REFUSED: Final = "invite-refused"
BOTH_REFUSED: Final = "password-and-invite-refused"

ASKING_FOR_A_PASSWORD: Final = frozenset({PASSWORD_REFUSED, BOTH_REFUSED})
"""Codes of servers that want one."""

ASKING_FOR_AN_INVITE: Final = frozenset({INVITE_REFUSED, BOTH_REFUSED})

REFUSED: Final = ASKING_FOR_A_PASSWORD | ASKING_FOR_AN_INVITE
"""Codes of a closed server for whomever it does not seat; which one it uses depends on the server only."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A password and an invite; empty where there is none. Neither is ever printed."""

    password: str = field(default="", repr=False)
    invite: str = field(default="", repr=False)

    def as_auth(self) -> dict[str, str]:
        """The part of Socket.IO's auth payload that shows them."""
        shown = {"password": self.password, "invite": self.invite}
        return {name: text for name, text in shown.items() if text}


NONE: Final = Credentials()


def read_credentials(auth: object) -> Credentials:
    """The credentials in a client's auth payload; whatever is not as it should be counts as not shown."""
    asked = auth if isinstance(auth, Mapping) else {}
    password, invite = asked.get("password"), asked.get("invite")
    if password is None and invite is None:
        return NONE
    return Credentials(_text(password), _text(invite))


def normal_password(password: str) -> str:
    """The form in which passwords are compared: keyboards compose accents differently (RFC 8265)."""
    return unicodedata.normalize("NFC", password)


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= MAX_PASSWORD else ""
