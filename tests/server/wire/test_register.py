"""The register does what python-socketio's own does; a contract test for each name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import socketio

from pycall.server.wire.register import ClientRegister


def parameters(method: Callable[..., object]) -> list[str]:
    return [name for name in inspect.signature(method).parameters if name != "self"]


async def test_its_manager_maps_connections_to_clients_and_back() -> None:
    register: Any = ClientRegister()
    assert register.sid_from_eio_sid("connection", "/") is None
    assert register.eio_sid_from_sid("client", "/") is None
    client = await register.pre_connect("connection", "/")
    assert register.sid_from_eio_sid("connection", "/") == client
    assert register.eio_sid_from_sid(client, "/") == "connection"
    assert register.sid_from_eio_sid("connection", "/admin") is None


async def test_its_manager_keeps_clients_as_the_stock_one_does() -> None:
    ours: Any = ClientRegister()
    theirs = socketio.AsyncServer(client_manager=socketio.AsyncManager()).manager
    for manager in (ours, theirs):
        for stage in ("connecting", "connected", "disconnecting"):
            client = await manager.pre_connect(stage, "/")
            assert await manager.pre_connect(stage, "/") is None
            assert manager.is_pre_connected(client, "/")
            if stage != "connecting":
                assert await manager.connect(client, "/") == client
            assert manager.is_connected(client, "/") is (stage != "connecting")
            assert list(manager.get_namespaces()) == ["/"]
            assert list(manager.get_participants("/", client)) == [(client, stage)]
            assert list(manager.get_participants("/", "nobody")) == []
            if stage == "disconnecting":
                assert manager.pre_disconnect(client, "/") == stage
                assert not manager.is_connected(client, "/")
            await manager.disconnect(client, "/", ignore_queue=True)
            assert not manager.is_connected(client, "/")
            assert manager.sid_from_eio_sid(stage, "/") is None
            assert manager.eio_sid_from_sid(client, "/") is None
    assert await ours.pre_connect("connection", "/admin") is None


@pytest.mark.parametrize(
    "name",
    [
        *("get_namespaces", "get_participants", "pre_connect", "connect", "is_pre_connected", "is_connected"),
        *("sid_from_eio_sid", "eio_sid_from_sid", "pre_disconnect"),
    ],
)
def test_its_manager_has_the_methods_of_the_stock_one(name: str) -> None:
    assert parameters(getattr(ClientRegister, name)) == parameters(getattr(socketio.AsyncManager, name))
