"""Where the server listens."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web


class Site(web.BaseSite):
    """Listens as :class:`web.TCPSite` does, but for what comes first on each connection.

    It waits for TLS only as long as for the request that follows: the server has no word of a connection
    before its handshake is over, so nobody else can end it.
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
