"""The addresses behind the server's name, known also while the network is gone.

A lookup without a network takes many seconds. Whoever dials again uses what was found the time before,
while one lookup at a time refreshes it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from pycall.client.resolving import resolve


class Lookup(AbstractResolver):
    """Resolves the name of one server for aiohttp, and remembers the last answer."""

    def __init__(self) -> None:
        self._known: tuple[str, list[str]] | None = None
        self._asking: asyncio.Task[list[str]] | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of ``host``, at once if they are known; raises :class:`OSError` if there are none."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(host), name="pycall-lookup")
        if self._known is not None and self._known[0] == host:
            addresses = self._known[1]
        else:
            addresses = await asyncio.shield(self._asking)
        found = [_result(host, address, port) for address in addresses]
        wanted = [each for each in found if family in {socket.AF_UNSPEC, each["family"]}]
        if not wanted:
            raise socket.gaierror(socket.EAI_NONAME, "unknown name")
        return wanted

    async def close(self) -> None:
        """Wait for no answer any more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self, host: str) -> list[str]:
        addresses = await resolve(host)
        if addresses:
            self._known = host, addresses
        return addresses


def _result(host: str, address: str, port: int) -> ResolveResult:
    old = ipaddress.ip_address(address).version == 4
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET if old else socket.AF_INET6,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
