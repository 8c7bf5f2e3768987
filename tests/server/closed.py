"""Servers whose rooms are closed, and what opens them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pycall.core.invites import ID_BYTES, KEY_BYTES, Invite, sign
from pycall.core.seats import Holding
from pycall.limits import Limits
from pycall.server.admission.access import Access
from pycall.server.admission.addresses import Proxies
from pycall.server.app import SignallingServer
from pycall.server.store import MemoryRoomStore
from pycall.server.wallclock import unix_time
from tests.server.raw import Clients
from tests.server.seating import started

PASSWORD = "open sesame, please"
WRONG = "open barley, please"
KEY = bytes(range(KEY_BYTES))


def invite(
    room: str = "kitchen", *, for_one: bool = False, expires_in_s: float = 3600, key: bytes = KEY
) -> str:
    """An invite to a room."""
    expires = int(unix_time() + expires_in_s)
    return sign(Invite(room, expires, secrets.token_bytes(ID_BYTES), for_one), key)


def auth(**shown: Any) -> dict[str, object]:
    """What a pycall client connects with."""
    return {"pycall": 1, "name": "Ann", **shown}


@asynccontextmanager
async def closed(
    *,
    password: str = "",
    invite_key: bytes = b"",
    limits: Limits | None = None,
    holding: Holding | None = None,
    proxies: Proxies | None = None,
) -> AsyncIterator[tuple[Clients, SignallingServer]]:
    """A server that asks for a password, an invite or both, and what opens connections to it."""
    access = Access(password=password, invite_key=invite_key, limits=limits)
    server = SignallingServer(
        "127.0.0.1", 0, limits=limits, access=access, store=MemoryRoomStore(holding), proxies=proxies
    )
    async with started(server) as clients:
        yield clients, server
