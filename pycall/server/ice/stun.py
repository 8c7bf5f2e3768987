"""The server's STUN responder: it tells whoever asks by UDP under which address it was heard.

That is all most NATs need for a direct call. No state is kept, and a datagram costs microseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterable
from typing import Final

from pycall.server.ice.binding import MOST_BYTES, answer

_IP_PKTINFO: Final = {"linux": 8, "darwin": 26}.get(sys.platform)
"""For which address a datagram came, or from which it is to leave (ip(7)); Python has no name for it yet."""

_IPV4_INFO: Final = struct.Struct("=I4s4s")
_IPV6_INFO: Final = struct.Struct("=16sI")
_INFO_BYTES: Final = socket.CMSG_SPACE(_IPV6_INFO.size) if _IP_PKTINFO else 0


class StunResponder:
    """Answers Binding requests on some addresses and one port."""

    def __init__(self) -> None:
        self._transports: list[asyncio.DatagramTransport] = []
        self._on_all: list[socket.socket] = []
        self._port: int | None = None

    @property
    def port(self) -> int | None:
        """The UDP port it answers on; ``None`` while it does not."""
        return self._port

    async def start(self, addresses: Iterable[str], port: int) -> None:
        """Answer on ``port`` of all ``addresses``; raises :class:`OSError` if one cannot be listened on."""
        loop = asyncio.get_running_loop()
        try:
            for address in addresses:
                bound = _bound(address, port)
                if ipaddress.ip_address(address).is_unspecified and _IP_PKTINFO:
                    self._on_all.append(bound)
                    _ask_who_was_asked(bound)
                    loop.add_reader(bound, _answer_as_asked, bound)
                else:
                    transport, _ = await loop.create_datagram_endpoint(_Answering, sock=bound)
                    self._transports.append(transport)
                self._port = bound.getsockname()[1]
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Answer nobody any more."""
        for transport in self._transports:
            transport.abort()
        self._transports.clear()
        for bound in self._on_all:
            asyncio.get_running_loop().remove_reader(bound)
            bound.close()
        self._on_all.clear()
        self._port = None


class _Answering(asyncio.DatagramProtocol):
    """What is asked on one address, and what is answered."""

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


def _ask_who_was_asked(bound: socket.socket) -> None:
    """Let :func:`_answer_as_asked` learn it of each datagram."""
    if bound.family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    elif _IP_PKTINFO:
        bound.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def _answer_as_asked(bound: socket.socket) -> None:
    """Answer one datagram from the address that it came for, which on all addresses the system would choose.

    An answer from another is dropped by NATs and by whoever asked. One that cannot be sent at once is none.
    """
    with contextlib.suppress(OSError):
        data, about, _, source = bound.recvmsg(MOST_BYTES + 1, _INFO_BYTES)
        response = answer(data, source[0], source[1])
        if response is not None:
            bound.sendmsg([response], [_as_asked(*each) for each in about], 0, source)


def _as_asked(level: int, kind: int, info: bytes) -> tuple[int, int, bytes]:
    """From what was said of a datagram to what is said of its answer: any interface, but that address."""
    if level == socket.IPPROTO_IPV6:
        asked, _ = _IPV6_INFO.unpack(info)
        return level, kind, _IPV6_INFO.pack(asked, 0)
    _, asked, _ = _IPV4_INFO.unpack(info)
    return level, kind, _IPV4_INFO.pack(0, asked, bytes(4))


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
