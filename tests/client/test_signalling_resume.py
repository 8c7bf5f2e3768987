"""Coming back to one's seat at a real server that has not noticed that the connection broke."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest

from pycall.core import inputs
from pycall.core.messages import Answer, Message, Offer
from pycall.server.app import SignallingServer
from tests.client.cable import Cable, cable
from tests.client.pair import until
from tests.client.signalling_rig import Caller, serving

pytestmark = pytest.mark.integration

BACK_S = 6.0
"""Well before the server would notice by itself."""


@pytest.fixture
async def server() -> AsyncIterator[SignallingServer]:
    async with serving() as server:
        yield server


@pytest.fixture
async def wire(server: SignallingServer) -> AsyncIterator[Cable]:
    async with cable(server.port) as wire:
        yield wire


@pytest.fixture
async def alice(wire: Cable) -> AsyncIterator[Caller]:
    """In the kitchen, at the end of the cable."""
    caller = Caller(wire.url, "Alice")
    await enter(caller)
    yield caller
    await caller.client.close()


@pytest.fixture
async def bob(server: SignallingServer, alice: Caller) -> AsyncIterator[Caller]:
    """In the kitchen with Alice."""
    caller = Caller(f"http://127.0.0.1:{server.port}", "Bob")
    await enter(caller)
    await until(lambda: alice.said(inputs.OtherJoined))
    yield caller
    await caller.client.close()


async def enter(caller: Caller) -> None:
    await caller.client.open()
    await caller.client.join("kitchen")
    await until(lambda: caller.said(inputs.JoinedRoom))


async def come_back(caller: Caller) -> inputs.JoinedRoom:
    """Wait until the connection stands again and ask for the seat."""
    breaks = len(caller.said(inputs.SignallingOpened))
    await until(lambda: len(caller.said(inputs.SignallingLost)) == breaks)
    await until(lambda: len(caller.said(inputs.SignallingOpened)) == breaks + 1, BACK_S)
    before = len(caller.said(inputs.JoinedRoom))
    await caller.client.join("kitchen")
    await until(lambda: len(caller.said(inputs.JoinedRoom)) > before)
    return caller.said(inputs.JoinedRoom)[-1]


async def they_talk(speaker: Caller, hearer: Caller, message: Message) -> None:
    """What one says is the next that the other hears."""
    before = len(hearer.posted)
    await speaker.client.send(message)
    await until(lambda: len(hearer.posted) > before)
    assert hearer.posted[before:] == [inputs.MessageReceived(message)]


async def test_who_comes_back_has_its_seat_and_the_other_one_never_knows(
    alice: Caller, bob: Caller, wire: Cable
) -> None:
    [first], [came] = alice.said(inputs.JoinedRoom), alice.said(inputs.OtherJoined)
    heard = len(bob.posted)
    for _ in range(2):
        wire.cut()
        back = await come_back(alice)
        assert back == inputs.JoinedRoom(first.id, came.epoch, came.peer, (), resumed=True)
        assert len(bob.posted) == heard
        await they_talk(alice, bob, Offer("v=0", came.epoch))
        await they_talk(bob, alice, Answer("v=0", came.epoch))
        heard += 1
    await alice.client.leave("kitchen")
    await until(lambda: bob.said(inputs.OtherLeft))
    assert bob.posted[heard:] == [inputs.OtherLeft(first.id, "left")]


async def test_who_came_while_one_was_away_is_known_on_coming_back(
    server: SignallingServer, alice: Caller, bob: Caller, wire: Cable
) -> None:
    [first], [came] = alice.said(inputs.JoinedRoom), alice.said(inputs.OtherJoined)
    wire.cut()
    await bob.client.leave("kitchen")
    eve = Caller(f"http://127.0.0.1:{server.port}", "Eve")
    try:
        await enter(eve)
        back = await come_back(alice)
        [joined] = eve.said(inputs.JoinedRoom)
        assert (back.id, back.resumed, back.peer) == (first.id, True, inputs.PeerInfo(joined.id, "Eve"))
        assert back.epoch == joined.epoch != came.epoch
    finally:
        await eve.client.close()


async def test_a_seat_given_up_is_not_asked_for_again(alice: Caller, bob: Caller, wire: Cable) -> None:
    await alice.client.leave("kitchen")
    wire.cut()
    back = await come_back(alice)
    assert not back.resumed
    assert back.peer == inputs.PeerInfo(bob.said(inputs.JoinedRoom)[0].id, "Bob")


async def test_a_server_that_noticed_gives_a_new_seat(alice: Caller, bob: Caller, wire: Cable) -> None:
    [first] = alice.said(inputs.JoinedRoom)
    await wire.close()  # both ends of every connection
    await until(lambda: bob.said(inputs.OtherLeft))
    back = await come_back(alice)
    assert not back.resumed
    assert back.id != first.id
    await until(lambda: len(bob.said(inputs.OtherJoined)) == 1)


async def test_no_token_is_logged(
    alice: Caller, bob: Caller, wire: Cable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert bob.posted
    wire.cut()
    assert (await come_back(alice)).resumed
    assert len(alice.client._token) == 22
    assert alice.client._token not in caplog.text
    assert alice.client._token not in str(alice.posted)
