"""A server whose limits are short enough to wait for."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pycall.limits import Limits
from pycall.server.app import SignallingServer
from tests.server.raw import Clients
from tests.server.seating import started


@asynccontextmanager
async def serving(
    limits: Limits, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[SignallingServer, Clients]]:
    """One, and what opens connections to it."""
    server = SignallingServer("127.0.0.1", 0, limits=limits, tls=tls)
    async with started(server, is_secure=tls is not None) as clients:
        yield server, clients
