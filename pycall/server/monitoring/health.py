"""`/healthz` and `/readyz`: whether a server lives, and whether it can be sent clients.

Anybody may ask, as often as they like: nothing is counted, looked up or told but that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from aiohttp import web

import pycall
from pycall.server.store import RoomStore

State: TypeAlias = Literal["starting", "ok", "stopping"]

NOT_KEPT: Final = {"Cache-Control": "no-store"}


class Health:
    """The two answers; ``state`` tells how far the server is."""

    def __init__(self, state: Callable[[], State], store: RoomStore) -> None:
        self._state = state
        self._store = store

    @property
    def hindrance(self) -> str:
        """Why it should be sent no clients; empty when it should."""
        state = self._state()
        if state != "ok":
            return state
        return "" if self._store.is_reachable else "store-unreachable"

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Answer these two addresses."""
        router.add_get("/healthz", self._health)
        router.add_get("/readyz", self._ready)

    async def _health(self, _request: web.Request) -> web.Response:
        state = self._state()
        said = {"status": state, "version": pycall.__version__}
        return web.json_response(said, status=503 if state == "stopping" else 200, headers=NOT_KEPT)

    async def _ready(self, _request: web.Request) -> web.Response:
        hindrance = self.hindrance
        said = {"status": "not ready", "reason": hindrance} if hindrance else {"status": "ready"}
        return web.json_response(said, status=503 if hindrance else 200, headers=NOT_KEPT)
