"""The protocol as clients see it, on real sockets: docs/protocol.md says the same in words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import socketio
from aiohttp import test_utils, web

from pycall.server.app import SignallingServer
from pycall.server.clients import id_of
from pycall.server.store import MemoryRoomStore
from tests.server.raw import Clients, RawClient, raw_clients
from tests.server.wiring import gateway, socket_server

OK = {"ok": True}
PYCALL = {"pycall": 1, "name": "Ann"}


async def test_a_plain_client_sees_exactly_the_events_of_the_protocol(clients: Clients) -> None:
    ann, bob = await clients(), await clients()
    await ann.emit("join", "kitchen")
    assert await ann.event() == ["joined", "kitchen", ann.id]
    await bob.emit("join", "kitchen")
    assert await bob.event() == ["joined", "kitchen", bob.id]
    assert await ann.event() == ["other_joined", "kitchen", bob.id]
    await ann.emit("message", {"type": "offer", "sdp": "v=0"})
    assert await bob.event() == ["message", {"type": "offer", "sdp": "v=0"}]
    await bob.emit("message", "any JSON")
    assert await ann.event() == ["message", "any JSON"]
    await bob.emit("leave", "kitchen")
    assert await bob.event() == ["left", "kitchen", bob.id]
    assert await ann.event() == ["bye", "kitchen", bob.id, {"reason": "left"}]
    assert await ann.heard() == []
    assert await bob.heard() == []


async def test_a_pycall_client_is_told_more_in_a_further_argument(clients: Clients) -> None:
    ann, bob = await clients(PYCALL), await clients({"pycall": 1, "name": "Bob\x1b[2J\u202e"})
    assert await ann.call("join", "kitchen") == OK
    event, room, ann_id, more = await ann.event()
    token = more.pop("resume")
    alone: dict[str, object] = {
        "epoch": 0,
        "peer": None,
        "offers": False,
        "ice_servers": [],
        "resumed": False,
    }
    assert (event, room, ann_id, more) == ("joined", "kitchen", id_of(token), alone)
    assert await bob.call("join", "kitchen") == OK
    event, room, bob_id, more = await bob.event()
    assert bob_id == id_of(more.pop("resume"))
    assert more == alone | {"epoch": 1, "peer": {"id": ann_id, "name": "Ann", "pycall": 1}}
    told = {"epoch": 1, "name": "Bob[2J", "pycall": 1, "ice_servers": []}
    assert await ann.event() == ["other_joined", "kitchen", bob_id, told]


async def test_a_plain_and_a_pycall_client_meet_each_in_its_own_words(clients: Clients) -> None:
    plain, ann, bob = await clients(), await clients(PYCALL), await clients(PYCALL)
    await plain.call("join", "kitchen")
    await ann.call("join", "kitchen")
    _, _, ann_id, more = await ann.event()
    assert more["peer"] == {"id": plain.id, "name": "", "pycall": 0}
    assert await plain.heard() == [["joined", "kitchen", plain.id], ["other_joined", "kitchen", ann_id]]
    await plain.emit("message", "hello")
    assert await ann.event() == ["message", "hello", 1]
    await ann.emit("message", "hello", 1)
    assert await plain.event() == ["message", "hello"]
    await plain.call("leave", "kitchen")
    await plain.heard()
    await ann.heard()
    await bob.call("join", "kitchen")
    await bob.call("leave", "kitchen")
    await plain.call("join", "kitchen")
    told = {"epoch": 3, "name": "", "pycall": 0, "ice_servers": []}
    assert (await ann.heard())[-1] == ["other_joined", "kitchen", plain.id, told]


@pytest.mark.parametrize(
    "auth",
    [
        {},
        {"pycall": 0},
        {"pycall": True},
        {"pycall": "1"},
        {"name": "Ann"},
        [1],
        "pycall",
        1,
        {"token": None},
    ],
)
async def test_any_other_auth_is_that_of_a_plain_client(clients: Clients, auth: object) -> None:
    client = await clients(auth)
    await client.call("join", "kitchen")
    assert await client.event() == ["joined", "kitchen", client.id]


@pytest.mark.parametrize("name", [None, 7, ["Ann"], {"x": 1}, ""])
async def test_a_name_that_is_none_is_shown_as_empty(clients: Clients, name: object) -> None:
    bob, ann = await clients(PYCALL), await clients({"pycall": 1, "name": name})
    await bob.call("join", "kitchen")
    await ann.call("join", "kitchen")
    assert (await bob.heard())[1][3]["name"] == ""


async def test_a_third_one_is_told_full_and_learns_nothing_else(clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    eve = await clients(PYCALL)
    assert (await eve.call("join", "kitchen"))["code"] == "full"
    assert await eve.event() == ["full", "kitchen"]
    await ann.emit("message", "secret")
    assert await bob.event() == ["message", "secret"]
    assert (await eve.call("message", "let me in"))["code"] == "not-in-room"
    await ann.call("leave", "kitchen")
    assert [event[0] for event in await eve.heard()] == ["error"]
    assert [event[0] for event in await bob.heard()] == ["bye"]


async def test_fifty_who_join_at_once_are_two_and_forty_eight_who_are_told_full(clients: Clients) -> None:
    crowd = [await clients() for _ in range(50)]
    await asyncio.gather(*(client.emit("join", "kitchen") for client in crowd))
    told = await asyncio.gather(*(client.heard() for client in crowd))
    inside = [client for client, events in zip(crowd, told, strict=True) if events[0][0] == "joined"]
    assert len(inside) == 2
    assert sorted(len(events) for events in told) == [1] * 49 + [2]
    assert [events for events in told if events[0][0] != "joined"] == [[["full", "kitchen"]]] * 48


async def test_fifty_pairs_join_and_leave_at_once_and_no_room_ever_mixes(clients: Clients) -> None:
    crowd = [await clients() for _ in range(20)]

    async def visit(number: int, client: RawClient) -> None:
        for turn in range(20):
            room = f"room-{(number + turn) % 7}"
            if (await client.call("join", room))["ok"]:
                await client.emit("message", room)
        for event in await client.heard():
            assert event[0] in {"joined", "other_joined", "message", "left", "bye", "full"}

    await asyncio.gather(*(visit(number, client) for number, client in enumerate(crowd)))


async def test_joining_again_is_joined_again_and_the_other_is_told_nothing(clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    await ann.emit("join", "kitchen")
    assert await ann.event() == ["joined", "kitchen", ann.id]
    assert await bob.heard() == []
    await ann.emit("message", "still here")
    assert await bob.event() == ["message", "still here"]


async def test_joining_a_second_room_leaves_the_first(clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    await ann.emit("join", "garden")
    assert await ann.event() == ["left", "kitchen", ann.id]
    assert await ann.event() == ["joined", "garden", ann.id]
    assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "left"}]
    await bob.emit("message", "anybody?")
    assert await ann.heard() == []


async def test_a_second_room_that_is_full_leaves_one_in_the_first(clients: Clients) -> None:
    await clients.pair("garden")
    ann, bob = await clients.pair("kitchen")
    await ann.emit("join", "garden")
    assert await ann.event() == ["full", "garden"]
    await ann.emit("message", "still here")
    assert await bob.event() == ["message", "still here"]


async def test_leaving_a_room_one_is_not_in_is_ignored(clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    assert await ann.call("leave", "garden") == OK
    eve = await clients()
    assert await eve.call("leave", "kitchen") == OK
    assert await eve.heard() == await ann.heard() == await bob.heard() == []


@pytest.mark.parametrize(
    "room", ["", ".x", "a b", "a/b", "x" * 65, "\x1b[2J", 7, None, ["a"], {"a": 1}, True]
)
@pytest.mark.parametrize("event", ["join", "leave"])
async def test_a_bad_room_name_is_refused_in_words(clients: Clients, event: str, room: Any) -> None:
    client = await clients()
    refusal = await client.call(event, room)
    assert (refusal["ok"], refusal["code"]) == (False, "bad-room")
    assert await client.event() == ["error", "bad-room", refusal["message"]]


async def test_joining_nothing_is_refused(clients: Clients) -> None:
    client = await clients()
    assert (await client.call("join"))["code"] == "bad-room"


@pytest.mark.parametrize("arguments", [[], [1, 2], ["x", 1]])
async def test_a_message_of_a_plain_client_has_one_argument(
    clients: Clients, arguments: list[object]
) -> None:
    ann, bob = await clients.pair("kitchen")
    assert (await ann.call("message", *arguments))["code"] == "bad-message"
    assert (await ann.event())[:2] == ["error", "bad-message"]
    assert await bob.heard() == []


@pytest.mark.parametrize(
    "arguments", [[], ["x", 0], ["x", -1], ["x", True], ["x", 1.0], ["x", "1"], ["x", 2**53], ["x", 1, 1]]
)
async def test_the_number_of_a_message_is_a_whole_one(clients: Clients, arguments: list[object]) -> None:
    ann = await clients(PYCALL)
    await ann.call("join", "kitchen")
    assert (await ann.call("message", *arguments))["code"] == "bad-message"


async def test_a_message_sent_twice_arrives_once(clients: Clients) -> None:
    ann, bob = await clients(PYCALL), await clients()
    await ann.call("join", "kitchen")
    await bob.call("join", "kitchen")
    for number in (1, 1, 2, 1, 5, 4):
        assert await ann.call("message", number, number) == OK
    assert await bob.heard() == [
        ["joined", "kitchen", bob.id],
        ["message", 1],
        ["message", 2],
        ["message", 5],
    ]


async def test_a_message_outside_a_room_is_refused(clients: Clients) -> None:
    client = await clients()
    assert (await client.call("message", "hello"))["code"] == "not-in-room"
    assert (await client.event())[:2] == ["error", "not-in-room"]


async def test_a_message_of_one_alone_is_taken_and_goes_nowhere(clients: Clients) -> None:
    ann = await clients()
    await ann.call("join", "kitchen")
    assert await ann.call("message", "hello?") == OK


async def test_messages_arrive_in_the_order_they_were_sent(clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    for number in range(250):
        await ann.emit("message", number)
    assert [(await bob.event())[1] for _ in range(250)] == list(range(250))


@pytest.mark.parametrize(
    "payload",
    [None, True, 0, -1.5, "", "é王🎉\u2028", "\ud800", [], {}, [[[{"a": [None]}]]], {"_placeholder": True}],
)
async def test_a_message_arrives_as_it_was_sent(clients: Clients, payload: Any) -> None:
    ann, bob = await clients.pair("kitchen")
    await ann.emit("message", payload)
    assert await bob.event() == ["message", payload]


async def test_a_lost_connection_is_told_as_lost(clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    ann.cut()
    assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "lost"}]


@pytest.mark.parametrize("farewell", ["41", "1"])
async def test_a_client_that_says_it_disconnects_has_left(clients: Clients, farewell: str) -> None:
    ann, bob = await clients.pair("kitchen")
    await ann.send(farewell)
    assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "left"}]
    assert await ann.close_code() == 1000


async def test_a_client_that_closes_its_websocket_has_left(clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    await ann.socket.close()
    assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "left"}]


async def test_the_seat_of_a_lost_one_is_free_at_once(clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    ann.cut()
    await bob.event()
    eve = await clients()
    assert await eve.call("join", "kitchen") == OK
    assert await bob.event() == ["other_joined", "kitchen", eve.id]


async def test_a_renewal_is_told_to_both(clients: Clients) -> None:
    ann, bob = await clients(PYCALL), await clients(PYCALL)
    await ann.call("join", "kitchen")
    await bob.call("join", "kitchen")
    await ann.heard()
    await bob.heard()
    assert await bob.call("renew", "kitchen", 1) == OK
    assert await ann.call("renew", "kitchen", 1) == OK
    renewed = ["renewed", "kitchen", {"epoch": 2, "ice_servers": []}]
    assert await ann.heard() == await bob.heard() == [renewed]


@pytest.mark.parametrize(
    "arguments",
    [["kitchen"], ["kitchen", 0], ["kitchen", 2], ["kitchen", "1"], ["kitchen", None], ["garden", 1]],
)
async def test_what_is_no_renewal_of_the_present_is_ignored(
    clients: Clients, arguments: list[object]
) -> None:
    ann, bob, eve = await clients(PYCALL), await clients(PYCALL), await clients(PYCALL)
    for client in (ann, bob):
        await client.call("join", "kitchen")
        await client.heard()
    await ann.heard()
    for client in (ann, eve):
        assert await client.call("renew", *arguments) == OK
    assert await ann.heard() == await bob.heard() == await eve.heard() == []


async def test_nothing_is_renewed_with_a_plain_client(clients: Clients) -> None:
    ann, plain = await clients(PYCALL), await clients()
    await ann.call("join", "kitchen")
    await plain.call("join", "kitchen")
    await ann.heard()
    await plain.heard()
    for client in (ann, plain):
        assert await client.call("renew", "kitchen", 1) == OK
    assert await ann.heard() == await plain.heard() == []


async def test_a_renewal_of_no_room_is_refused(clients: Clients) -> None:
    assert (await (await clients(PYCALL)).call("renew"))["code"] == "bad-room"


async def test_ice_servers_are_made_for_each_member_and_the_host_it_called() -> None:
    def ice_servers(member_id: str, host: str) -> list[dict[str, object]]:
        return [{"urls": f"stun:{host}", "username": member_id}]

    wire = socket_server()
    gateway(wire, MemoryRoomStore(), ice_servers)
    application = web.Application()
    application.router.add_get("/socket.io/", wire.engine.handle_request)
    async with test_utils.TestServer(application) as server, raw_clients(server.port or 0) as clients:
        ann, bob, plain = await clients.open(Host="call.example:81"), await clients(PYCALL), await clients()
        await ann.connect(PYCALL)
        await ann.call("join", "kitchen")
        await bob.call("join", "kitchen")
        _, _, ann_id, more = await ann.event()
        assert more["ice_servers"] == [{"urls": "stun:call.example", "username": ann_id}]
        _, _, bob_id, more = await bob.event()
        for_bob = [{"urls": "stun:127.0.0.1", "username": bob_id}]
        assert more["ice_servers"] == for_bob
        await bob.call("renew", "kitchen", 1)
        assert await bob.event() == ["renewed", "kitchen", {"epoch": 2, "ice_servers": for_bob}]
        await plain.call("join", "garden")
        assert await plain.event() == ["joined", "garden", plain.id]
        await wire.close()


async def test_python_socketio_clients_talk_and_hang_up(server: SignallingServer) -> None:
    heard: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()
    url = f"http://127.0.0.1:{server.port}"
    ann, bob = (socketio.AsyncClient(handle_sigint=False, reconnection=False) for _ in range(2))
    ann.on("*", lambda *event: heard.put_nowait(event))
    await ann.connect(url, transports=["websocket"])
    await bob.connect(url, transports=["websocket"], auth={"pycall": 1, "name": "Bob"})
    assert await ann.call("join", "kitchen") == OK
    assert await bob.call("join", "kitchen") == OK
    assert await bob.call("message", {"candidate": None}) == OK
    await bob.disconnect()
    async with asyncio.timeout(15):
        events = [await heard.get() for _ in range(4)]
    assert [event[0] for event in events] == ["joined", "other_joined", "message", "bye"]
    assert events[2][1] == {"candidate": None}
    assert events[3][3] == {"reason": "left"}
    await ann.disconnect()
