"""What hostile and broken clients can do, which is: end their own connection. And the contracts."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable

import pytest
import socketio
from socketio.async_pubsub_manager import AsyncPubSubManager

from pycall.limits import Limits
from pycall.server.app import SignallingServer
from pycall.server.wire.engine import Engine
from pycall.server.wire.packets import PlainPacket
from pycall.server.wire.register import ClientRegister
from tests.server.raw import Clients
from tests.server.seating import serving, until
from tests.server.wiring import socket_server

RESERVED = ["connect", "disconnect", "connect_error", "*"]
FATAL = [
    *("x", "", "\x00", "9", "2", "0", "5"),
    *("4", "4x", "47", "49[]", "44{}", "42", "42{}", "42[]", "42[{},1]", "42[null]", "42²[1]"),
    *('42["join"', '42["join",]', "42" + "9" * 200 + '["join","a"]'),
    *("42" + "[" * 20_000, '42["message",' + "[" * 100 + "]" * 100 + "]"),
    *('42["message",NaN]', '42["message",-Infinity]', '42["message",1e999]', f'42["message",{"9" * 5000}]'),
    '4599999999999999-["message",{"_placeholder":true,"num":0}]',
]
"""Frames that no client of this protocol sends."""

UNKNOWN = ["", "kick", "__init__", "joined", "error", "\x1b]0;pwned\x07", "x" * 1000]


async def test_nothing_that_ends_a_connection_harms_the_other_or_the_next_pair(clients: Clients) -> None:
    for fatal in FATAL:
        ann, bob = await clients.pair("kitchen")
        await ann.send(fatal)
        assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "lost"}], fatal
        assert await ann.close_code() == 1002, fatal
        carl = await clients()
        assert await carl.call("join", "kitchen") == {"ok": True}
        await carl.emit("message", "hello")
        assert await bob.event() == ["other_joined", "kitchen", carl.id]
        assert await bob.event() == ["message", "hello"]
        await bob.call("leave", "kitchen")
        await carl.call("leave", "kitchen")


async def test_a_malformed_packet_is_told_before_the_connection_ends(clients: Clients) -> None:
    client = await clients()
    await client.send("42{}")
    assert (await client.event())[:2] == ["error", "bad-message"]
    assert await client.close_code() == 1002


@pytest.mark.parametrize("name", RESERVED)
async def test_a_reserved_event_is_refused_and_keeps_the_seat_that_is_in_use(
    clients: Clients, name: str
) -> None:
    ann, bob = await clients.pair("kitchen")
    refusal = await ann.call(name, {"pycall": 1}, "server disconnect")
    assert refusal["code"] == "reserved-event"
    assert (await ann.event())[:2] == ["error", "reserved-event"]
    eve = await clients()
    assert (await eve.call("join", "kitchen"))["code"] == "full"
    await bob.emit("message", "secret")
    assert await ann.event() == ["message", "secret"]
    assert [event[0] for event in await eve.heard()] == ["full"]


@pytest.mark.parametrize("name", UNKNOWN)
async def test_an_unknown_event_is_refused(clients: Clients, name: str) -> None:
    client = await clients()
    assert (await client.call(name, 1))["code"] == "unknown-event"


async def test_the_third_refused_event_really_ends_the_connection(
    clients: Clients, server: SignallingServer
) -> None:
    ann, bob = await clients.pair("kitchen")
    for name in ("disconnect", "kick", "*"):
        await ann.emit(name)
    await ann.emit("message", "one more")
    assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "lost"}]
    assert [(await ann.event())[1] for _ in range(3)] == ["reserved-event", "unknown-event", "reserved-event"]
    assert await ann.close_code() == 1008
    assert await bob.heard() == []
    counted = server._wire.figures.refusals
    assert (counted["reserved-event"], counted["unknown-event"]) == (2, 1)


async def test_a_refused_event_cannot_make_a_plain_client_a_pycall_client(clients: Clients) -> None:
    client = await clients()
    await client.call("connect", {}, {"pycall": 1, "name": "admin"})
    await client.event()
    await client.call("join", "kitchen")
    assert await client.event() == ["joined", "kitchen", client.id]


@pytest.mark.parametrize("header", ['451-0["message",{"_placeholder":true,"num":0}]', '45100-0["message"]'])
async def test_attachments_are_refused_and_swallow_nothing(clients: Clients, header: str) -> None:
    ann, bob = await clients.pair("kitchen")
    await ann.send(header)
    assert (await ann.ack(0))["code"] == "bad-message"
    await ann.socket.send_bytes(b"attachment")
    await ann.send("bYXR0YWNobWVudA==")
    await ann.emit("message", "plain")
    assert await bob.event() == ["message", "plain"]


async def test_a_message_of_the_largest_size_passes(clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    frame = '42["message","{}"]'
    text = "x" * ((Limits().message_bytes or 0) - len(frame) + len("4{}"))
    await ann.send(frame.format(text))
    assert await bob.event() == ["message", text]


@pytest.mark.parametrize("text", ["x" * 65_536, "王" * 22_000])
async def test_a_larger_message_is_refused_and_the_next_one_passes(clients: Clients, text: str) -> None:
    ann, bob = await clients.pair("kitchen")
    await ann.send("420" + json.dumps(["message", text], ensure_ascii=False))
    assert (await ann.ack(0))["code"] == "message-too-large"
    assert (await ann.event())[:2] == ["error", "message-too-large"]
    await ann.emit("message", "short")
    assert await bob.event() == ["message", "short"]


async def test_a_far_larger_message_ends_the_connection(clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    await ann.emit("message", "x" * 300_000)
    assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "lost"}]
    await ann.close_code()


async def test_without_those_limits_large_messages_pass_and_refused_events_end_nothing() -> None:
    limits = Limits(message_bytes=None, frame_bytes=None, strikes=None)
    async with serving(limits=limits) as (clients, _):
        ann, bob = await clients.pair("kitchen")
        for name in RESERVED * 3:
            assert (await ann.call(name))["code"] == "reserved-event"
        await ann.emit("message", "x" * 300_000)
        assert await bob.event() == ["message", "x" * 300_000]


async def test_other_namespaces_do_not_exist(clients: Clients) -> None:
    client = await clients()
    await client.send("40/admin,")
    assert (await client.packet()).startswith("44/admin,")
    await client.send('42/admin,["join","kitchen"]')
    await client.send("41/admin,")
    assert await client.call("join", "kitchen") == {"ok": True}


@pytest.mark.parametrize(
    "frame",
    [
        '42/?["message",["message","x"]',
        '42/?["message",7["message","x"]',
        '42/,["message","x"]',
        '420["message","x"]',
        '420-["message","x"]',
    ],
)
async def test_a_payload_is_passed_on_as_json_whatever_stands_before_it(clients: Clients, frame: str) -> None:
    ann, bob = await clients.pair("kitchen")
    await ann.send(frame)
    assert (await bob.event())[:2] == ["message", "x"]


async def test_connecting_twice_is_refused_and_changes_nothing(clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    await ann.send('40{"pycall":1}')
    assert (await ann.packet()).startswith("44")
    await ann.emit("message", "hello")
    assert await bob.event() == ["message", "hello"]


async def test_acknowledgements_nobody_asked_for_are_ignored(clients: Clients) -> None:
    client = await clients()
    for stray in ("43[]", "437[1]", "461-7[1]"):
        await client.send(stray)
    assert await client.heard() == []


async def test_events_before_the_connect_reach_nobody(clients: Clients) -> None:
    early, ann = await clients.open(), await clients()
    await early.emit("join", "kitchen")
    await early.connect()
    await ann.call("join", "kitchen")
    assert await ann.heard() == [["joined", "kitchen", ann.id]]


async def test_nothing_a_client_sends_is_logged(clients: Clients, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ann, _ = await clients.pair("secret-room")
    await ann.call("\x1b]0;pwned\x07", "secret")
    await ann.call("message", {"sdp": "secret"})
    await ann.send("secret")
    await ann.close_code()
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("asyncio")]
    assert ours
    assert "secret" not in "".join(ours)
    assert "\x1b" not in "".join(ours)


# --- contracts: the names of python-socketio that transport.py touches ---------------------------------


def parameters(method: Callable[..., object]) -> list[str]:
    return [name for name in inspect.signature(method).parameters if name != "self"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_engineio_server_class", []),
        ("_handle_eio_connect", ["eio_sid", "environ"]),
        ("_handle_eio_message", ["eio_sid", "data"]),
        ("_handle_eio_disconnect", ["eio_sid", "reason"]),
    ],
)
def test_python_socketio_still_has_the_method(name: str, expected: list[str]) -> None:
    assert parameters(getattr(socketio.AsyncServer, name)) == expected


def test_python_socketio_uses_our_engine_and_our_packets() -> None:
    wire = socket_server()
    assert type(wire.engine) is Engine
    assert wire.packet_class is PlainPacket
    assert wire.async_handlers is False
    assert set(wire.engine._handlers) == {"connect", "message", "disconnect"}


async def test_a_bug_in_the_farewell_leaves_no_client_in_the_register(
    clients: Clients, server: SignallingServer
) -> None:
    async def fail(*_: object) -> None:
        raise AssertionError

    client = await clients()
    server._wire.on("disconnect", fail)
    await client.send("41")
    await client.close_code()
    await until(lambda: server.connections == 0)
    assert server._wire.connection_of(client.id) is None
    assert server._wire.figures.bugs == 1


async def test_telling_or_dismissing_a_client_that_is_gone_is_no_error() -> None:
    wire = socket_server()
    wire.tell("nobody", "full", "kitchen")
    wire.dismiss("nobody")


async def test_another_manager_can_be_given() -> None:
    class Shared(ClientRegister, AsyncPubSubManager):  # type: ignore[misc]  # untyped library
        """Clients of several servers."""

    manager = Shared(channel="pycall")
    assert socket_server(manager).manager is manager
    assert manager.channel == "pycall"
    assert await manager.pre_connect("connection", "/") == "connection"
