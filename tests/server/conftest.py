"""A real server in the test's own event loop, raw clients of it, and a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pycall.server.app import SignallingServer
from tests.server.raw import Clients, raw_clients
from tests.server.redis import RedisServer, free_port, redis_server
from tests.server.settable import Clock


@pytest.fixture
def clock() -> Clock:
    """Time that stands still until it is set."""
    return Clock()


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


@pytest.fixture(scope="session")
def _lasting_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis"), free_port()) as server:
        yield server


@pytest.fixture
def redis(_lasting_redis: RedisServer) -> RedisServer:
    """A Redis that is empty; others use it too, one after the other."""
    assert _lasting_redis.say("FLUSHALL") == b"+OK\r\n"
    return _lasting_redis


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that may be ended."""
    with redis_server(tmp_path / "redis", free_port()) as server:
        yield server
