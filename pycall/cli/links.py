"""Links to rooms, such as ``https://192.0.2.10:8080/r/kitchen``, for browsers and for `pycall call`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from pycall.config import CallConfig, keys
from pycall.core.names import check_room_name
from pycall.errors import ConfigError

MAX_LINK: Final = 2048
MAX_SHOWN: Final = 80

_LINK: Final = re.compile(r"(https?://[^/?#]*)/r/([^/?#]*)(?:\?[^#]*)?(?:#(.*))?", re.IGNORECASE)
_INVITE: Final = re.compile(r"(?:.*&)?invite=([^&]*)(?:&.*)?")
_SERVER: Final = next(key for key in keys(CallConfig) if key.name == "server")
_USUAL_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Link:
    """A room and the server it is on, e.g. ``https://192.0.2.10:8080``.

    An invite to it is a secret: it is in no text but that of :meth:`with_invite`.
    """

    server: str
    room: str
    invite: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.server}/r/{quote(self.room)}"

    def with_invite(self) -> str:
        """The whole link. What follows ``#`` stays in the browser, and out of every server's log."""
        return f"{self}#invite={self.invite}" if self.invite else str(self)


def parse_link(text: str) -> Link:
    """The room a link leads to, and the invite in its fragment; all else there is for the page and ignored.

    Raises:
        ConfigError: it is no link to a room, or its server's address cannot be used.
        ValueError: its room's name is none; one sentence says what is.
    """
    match = _LINK.fullmatch(text) if len(text) <= MAX_LINK and text.isprintable() else None
    if match is None:
        told = text.partition("#")[0]  # an invite may follow
        shown = told if len(told) <= MAX_SHOWN else f"{told[:MAX_SHOWN]}…"
        raise ConfigError(f"{shown!r} is no link to a room.", "One looks like https://HOST:8080/r/ROOM.")
    invite = _INVITE.fullmatch(match[3] or "")
    return Link(
        _SERVER.read(match[1], "ROOM"), check_room_name(unquote(match[2])), invite[1] if invite else ""
    )


def parse_room(text: str) -> str | Link:
    """The link, or the name of a room, in a text.

    Raises:
        ConfigError: it is neither.
    """
    try:
        return parse_link(text) if "://" in text else check_room_name(text)
    except ValueError as error:
        raise ConfigError(str(error), "Use letters, digits, - and _, such as kitchen.") from error


def same_server(one: str, other: str) -> bool:
    """Whether two server addresses are the same, however they are written."""
    return _normal(one) == _normal(other)


def _normal(server: str) -> tuple[str, str | None, int | None]:
    url = urlsplit(server)
    return url.scheme, url.hostname, url.port or _USUAL_PORTS.get(url.scheme)
