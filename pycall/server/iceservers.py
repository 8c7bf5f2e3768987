"""The STUN and TURN servers a room's member is told of, as the ``RTCIceServer`` dictionaries of WebRTC.

Credentials for TURN are made for one member and expire (draft-uberti-behave-turn-rest-00): the TURN
server knows the same secret and nothing else of us.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from pycall.core.iceurls import check_host

LIFETIME_S: Final = 3600
"""For which credentials begin an allocation. Those begun go on; a renewed pairing gets new ones."""

HERE: Final = "{host}"
"""In a URL: the name by which the member reached this server."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A TURN server and the secret shared with it; its URLs may contain :data:`HERE`."""

    urls: tuple[str, ...]
    secret: str = field(repr=False)

    def credentials(self, member_id: str, expires: int) -> tuple[str, str]:
        """User name and password for a member until the Unix time ``expires``."""
        name = f"{expires}:{member_id}"
        digest = hmac.digest(self.secret.encode(), name.encode(), hashlib.sha1)  # coturn knows no other
        return name, base64.b64encode(digest).decode()


def _unix_time() -> float:
    return datetime.now(UTC).timestamp()


class IceServers:
    """What members are told; ``stun`` and ``turns`` may be set once these servers run."""

    def __init__(
        self,
        *,
        public_host: str = "",
        lifetime_s: int = LIFETIME_S,
        unix_time: Callable[[], float] = _unix_time,
    ) -> None:
        self.stun: tuple[str, ...] = ()
        """URLs of STUN servers; they may contain :data:`HERE`."""
        self.turns: tuple[Turn, ...] = ()
        self._public_host = check_host(public_host) if public_host else ""
        self._lifetime_s = lifetime_s
        self._unix_time = unix_time

    def for_member(self, member_id: str, host: str) -> list[dict[str, object]]:
        """What to tell a member that reached this server by the name or address ``host``.

        A public host that was configured is told to everybody. For what is no host, which may come from
        the network, there are only the servers elsewhere.
        """
        reached = self._public_host or _host_or_nothing(host)
        servers: list[dict[str, object]] = []
        stun = _complete(self.stun, reached)
        if stun:
            servers.append({"urls": stun})
        expires = int(self._unix_time()) + self._lifetime_s
        for turn in self.turns:
            urls = _complete(turn.urls, reached)
            if urls:
                name, password = turn.credentials(member_id, expires)
                servers.append({"urls": urls, "username": name, "credential": password})
        return servers


def _complete(urls: Iterable[str], host: str) -> list[str]:
    return [url.replace(HERE, host) for url in urls if host or HERE not in url]


def _host_or_nothing(text: str) -> str:
    try:
        return check_host(text)
    except ValueError:
        return ""
