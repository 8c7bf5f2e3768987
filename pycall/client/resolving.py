"""Names of servers become addresses: in a thread of its own that nobody waits for.

The event loop's pool would be waited for when the program ends, and a name server that does not answer
takes half a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from typing import Final

RESOLVE_S: Final = 5.0


async def resolve(host: str) -> list[str]:
    """The IPv4 and IPv6 addresses of ``host``, as the system sorts them (RFC 6724); none when it is unknown.

    An address is its own answer. Waits at most :data:`RESOLVE_S`.
    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def ask() -> None:
        try:
            entries = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            entries = []
        found = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(_answer, answer, found)

    threading.Thread(target=ask, name="pycall-resolve", daemon=True).start()
    try:
        async with asyncio.timeout(RESOLVE_S):
            return await answer
    except TimeoutError:
        return []


def _answer(waiting: asyncio.Future[list[str]], found: list[str]) -> None:
    if not waiting.done():
        waiting.set_result(found)
