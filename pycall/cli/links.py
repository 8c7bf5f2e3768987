"""Links to rooms, such as ``https://192.0.2.10:8080/r/kitchen``, for browsers and for `pycall call`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from pycall.config import CallConfig, keys
from pycall.core.names import check_room_name
from pycall.errors import ConfigError

MAX_LINK: Final = 2048
MAX_SHOWN: Final = 80

_LINK: Final = re.compile(r"(https?://[^/?#]*)/r/([^/?#]*)(?:[?#].*)?", re.IGNORECASE)
_SERVER: Final = next(key for key in keys(CallConfig) if key.name == "server")
_USUAL_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Link:
    """A room and the server it is on, e.g. ``https://192.0.2.10:8080``."""

    server: str
    room: str

    def __str__(self) -> str:
        return f"{self.server}/r/{quote(self.room)}"


def parse_link(text: str) -> Link:
    """The room a link leads to; its query and fragment are for the page and ignored.

    Raises:
        ConfigError: it is no link to a room, or its server's address cannot be used.
        ValueError: its room's name is none; one sentence says what is.
    """
    match = _LINK.fullmatch(text) if len(text) <= MAX_LINK and text.isprintable() else None
    if match is None:
        shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
        raise ConfigError(f"{shown!r} is no link to a room.", "One looks like https://HOST:8080/r/ROOM.")
    return Link(_SERVER.read(match[1], "ROOM"), check_room_name(unquote(match[2])))


def same_server(one: str, other: str) -> bool:
    """Whether two server addresses are the same, however they are written."""
    return _normal(one) == _normal(other)


def _normal(server: str) -> tuple[str, str | None, int | None]:
    url = urlsplit(server)
    return url.scheme, url.hostname, url.port or _USUAL_PORTS.get(url.scheme)
