"""Coming back to one's seat at a real server: nothing that was said is lost, and nothing comes twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from pycall.core import inputs
from pycall.core.messages import Answer, Candidate, Message, Offer
from pycall.server.app import SignallingServer
from tests.client.cable import Cable
from tests.client.pair import until
from tests.client.signalling_rig import Caller

pytestmark = pytest.mark.integration

BACK_S = 6.0
"""Well before the server would notice by itself."""

SOME_CUTS = 12


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
    before = len(caller.said(inputs.JoinedRoom))  # one for each connection
    await until(lambda: len(caller.said(inputs.SignallingOpened)) > before, BACK_S)
    assert len(caller.said(inputs.SignallingLost)) == before
    await caller.client.join("kitchen")
    await until(lambda: len(caller.said(inputs.JoinedRoom)) > before)
    return caller.said(inputs.JoinedRoom)[-1]


async def they_talk(speaker: Caller, hearer: Caller, message: Message) -> None:
    """What one says is the next that the other hears."""
    before = len(hearer.posted)
    await speaker.client.send(message)
    await until(lambda: len(hearer.posted) > before)
    assert hearer.posted[before:] == [inputs.MessageReceived(message)]


def candidates(caller: Caller) -> list[str | None]:
    """The lines that came to it."""
    received = [each.message for each in caller.said(inputs.MessageReceived)]
    return [message.candidate for message in received if isinstance(message, Candidate)]


async def test_who_comes_back_has_its_seat_and_the_other_one_never_knows(
    alice: Caller, bob: Caller, wire: Cable
) -> None:
    [first], [came] = alice.said(inputs.JoinedRoom), alice.said(inputs.OtherJoined)
    heard = len(bob.posted)
    for _ in range(2):
        wire.cut()
        back = await come_back(alice)
        assert (back.id, back.epoch, back.peer, back.resumed) == (first.id, came.epoch, came.peer, True)
        assert len(bob.posted) == heard
        await they_talk(alice, bob, Offer("v=0", came.epoch))
        await they_talk(bob, alice, Answer("v=0", came.epoch))
        heard += 1
    await alice.client.leave("kitchen")
    await until(lambda: bob.said(inputs.OtherLeft))
    assert bob.posted[heard:] == [inputs.OtherLeft(first.id, "left")]


async def test_cuts_lose_nothing_and_double_nothing(alice: Caller, bob: Caller, wire: Cable) -> None:
    epoch = alice.said(inputs.OtherJoined)[0].epoch
    said: list[str | None] = []

    async def both_say(count: int) -> None:
        for _ in range(count):
            said.append(f"candidate:{len(said)}")
            for caller in (alice, bob):
                await caller.client.send(Candidate(said[-1], "0", 0, epoch))

    for cut in range(SOME_CUTS):
        await both_say(3)
        for _ in range(cut % 4):  # at another moment of what goes to and fro
            await asyncio.sleep(0)
        wire.cut()
        await both_say(3)
        await come_back(alice)
        await both_say(3)
        await until(lambda: min(len(candidates(caller)) for caller in (alice, bob)) >= len(said))
        assert candidates(alice) == candidates(bob) == said
    await until(lambda: not [*alice.client._outbox, *bob.client._outbox])


async def test_what_the_server_had_already_does_not_come_twice(
    alice: Caller, bob: Caller, wire: Cable
) -> None:
    epoch = alice.said(inputs.OtherJoined)[0].epoch
    await they_talk(alice, bob, Offer("v=0", epoch))
    await until(lambda: not list(alice.client._outbox))
    assert alice.client._outbox.put("message", {"type": "offer", "sdp": "v=0", "epoch": epoch}, 1)
    wire.cut()
    await come_back(alice)
    await they_talk(alice, bob, Offer("v=1", epoch))
    await until(lambda: not list(alice.client._outbox))


async def test_a_renewal_asked_for_while_away_is_asked_for_on_return(
    alice: Caller, bob: Caller, wire: Cable
) -> None:
    epoch = alice.said(inputs.OtherJoined)[0].epoch
    assert epoch is not None
    wire.cut()
    await until(lambda: alice.said(inputs.SignallingLost))
    await alice.client.renew("kitchen", epoch)
    await until(lambda: len(alice.said(inputs.SignallingOpened)) == 2, BACK_S)
    await alice.client.join("kitchen")
    await until(lambda: alice.said(inputs.Renewed) and bob.said(inputs.Renewed))
    assert alice.posted[-2:] == [alice.said(inputs.JoinedRoom)[-1], inputs.Renewed(epoch + 1)]


async def test_who_was_away_while_the_other_one_renewed_learns_it_on_return(
    alice: Caller, bob: Caller, wire: Cable
) -> None:
    epoch = alice.said(inputs.OtherJoined)[0].epoch
    assert epoch is not None
    wire.cut()
    await alice.client.send(Candidate("candidate:old", "0", 0, epoch))
    await bob.client.renew("kitchen", epoch)
    await until(lambda: bob.said(inputs.Renewed))
    back = await come_back(alice)
    assert (back.epoch, back.resumed) == (epoch + 1, True)
    await they_talk(alice, bob, Offer("v=0", epoch + 1))
    assert not candidates(bob)


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
        assert (back.id, back.resumed) == (first.id, True)
        assert back.peer == inputs.PeerInfo(eve.said(inputs.JoinedRoom)[0].id, "Eve", renews=True)
        assert back.epoch != came.epoch
    finally:
        await eve.client.close()


async def test_a_seat_given_up_is_not_asked_for_again(alice: Caller, bob: Caller, wire: Cable) -> None:
    await alice.client.leave("kitchen")
    wire.cut()
    back = await come_back(alice)
    assert not back.resumed
    assert back.peer == inputs.PeerInfo(bob.said(inputs.JoinedRoom)[0].id, "Bob", renews=True)


@pytest.mark.parametrize("silent", [False, True])
async def test_a_seat_one_could_not_give_up_is_ones_own_on_return(
    alice: Caller, bob: Caller, wire: Cable, *, silent: bool
) -> None:
    [first], [came] = alice.said(inputs.JoinedRoom), alice.said(inputs.OtherJoined)
    await they_talk(bob, alice, Offer("v=old", came.epoch))
    if silent:
        wire.freeze()
    else:
        wire.cut()
        await until(lambda: alice.said(inputs.SignallingLost))
    await alice.client.send(Candidate("candidate:old", "0", 0, came.epoch))
    await alice.client.leave("kitchen")
    wire.cut()
    wire.thaw()
    back = await come_back(alice)
    assert (back.id, back.peer, back.resumed) == (first.id, came.peer, True)
    assert not alice.said(inputs.RoomFull)
    await they_talk(alice, bob, Answer("v=0", came.epoch))
    await they_talk(bob, alice, Offer("v=0", came.epoch))
    assert not candidates(bob)
    assert not bob.said(inputs.OtherLeft)


async def test_a_silent_server_is_dialled_again_at_once_and_over_again_until_it_answers(
    alice: Caller, bob: Caller, wire: Cable
) -> None:
    [first], [came] = alice.said(inputs.JoinedRoom), alice.said(inputs.OtherJoined)
    wire.freeze()
    await bob.client.send(Offer("v=0", came.epoch))
    for _ in range(100):
        await alice.client.check()
    await until(lambda: alice.said(inputs.SignallingLost), BACK_S)
    await until(lambda: wire.laid >= 4, BACK_S)  # the first one, and attempts that overlap
    for _ in range(100):  # pile nothing up
        await alice.client.check()
    await until(lambda: wire.laid >= 6, BACK_S)
    assert wire.laid < 20
    wire.thaw()
    back = await come_back(alice)
    assert (back.id, back.epoch, back.resumed) == (first.id, came.epoch, True)
    await until(lambda: alice.said(inputs.MessageReceived))
    await they_talk(alice, bob, Answer("v=0", came.epoch))
    assert alice.said(inputs.MessageReceived) == [inputs.MessageReceived(Offer("v=0", came.epoch))]
    assert not bob.said(inputs.OtherLeft)


async def test_closing_while_the_server_is_silent_waits_for_nothing(alice: Caller, wire: Cable) -> None:
    wire.freeze()
    await alice.client.check()
    await until(lambda: wire.laid >= 3, BACK_S)
    await alice.client.close()


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
