"""The signalling client against real servers: ours, and one that speaks only the plain protocol."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pycall.core import inputs
from pycall.core.messages import Answer, Candidate, IceServer, Message, Offer
from tests.client.pair import until
from tests.client.signalling_rig import Caller, PlainServer, callers, listening, serving

REOPEN_S = 15.0


def _answered(caller: Caller) -> bool:
    return bool(caller.said(inputs.JoinedRoom) or caller.said(inputs.RoomFull))


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving() as server:
        yield f"http://127.0.0.1:{server.port}"


async def test_two_meet_talk_and_part(url: str) -> None:
    async with callers(url, "Alice", "Bob") as (alice, bob):
        assert alice.posted == [inputs.SignallingOpened()]
        await alice.client.join("kitchen")
        await until(lambda: alice.said(inputs.JoinedRoom))
        await bob.client.join("kitchen")
        await until(lambda: bob.said(inputs.JoinedRoom) and alice.said(inputs.OtherJoined))
        [came], [joined] = alice.said(inputs.OtherJoined), bob.said(inputs.JoinedRoom)
        assert came.peer == inputs.PeerInfo(joined.id, "Bob")
        assert joined.peer == inputs.PeerInfo(alice.said(inputs.JoinedRoom)[0].id, "Alice")
        assert came.epoch == joined.epoch
        assert came.epoch is not None

        said: list[Message] = [Offer("v=0", came.epoch), Candidate(None, None, None, came.epoch)]
        said += [Candidate(f"candidate:{n}", "0", 0, came.epoch) for n in range(20)]
        for message in said:
            await alice.client.send(message)
        await bob.client.send(Answer("v=0", came.epoch))
        await until(lambda: len(bob.said(inputs.MessageReceived)) == len(said))
        assert [received.message for received in bob.said(inputs.MessageReceived)] == said
        await until(lambda: alice.said(inputs.MessageReceived))

        await bob.client.leave("kitchen")
        await until(lambda: alice.said(inputs.OtherLeft))
        assert alice.said(inputs.OtherLeft) == [inputs.OtherLeft(joined.id, "left")]


async def test_a_third_is_told_that_the_room_is_full(url: str) -> None:
    async with callers(url, "Alice", "Bob", "Eve") as all_three:
        for caller in all_three:
            await caller.client.join("kitchen")
            await until(partial(_answered, caller))
        assert all_three[2].posted[1:] == [inputs.RoomFull()]


async def test_a_refusal_comes_with_its_code(url: str) -> None:
    async with callers(url, "Alice") as (alice,):
        await alice.client.send(Offer("v=0", None))
        await until(lambda: alice.said(inputs.Refused))
        assert alice.said(inputs.Refused)[0].code == "not-in-room"


async def test_one_whose_connection_breaks_is_lost_not_gone(url: str) -> None:
    async with callers(url, "Alice", "Bob") as (alice, bob):
        for caller in (alice, bob):
            await caller.client.join("kitchen")
            await until(partial(_answered, caller))
        assert bob.client._session is not None
        await bob.client._session.close()
        await until(lambda: alice.said(inputs.OtherLeft))
        assert alice.said(inputs.OtherLeft)[0].reason == "lost"
        await until(lambda: bob.said(inputs.SignallingLost))


async def test_a_restarted_server_is_found_again(free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    alice = Caller(url)
    try:
        async with serving(free_port):
            await alice.client.open()
            await alice.client.join("kitchen")
            await until(lambda: alice.said(inputs.JoinedRoom))
        await until(lambda: alice.said(inputs.SignallingLost))
        await alice.client.send(Offer("v=0", None))  # nobody there: lost, no error
        await alice.client.leave("elsewhere")
        async with serving(free_port):
            await until(lambda: len(alice.said(inputs.SignallingOpened)) == 2, REOPEN_S)
            await alice.client.join("kitchen")
            await until(lambda: len(alice.said(inputs.JoinedRoom)) == 2)
    finally:
        await alice.client.close()
    assert len(alice.said(inputs.SignallingLost)) == 1


async def test_closing_while_dialling_again_ends_it(free_port: int) -> None:
    alice = Caller(f"http://127.0.0.1:{free_port}")
    async with serving(free_port):
        await alice.client.open()
    await until(lambda: alice.said(inputs.SignallingLost))
    start = time.monotonic()
    await alice.client.close()
    await alice.client.close()
    assert time.monotonic() - start < 2


# A server that speaks only the plain protocol


async def test_a_server_of_the_plain_protocol_is_enough() -> None:
    async with listening(PlainServer().app) as port, callers(f"http://127.0.0.1:{port}", "A", "B") as both:
        alice, bob = both
        await alice.client.join("kitchen")
        await until(lambda: alice.said(inputs.JoinedRoom))
        await bob.client.join("kitchen")
        await until(lambda: alice.said(inputs.OtherJoined) and bob.said(inputs.JoinedRoom))
        [joined] = bob.said(inputs.JoinedRoom)
        assert (joined.epoch, joined.peer, joined.ice_servers) == (None, None, ())
        assert alice.said(inputs.OtherJoined) == [inputs.OtherJoined(inputs.PeerInfo(joined.id, ""), None)]
        await alice.client.send(Offer("v=0", None))
        await until(lambda: bob.said(inputs.MessageReceived))
        await bob.client.leave("kitchen")
        await until(lambda: alice.said(inputs.OtherLeft))
        assert alice.said(inputs.OtherLeft) == [inputs.OtherLeft(joined.id, "left")]


async def test_the_most_minimal_server_that_names_no_ids_will_do() -> None:
    server = PlainServer()
    async with listening(server.app) as port, callers(f"http://127.0.0.1:{port}", "Alice") as (alice,):
        alice.client._room = "kitchen"
        await server.say("joined", "kitchen")
        await server.say("other_joined", "kitchen")
        await server.say("bye", "kitchen")
        await until(lambda: alice.said(inputs.OtherLeft))
        assert alice.posted[1:] == [
            inputs.JoinedRoom("", None, None, ()),
            inputs.OtherJoined(inputs.PeerInfo("", ""), None),
            inputs.OtherLeft("", "left"),
        ]


async def test_what_a_server_should_not_say_is_dropped_or_made_safe() -> None:
    server = PlainServer()
    long = "x" * 10_000
    async with listening(server.app) as port, callers(f"http://127.0.0.1:{port}", "Alice") as (alice,):
        alice.client._room = "kitchen"
        nonsense: list[tuple[Any, ...]] = [
            ("joined",),
            ("joined", "elsewhere", "id"),
            ("joined", "kitchen", 7),
            ("joined", "kitchen", long),
            ("joined", "kitchen", "\x1b[31m"),
            ("joined", "kitchen", "id", {"epoch": "1"}),
            ("joined", "kitchen", "id", {"epoch": -1}),
            ("joined", "kitchen", "id", {"epoch": 1, "peer": {"id": 3}}),
            ("other_joined", "elsewhere", "id"),
            ("other_joined", "kitchen", None),
            ("bye", "elsewhere", "id"),
            ("bye", "kitchen", {}),
            ("full", "elsewhere"),
            ("full",),
            ("error",),
            ("error", {"code": 1}),
            ("message",),
            ("message", "text"),
            ("message", {"type": "offer"}),
            ("message", {"type": "offer", "sdp": long * 5}),
            ("connect_error", "x"),
            ("unheard_of", 1, 2, 3),
        ]
        for event, *arguments in nonsense:
            await server.say(event, *arguments)
        named = {"epoch": 4, "name": "\x1b]0;x\x07 Bob\u202e", "peer": {"id": "p", "name": 9}}
        servers = [{"urls": "stun:a"}, {"urls": ["turn:b", "file:c"], "username": "u", "credential": "c"}]
        servers += [
            {"urls": 3},
            {"urls": "http:x"},
            {"urls": "stun:" + long},
            {"urls": "turn:x", "username": 1},
        ]
        await server.say("joined", "kitchen", "id", named | {"ice_servers": [*servers, 5]}, "more")
        await server.say("other_joined", "kitchen", "id", named)
        await server.say("bye", "kitchen", "id", {"reason": "lost"})
        await server.say("error", "a\x1bb", "Say\nwhat? " + long)
        await until(lambda: alice.said(inputs.Refused))
    [joined, came, left, refused] = alice.posted[1:]
    stun, turn = IceServer(("stun:a",)), IceServer(("turn:b",), "u", "c")
    assert joined == inputs.JoinedRoom("id", 4, inputs.PeerInfo("p", ""), (stun, turn))
    assert came == inputs.OtherJoined(inputs.PeerInfo("id", "]0;x Bob"), 4)
    assert left == inputs.OtherLeft("id", "lost")
    assert isinstance(refused, inputs.Refused)
    assert refused.code.isprintable()
    assert refused.message.isprintable()
    assert len(refused.message) < 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
extras = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["epoch", "peer", "name", "ice_servers", "resume", "resumed"], json_values)
)


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(
    st.sampled_from(["_joined", "_other_joined", "_bye", "_full"]),
    st.lists(json_values | extras | st.just("kitchen"), max_size=4),
)
def test_no_arguments_of_an_event_raise_anything(event: str, arguments: list[object]) -> None:
    caller = Caller("http://localhost:1")
    caller.client._room = "kitchen"
    parse: Callable[..., inputs.Input | None] = getattr(caller.client, event)
    caller.client._posting(event, parse)(*arguments)
