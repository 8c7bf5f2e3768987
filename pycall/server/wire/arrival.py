"""A TCP connection of which is not known yet what it asks for.

Nearly all ask for a websocket with their first request. They become one at once, without what aiohttp keeps
for who may ask again: a task, timers, queues. All others are handed to aiohttp as they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser
from aiohttp.http_exceptions import HttpProcessingError

from pycall.server.wire.upgrade import PATH, asks_for_websocket

MOST_BYTES: Final = 8190
"""Of a first request that is read here; aiohttp takes as much in one line."""

MOST_HEADERS: Final = 128
"""As many as aiohttp takes."""

_BEGINNING: Final = b"GET " + PATH.encode() + b"?"
_END: Final = b"\r\n\r\n"

OpenWebsocket = Callable[[web.BaseRequest, asyncio.Transport], asyncio.Protocol | None]
"""Answers a handshake; returns who has the connection from now on, None if it was refused."""


class Watch(Protocol):
    """Who ends those that ask for nothing."""

    def came(self, arrival: Arrival) -> None:
        """It is waited for."""

    def went(self, arrival: Arrival) -> None:
        """It is not waited for any more: it has asked, or is gone."""

    def handed_on(self, arrival: Arrival, connection: object) -> None:
        """``connection`` waits for it from now on; it has not asked yet as far as is known here."""


class Arrival(asyncio.Protocol):
    """Waits for the first request; what aiohttp answers goes to a new one of ``others``."""

    __slots__ = ("_came", "_open_websocket", "_others", "_watch", "transport")

    def __init__(self, watch: Watch, open_websocket: OpenWebsocket, others: Callable[[], Any]) -> None:
        self.transport: Any = None
        self._watch = watch
        self._open_websocket = open_websocket
        self._others = others
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be waited for: part of asyncio's protocol."""
        self.transport = transport
        self._watch.came(self)

    def data_received(self, data: bytes) -> None:
        """See whether that is enough to know who is meant: part of asyncio's protocol."""
        came = self._came = self._came + data
        if not came.startswith(_BEGINNING[: len(came)]):
            self._hand_on(came)
        elif _END in came:
            self._take(came)
        elif len(came) > MOST_BYTES:
            self._hand_on(came)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  how it broke is all the same
        """Be waited for no more: part of asyncio's protocol."""
        self._watch.went(self)

    def _take(self, came: bytes) -> None:
        read = self._read(came)
        if read is None:
            self._hand_on(came)
            return
        request, behind = read
        self._watch.went(self)
        if self.transport.is_closing():
            return
        owner = self._open_websocket(request, self.transport)
        if owner is not None:
            self._give(owner, behind)

    def _read(self, came: bytes) -> tuple[web.BaseRequest, bytes] | None:
        """The handshake that came, and what came behind it; None if it is none, or not alone."""
        loop = asyncio.get_running_loop()
        parser = HttpRequestParser(
            BaseProtocol(loop),
            loop,
            2**16,
            max_line_size=MOST_BYTES,
            max_field_size=MOST_BYTES,
            max_headers=MOST_HEADERS,
        )
        try:
            messages, is_upgraded, behind = parser.feed_data(came)
        except HttpProcessingError:
            return None
        if len(messages) != 1 or not is_upgraded:
            return None
        message, payload = messages[0]
        request = web.BaseRequest(message, payload, self, None, None, loop)  # type: ignore[arg-type]  # not read
        return (request, behind) if asks_for_websocket(request) else None

    def _hand_on(self, came: bytes) -> None:
        other = self._others()
        self._watch.handed_on(self, other)
        self._give(other, came)

    def _give(self, owner: asyncio.Protocol, data: bytes) -> None:
        self.transport.set_protocol(owner)
        owner.connection_made(self.transport)
        if data:
            owner.data_received(data)

    # --- what aiohttp asks of who brought a request -----------------------------------------------

    @property
    def ssl_context(self) -> Any:
        """That of TLS, if it is there."""
        return self.transport.get_extra_info("sslcontext")

    @property
    def peername(self) -> Any:
        """The address of the client's end."""
        return self.transport.get_extra_info("peername")

    @property
    def sockname(self) -> Any:
        """The address of our end."""
        return self.transport.get_extra_info("sockname")
