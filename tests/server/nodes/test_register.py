"""What of python-socketio's Redis manager is touched, and how it behaves without what is left out."""

from __future__ import annotations

import inspect

import pytest
import socketio

from pycall.server.app import SignallingServer
from pycall.server.nodes.register import NodeRegister
from pycall.server.store import StoreUnavailable
from tests.server.redis import RedisServer, free_port


@pytest.mark.parametrize("name", ["_redis_connect", "_publish"])
def test_the_manager_has_what_is_touched(name: str) -> None:
    assert callable(getattr(socketio.AsyncRedisManager, name))


def test_the_manager_publishes_by_the_method_that_is_left_out() -> None:
    assert inspect.iscoroutinefunction(socketio.AsyncRedisManager._publish)
    assert "self._publish(" in inspect.getsource(socketio.AsyncRedisManager.emit)


async def test_it_begins_nothing_by_itself_and_never_publishes() -> None:
    register = NodeRegister("redis://127.0.0.1:1", "node")
    register.initialize()
    with pytest.raises(NotImplementedError):
        await register._publish({"method": "emit"})


async def test_clients_ids_tell_the_node() -> None:
    register = NodeRegister("redis://127.0.0.1:1", "node")
    server = SignallingServer("127.0.0.1", 0)
    server._wire.engine.prefix = register.prefix
    assert server._wire.engine.generate_id().startswith("node.")


async def test_a_channel_that_cannot_be_had_is_said_at_once() -> None:
    register = NodeRegister(f"redis://127.0.0.1:{free_port()}", "node")
    with pytest.raises(StoreUnavailable):
        await anext(register.listen())


@pytest.mark.integration
async def test_it_hears_what_is_said_on_its_channel_until_that_breaks(own_redis: RedisServer) -> None:
    register = NodeRegister(own_redis.url, "node")
    heard = register.listen()
    assert await anext(heard) is None
    own_redis.say("PUBLISH", "pycall:node:other", "not for it")
    own_redis.say("PUBLISH", "pycall:node:node", "hello")
    assert await anext(heard) == b"hello"
    own_redis.kill()
    with pytest.raises(StoreUnavailable):
        await anext(heard)
