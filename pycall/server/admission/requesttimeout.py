"""TCP connections that ask for nothing: aiohttp waits for ever, and thousands take all descriptors.

What became a websocket is no concern of this.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from aiohttp import web

KEPT_S: Final = 15.0
"""How long one that has been answered is kept for further requests."""

ANSWERING_S: Final = 60.0
"""How long an answer may take to whoever reads it slowly: the largest has half a megabyte."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Arrival(Protocol):
    """A connection of which the first request is awaited."""

    transport: Any


class RequestTimeout:
    """Ends those that have not sent a whole request within ``patience_s``; None: they may wait for ever."""

    def __init__(self, patience_s: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.patience_s = patience_s
        self._clock = clock
        self._since: dict[Any, tuple[float, bool]] = {}
        """By connection: when it was seen first, or asked last, and whether it has ever asked."""

        self._silent: dict[Arrival, float] = {}
        """Those whose first request is awaited, and since when."""

        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def came(self, arrival: Arrival) -> None:
        """Wait for the first request of a connection; after :meth:`stop` end it, as nobody would look."""
        self._silent[arrival] = self._clock()
        if self._is_over:
            arrival.transport.abort()

    def went(self, arrival: Arrival) -> None:
        """Wait no more for it."""
        self._silent.pop(arrival, None)

    def handed_on(self, arrival: Arrival, connection: object) -> None:
        """Wait for it as long as before, but by the name that the server of :meth:`watch` has for it."""
        since = self._silent.pop(arrival, None)
        if since is not None and self.patience_s is not None:
            self._since[connection] = (since, False)

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
        """Look no more, and end those that have not asked yet, also those that come out of TLS later."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        for arrival in list(self._silent):
            arrival.transport.abort()
