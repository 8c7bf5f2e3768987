"""TCP connections that ask for nothing: aiohttp waits for ever, and thousands take all descriptors.

What became a websocket is no concern of this.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from aiohttp import web

from pycall.server.wire.arrival import Arrival

KEPT_S: Final = 15.0
"""How long one that has been answered is kept for further requests."""

ANSWERING_S: Final = 60.0
"""How long an answer may take to whoever reads it slowly: the largest has half a megabyte."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Arrivals:
    """Ends those that have not sent a whole request within ``patience_s``; None: they may wait for ever."""

    def __init__(self, patience_s: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.patience_s = patience_s
        self._clock = clock
        self._since: dict[Any, tuple[float, bool]] = {}
        """By connection: when it was seen first, or asked last, and whether it has ever asked."""

        self._silent: dict[Arrival, float] = {}
        """Those whose first request is awaited, and since when."""

        self._timer: asyncio.TimerHandle | None = None

    def came(self, arrival: Arrival) -> None:
        """Wait for the first request of a connection."""
        self._silent[arrival] = self._clock()

    def went(self, arrival: Arrival) -> None:
        """Wait no more for it."""
        self._silent.pop(arrival, None)

    @web.middleware
    async def note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note that a connection asks for something."""
        if self.patience_s is None:  # nobody would look at what is noted
            return await handler(request)
        connection = request.protocol
        self._since[connection] = (self._clock(), True)
        answer = await handler(request)
        if connection.transport is None:  # it is a websocket by now, or gone
            self._since.pop(connection, None)
        return answer

    def watch(self, server: web.Server) -> None:
        """Look at the connections of ``server`` again and again, until :meth:`stop`."""
        if self.patience_s is not None:
            self.look(server)
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.patience_s / 10, self.watch, server)

    def look(self, server: web.Server) -> None:
        """End those that have had their time."""
        now, patience_s = self._clock(), self.patience_s
        self._since = {each: self._since.get(each, (now, False)) for each in server.connections}
        for connection, (since, has_asked) in self._since.items():
            over = patience_s is not None and now - since > (ANSWERING_S if has_asked else patience_s)
            if over and connection.transport is not None:
                connection.transport.abort()
        if patience_s is not None:
            for arrival in [each for each, since in self._silent.items() if now - since > patience_s]:
                arrival.transport.abort()

    def stop(self) -> None:
        """Look no more, and end those that have not asked yet."""
        if self._timer is not None:
            self._timer.cancel()
        for arrival in list(self._silent):
            arrival.transport.abort()


class Site(web.BaseSite):
    """Listens as :class:`web.TCPSite` does, but for what comes first on each connection.

    It waits for TLS only as long as for the request that follows: the server has no word of a connection
    before its handshake is over, so :class:`Arrivals` cannot see it.
    """

    __slots__ = ("_arrive", "_handshake_s", "_host", "_port", "_reuse_port")

    def __init__(
        self,
        runner: web.BaseRunner,
        host: str,
        port: int,
        *,
        arrive: Callable[[Callable[[], Any]], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        handshake_s: float | None,
        reuse_port: bool,
        backlog: int,
    ) -> None:
        """``arrive`` makes what waits for the first request, and has what makes aiohttp's protocols.

        ``handshake_s`` is what a handshake of TLS may take; None leaves it to asyncio: a minute.
        """
        super().__init__(runner, ssl_context=tls, backlog=backlog)
        self._arrive = arrive
        self._host = host
        self._port = port
        self._reuse_port = reuse_port
        self._handshake_s = handshake_s

    @property
    def name(self) -> str:
        """Where it listens, for whoever asks the runner."""
        return f"{'https' if self._ssl_context else 'http'}://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen; raises OSError if it cannot."""
        await super().start()
        assert self._runner.server is not None
        self._server = await asyncio.get_running_loop().create_server(
            partial(self._arrive, self._runner.server),
            self._host,
            self._port,
            ssl=self._ssl_context,
            backlog=self._backlog,
            reuse_port=self._reuse_port or None,
            ssl_handshake_timeout=self._handshake_s if self._ssl_context else None,
        )
