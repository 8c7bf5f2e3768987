"""A real server in the test's own event loop, and raw clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pycall.server.app import SignallingServer
from tests.server.raw import Clients, raw_clients


@pytest.fixture
async def server() -> AsyncIterator[SignallingServer]:
    """A server on a free port of 127.0.0.1."""
    server = SignallingServer("127.0.0.1", 0)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def clients(server: SignallingServer) -> AsyncIterator[Clients]:
    """Opens raw clients: ``await clients()``."""
    async with raw_clients(server.port) as opener:
        yield opener
