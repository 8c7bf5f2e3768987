"""The server's STUN responder: it tells whoever asks by UDP under which address it was heard.

That is all most NATs need for a direct call. No state is kept, and a datagram costs microseconds.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

from pycall.server.binding import answer


class StunResponder:
    """Answers Binding requests on some addresses and one port."""

    def __init__(self) -> None:
        self._transports: list[asyncio.DatagramTransport] = []

    @property
    def port(self) -> int | None:
        """The UDP port it answers on; ``None`` while it does not."""
        if not self._transports:
            return None
        port: int = self._transports[0].get_extra_info("sockname")[1]
        return port

    async def start(self, addresses: Iterable[str], port: int) -> None:
        """Answer on ``port`` of all ``addresses``; raises :class:`OSError` if one cannot be listened on."""
        loop = asyncio.get_running_loop()
        try:
            for address in addresses:
                bound = _bound(address, port)
                transport, _ = await loop.create_datagram_endpoint(_Answering, sock=bound)
                self._transports.append(transport)
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Answer nobody any more."""
        for transport in self._transports:
            transport.abort()
        self._transports.clear()


class _Answering(asyncio.DatagramProtocol):
    """What is asked on one socket, and what is answered."""

    def __init__(self) -> None:
        self._is_full = False

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def pause_writing(self) -> None:
        """Answer nobody while the system takes no more: what it is given then would be kept."""
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        response = None if self._is_full else answer(data, source[0], source[1])
        if response is not None:
            self._transport.sendto(response, source)

    def error_received(self, error: Exception) -> None:
        """Ignore it: that somebody cannot be reached matters to nobody here."""


def _bound(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as asyncio does for TCP
        bound.setblocking(False)
        bound.bind((address, port))
    except OSError:
        bound.close()
        raise
    return bound
