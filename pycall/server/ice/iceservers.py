"""The STUN and TURN servers a room's member is told of, as the ``RTCIceServer`` dictionaries of WebRTC.

Credentials for TURN are made for one member and expire (draft-uberti-behave-turn-rest-00): the TURN
server knows the same secret and nothing else of us.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from pycall.core.iceurls import check_host
from pycall.server.wallclock import unix_time

LIFETIME_S: Final = 3600
"""For which credentials begin an allocation. Those begun go on; a renewed pairing gets new ones."""

HERE: Final = "{host}"
"""In a URL: the name by which the member reached this server."""

LOOPBACK: Final = "{loopback}"
"""The same in the URL of what only this machine reaches; for others there is no such server.

Behind a web server that passes signalling on, members come by another name.
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """A TURN server and the secret shared with it; its URLs may contain :data:`HERE` or :data:`LOOPBACK`."""

    urls: tuple[str, ...]
    secret: str = field(repr=False)

    def credentials(self, member_id: str, expires: int) -> tuple[str, str]:
        """User name and password for a member until the Unix time ``expires``."""
        name = f"{expires}:{member_id}"
        digest = hmac.digest(self.secret.encode(), name.encode(), hashlib.sha1)  # coturn knows no other
        return name, base64.b64encode(digest).decode()


class IceServers:
    """What members are told; ``stun`` and ``turns`` may be set once these servers run."""

    def __init__(
        self,
        *,
        public_host: str = "",
        lifetime_s: int = LIFETIME_S,
        clock: Callable[[], float] = unix_time,
    ) -> None:
        self.stun: tuple[str, ...] = ()
        """URLs of STUN servers; they may contain :data:`HERE` or :data:`LOOPBACK`."""
        self.turns: tuple[Turn, ...] = ()
        self._public_host = check_host(public_host) if public_host else ""
        self._lifetime_s = lifetime_s
        self._clock = clock

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
        expires = int(self._clock()) + self._lifetime_s
        for turn in self.turns:
            urls = _complete(turn.urls, reached)
            if urls:
                name, password = turn.credentials(member_id, expires)
                servers.append({"urls": urls, "username": name, "credential": password})
        return servers


def _complete(urls: Iterable[str], host: str) -> list[str]:
    for place, name in ((HERE, host), (LOOPBACK, host if _is_loopback(host) else "")):
        urls = [url.replace(place, name) for url in urls if name or place not in url]
    return list(urls)


def _is_loopback(host: str) -> bool:
    """Whether the name is of this machine for itself (RFC 6761, section 6.3), or the address is."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return f".{host}".lower().removesuffix(".").endswith(".localhost")


def _host_or_nothing(text: str) -> str:
    try:
        return check_host(text)
    except ValueError:
        return ""
