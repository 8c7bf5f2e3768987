"""The signalling client against real servers: ours, and one that speaks only the plain protocol."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

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
        assert came.peer == inputs.PeerInfo(joined.id, "Bob", renews=True)
        assert joined.peer == inputs.PeerInfo(alice.said(inputs.JoinedRoom)[0].id, "Alice", renews=True)
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


async def test_who_closes_its_client_is_gone_at_once(url: str) -> None:
    async with callers(url, "Alice", "Bob") as (alice, bob):
        for caller in (alice, bob):
            await caller.client.join("kitchen")
            await until(partial(_answered, caller))
        await bob.client.close()
        await until(lambda: alice.said(inputs.OtherLeft))
        assert alice.said(inputs.OtherLeft)[0].reason == "left"
        assert not bob.said(inputs.SignallingLost)


async def test_a_renewed_pairing_is_told_to_both(url: str) -> None:
    async with callers(url, "Alice", "Bob") as both:
        for caller in both:
            await caller.client.join("kitchen")
            await until(partial(_answered, caller))
        alice, bob = both
        await until(lambda: alice.said(inputs.OtherJoined))
        epoch = alice.said(inputs.OtherJoined)[0].epoch
        assert epoch is not None
        await bob.client.renew("elsewhere", epoch)
        await bob.client.renew("kitchen", epoch - 1)
        for caller in both:  # both at once, and more than once: one renewal
            await caller.client.renew("kitchen", epoch)
            await caller.client.renew("kitchen", epoch)
        await until(lambda: all(caller.said(inputs.Renewed) for caller in both))
        await alice.client.send(Offer("v=0", epoch + 1))
        await until(lambda: bob.said(inputs.MessageReceived))
        for caller in both:
            assert caller.said(inputs.Renewed) == [inputs.Renewed(epoch + 1)]


async def test_a_server_that_answers_is_not_dialled_again(url: str) -> None:
    async with callers(url, "Alice") as (alice,):
        for room in ("-", "kitchen"):
            await alice.client.join(room)
            await until(lambda: alice.client._token and alice.client._seated)
            for _ in range(20):
                await alice.client.check()
            await until(lambda: not alice.client._checking)
        await alice.client.leave("kitchen")
        assert [type(each) for each in alice.posted] == [inputs.SignallingOpened, *[inputs.JoinedRoom] * 2]


async def test_a_restarted_server_is_found_again(free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    alice = Caller(url)
    try:
        async with serving(free_port):
            await alice.client.open()
            await alice.client.join("kitchen")
            await until(lambda: alice.said(inputs.JoinedRoom))
        await until(lambda: alice.said(inputs.SignallingLost))
        [first] = alice.said(inputs.JoinedRoom)
        await alice.client.send(Offer("v=0", None))  # nobody there: no error
        async with serving(free_port):
            await until(lambda: len(alice.said(inputs.SignallingOpened)) == 2, REOPEN_S)
            await alice.client.join("kitchen")
            await until(lambda: len(alice.said(inputs.JoinedRoom)) == 2)
            again = alice.said(inputs.JoinedRoom)[1]
            assert (again.id, again.resumed) == (first.id, False)
            assert len(alice.said(inputs.SignallingLost)) == 1
    finally:
        await alice.client.close()


async def test_closing_while_dialling_again_ends_it(free_port: int) -> None:
    alice = Caller(f"http://127.0.0.1:{free_port}")
    async with serving(free_port):
        await alice.client.open()
    await until(lambda: alice.said(inputs.SignallingLost))
    start = time.monotonic()
    await alice.client.close()
    await alice.client.close()
    assert time.monotonic() - start < 2


async def test_a_bug_in_dialling_again_is_logged_and_told(
    free_port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = Caller(f"http://127.0.0.1:{free_port}")
    async with serving(free_port):
        await alice.client.open()
        monkeypatch.setattr(alice.client, "_hearing", {}.popitem)
    await until(lambda: alice.said(inputs.SignallingFailed))
    await alice.client.close()
    [failed] = alice.said(inputs.SignallingFailed)
    assert "pycall itself broke" in failed.error.message
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.exc_info


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
