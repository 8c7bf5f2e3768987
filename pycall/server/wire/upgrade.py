"""From an HTTP request to a websocket: the handshake of RFC 6455, and the change of hands.

Most handshakes are a connection's first request and never come to aiohttp (:mod:`.arrival`). Behind others,
as web servers in front send them, the transport is taken from it, with all that it keeps for a connection.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import HttpVersion11, web

from pycall.server.wire.frames import accept, is_key

PATH: Final = "/socket.io/"
"""Where handshakes are answered."""

_SWITCHING: Final = (
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: {}\r\n\r\n"
)


class HandedOver(web.StreamResponse):
    """The answer to a request whose transport is somebody else's by now: nothing more is written."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Write nothing."""


def asks_for_websocket(request: web.BaseRequest) -> bool:
    """Whether a request is the handshake of a websocket (section 4.2.1)."""
    headers = request.headers
    return (
        request.method == "GET"
        and request.version == HttpVersion11
        and "Transfer-Encoding" not in headers
        and headers.get("Upgrade", "").strip().lower() == "websocket"
        and "upgrade" in {token.strip().lower() for token in headers.get("Connection", "").split(",")}
        and headers.get("Sec-WebSocket-Version") == "13"
        and is_key(headers.get("Sec-WebSocket-Key", ""))
        and not request.body_exists
    )


def answer_to(request: web.BaseRequest) -> bytes:
    """What makes a websocket of a request that asks for one (section 4.2.2)."""
    return _SWITCHING.format(accept(request.headers["Sec-WebSocket-Key"])).encode()


def last_answer(answer: web.Response) -> bytes:
    """What ``answer`` is on a connection that ends behind it (RFC 9112), whole."""
    body = (answer.text or "").encode()
    headers = {**answer.headers, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [
        f"HTTP/1.1 {answer.status} {answer.reason}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def take_over(request: web.Request, transport: asyncio.Transport, protocol: asyncio.Protocol) -> HandedOver:
    """Let ``protocol`` have the transport of ``request``; what came behind the request is handed to it.

    Returns what the request's handler has to return.
    """
    http = request.protocol
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    http.set_parser(_Tail(protocol))  # type: ignore[arg-type]  # it only feeds it
    http.transport = None  # it is not to be closed by what follows
    http.connection_lost(None)
    return HandedOver()


class _Tail:
    """Hands on what aiohttp has read and not used."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._protocol.data_received(data)
        return False, b""

    def feed_eof(self) -> None:
        pass
