"""Coming back to one's seat with its token, whether or not the server has noticed that one was away."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from typing import Any

import pytest
import socketio

from pycall.limits import Limits
from pycall.server.app import SignallingServer
from pycall.server.clients import id_of
from tests.client.cable import cable
from tests.server.raw import PATIENCE_S, Clients, RawClient
from tests.server.seating import OK, auth, health, joined, lose, pair, serving, until

# The seat


@pytest.mark.parametrize("noticed", [True, False])
async def test_a_seat_moves_to_the_new_connection_and_the_other_one_hears_nothing(
    clients: Clients, server: SignallingServer, *, noticed: bool
) -> None:
    ann, bob, token = await pair(clients)
    if noticed:
        await lose(ann, server)
    back = await clients(auth(token))
    id_, more = await joined(back)
    assert id_ == id_of(token)
    peer = {"id": bob.id, "name": "", "pycall": 0}
    told = {"epoch": 1, "peer": peer, "offers": True, "ice_servers": [], "resume": token, "resumed": True}
    assert more == told
    if not noticed:
        assert await ann.close_code() == 1006
    await back.emit("message", "here I am")
    assert await bob.event() == ["message", "here I am"]
    await bob.emit("message", "I never noticed")
    assert await back.event() == ["message", "I never noticed", 1]
    assert await bob.heard() == await back.heard() == []


async def test_who_came_back_is_known_by_its_id_in_everything_that_follows(clients: Clients) -> None:
    _, bob, token = await pair(clients)
    ann_id = id_of(token)
    back = await clients(auth(token))
    await joined(back)
    await bob.call("leave", "kitchen")
    assert await back.event() == ["bye", "kitchen", bob.id, {"reason": "left"}]
    eve = await clients(auth())
    eve_id, more = await joined(eve)
    assert more["peer"] == {"id": ann_id, "name": "Ann", "pycall": 1}
    told = {"epoch": 2, "name": "Ann", "pycall": 1, "ice_servers": []}
    assert await back.event() == ["other_joined", "kitchen", eve_id, told]
    await back.emit("leave", "kitchen")
    assert await back.event() == ["left", "kitchen", ann_id]
    assert await eve.event() == ["bye", "kitchen", ann_id, {"reason": "left"}]
    id_, more = await joined(back)
    assert (id_, more["resumed"]) == (ann_id, False)


async def test_one_may_come_back_again_and_again(clients: Clients, server: SignallingServer) -> None:
    _, bob, token = await pair(clients)
    for turn in range(5):
        back = await clients(auth(token))
        id_, more = await joined(back)
        told = (id_, more["resumed"], more["epoch"], more["resume"])
        assert told == (id_of(token), True, 1, token)
        await back.emit("message", turn)
        assert await bob.event() == ["message", turn]
    assert await bob.heard() == []
    assert await health(server) == {"rooms": 1, "members": 2}


async def test_a_seat_alone_in_its_room_moves_too(clients: Clients, server: SignallingServer) -> None:
    id_, more = await joined(await clients(auth()))
    again, told = await joined(await clients(auth(more["resume"])))
    assert (again, told["resumed"], told["peer"]) == (id_, True, None)
    assert await health(server) == {"rooms": 1, "members": 1}


async def test_of_many_who_come_with_one_token_one_has_the_seat(
    clients: Clients, server: SignallingServer
) -> None:
    _, bob, token = await pair(clients)
    crowd = [await clients(auth(token)) for _ in range(10)]
    await asyncio.gather(*(client.emit("join", "kitchen") for client in crowd))
    await until(lambda: server.connections == 2)
    assert await health(server) == {"rooms": 1, "members": 2}
    await bob.emit("message", "who of you?")
    heard = await asyncio.gather(*(last_words(client) for client in crowd))
    assert sorted(words == ["message", "who of you?", 1] for words in heard) == [False] * 9 + [True]
    assert await bob.heard() == []


async def test_a_thief_gets_nothing_without_the_token(clients: Clients, server: SignallingServer) -> None:
    ann, bob, token = await pair(clients)
    wrong: list[object] = [None, "", 7, True, [token], {"resume": token}, id_of(token), bob.id, token[:-1]]
    wrong += [token + " ", token.swapcase(), "é" + token, "\ud800", "x" * 10_000, token * 100, "x" * 22]
    for given in wrong:
        thief = await clients(auth(given, received=0))
        assert (await thief.call("join", "kitchen"))["code"] == "full", given
    plain = await clients({"resume": token})
    assert (await plain.call("join", "kitchen"))["code"] == "full"
    await ann.emit("message", "still mine")
    assert await bob.event() == ["message", "still mine"]
    assert await ann.heard() == await bob.heard() == []
    await lose(ann, server)
    for given in wrong:
        thief = await clients(auth(given, received=0))
        assert (await thief.call("join", "kitchen"))["code"] == "full", given
    assert (await joined(await clients(auth(token))))[1]["resumed"]


async def test_of_a_thousand_guesses_none_gets_in(clients: Clients, server: SignallingServer) -> None:
    ann, bob, token = await pair(clients)
    await lose(ann, server)

    async def guess() -> str:
        thief = await clients(auth(secrets.token_urlsafe(16), received=0))
        refused: str = (await thief.call("join", "kitchen"))["code"]
        thief.cut()
        return refused

    for _ in range(20):
        assert set(await asyncio.gather(*(guess() for _ in range(50)))) == {"full"}
    assert await bob.heard() == []
    assert (await joined(await clients(auth(token))))[1]["resumed"]


async def test_a_token_that_no_seat_has_gives_a_newcomer_its_id(clients: Clients) -> None:
    _, bob, token = await pair(clients)
    elsewhere = await clients(auth(token))
    id_, more = await joined(elsewhere, "garden")
    assert (id_, more["resumed"], more["resume"]) == (id_of(token), False, token)
    assert await bob.heard() == []


async def test_both_find_each_other_again_on_a_server_that_was_restarted() -> None:
    async with serving() as (first, _):
        _, before_ann = await joined(ann := await first(auth()))
        _, before_bob = await joined(await first(auth()))
        ann_id, bob_id = id_of(before_ann["resume"]), (await ann.event())[2]
    async with serving() as (second, _):
        ann = await second(auth(before_ann["resume"], received=3))
        bob = await second(auth(before_bob["resume"], received=3))
        id_, more = await joined(ann)
        assert (id_, more["resumed"], more["peer"]) == (ann_id, False, None)
        id_, more = await joined(bob)
        assert (id_, more["resumed"], more["peer"]["id"]) == (bob_id, False, ann_id)
        assert (await ann.event())[:3] == ["other_joined", "kitchen", bob_id]
        await ann.call("message", "from a while ago", 25)
        assert await bob.event() == ["message", "from a while ago", 4]


async def test_coming_back_from_a_second_room_leaves_that_one(clients: Clients) -> None:
    _, bob, token = await pair(clients)
    other = await clients()
    back = await clients(auth(token))
    await joined(back, "garden")
    assert await other.call("join", "garden") == OK
    await back.event()
    assert await back.call("join", "kitchen") == OK
    assert await back.event() == ["left", "garden", id_of(token)]
    assert (await back.event())[:3] == ["joined", "kitchen", id_of(token)]
    assert await other.heard() == [
        ["joined", "garden", other.id],
        ["bye", "garden", id_of(token), {"reason": "left"}],
    ]
    assert await bob.heard() == []


async def test_no_token_is_logged(clients: Clients, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ann, _, token = await pair(clients)
    await joined(await clients(auth(token)))
    await ann.close_code()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("pycall")]
    assert [line.split(": ")[1] for line in ours if "ended" in line] == ["seat resumed"]
    assert token not in caplog.text


async def test_an_old_connection_that_nobody_reads_any_more_is_gone_at_once() -> None:
    async with serving(limits=Limits(farewell_s=60)) as (clients, server):
        ann, bob, token = await pair(clients)
        ann.stop_reading()
        for _ in range(4):
            await bob.call("message", "x" * 60_000)
        await joined(await clients(auth(token)))
        await until(lambda: server.connections == 2)
        assert await bob.heard() == []


# What was said meanwhile


async def test_what_was_missed_is_sent_again_after_joined(clients: Clients, server: SignallingServer) -> None:
    ann, bob, token = await pair(clients)
    await bob.emit("message", "one")
    assert await ann.event() == ["message", "one", 1]
    await lose(ann, server)
    for word in ("two", "three"):
        await bob.call("message", word)
    back = await clients(auth(token, received=1))
    await joined(back)
    assert await back.heard() == [["message", "two", 2], ["message", "three", 3]]
    await bob.emit("message", "four")
    assert await back.event() == ["message", "four", 4]


async def test_who_does_not_say_what_it_received_is_sent_nothing_again(clients: Clients) -> None:
    _, bob, token = await pair(clients)
    await bob.call("message", "one")
    back = await clients(auth(token))
    await joined(back)
    assert await back.heard() == []


async def test_who_was_away_learns_of_a_renewal_from_its_epoch(
    clients: Clients, server: SignallingServer
) -> None:
    ann, bob = await clients(auth()), await clients(auth())
    _, more = await joined(ann)
    await joined(bob)
    await lose(ann, server)
    await bob.call("message", "of the old epoch", 1)
    await bob.call("renew", "kitchen", 1)
    await bob.call("message", "of the new epoch", 2)
    back = await clients(auth(more["resume"], received=0))
    _, more = await joined(back)
    assert (more["resumed"], more["epoch"], more["offers"]) == (True, 2, True)
    assert await back.heard() == [["message", "of the new epoch", 2]]


async def test_cut_at_any_moment_no_message_is_lost_or_doubled(clients: Clients) -> None:
    rng = random.Random(4)
    _, bob, token = await pair(clients)
    heard: list[Any] = []
    received = 0
    number, said = 0, 0
    unconfirmed: list[int] = []
    confirmed: list[int] = []
    for _ in range(100):
        ann = await clients(auth(token, received=received))
        assert (await joined(ann))[1]["resumed"]
        for again in unconfirmed:
            await ann.emit("message", again, again)
        for _ in range(rng.randint(0, 6)):
            number += 1
            unconfirmed.append(number)
            await ann.emit("message", number, number)
            said += 1
            await bob.emit("message", said)
        if rng.random() < 0.5 and unconfirmed:
            await ann.call("message", unconfirmed[-1], unconfirmed[-1])  # answers for all before
            confirmed += unconfirmed
            unconfirmed.clear()
        for _ in range(rng.randint(0, said - received)):
            message = await ann.event()
            heard.append(message[1])
            received = message[2]
        ann.cut()
    last = await clients(auth(token, received=received))
    await joined(last)
    for again in unconfirmed:
        await last.call("message", again, again)
    await bob.call("message", "end")
    heard += [event[1] for event in await last.heard()]
    assert heard == [*range(1, said + 1), "end"]
    assert [event[1] for event in await bob.heard()] == list(range(1, number + 1))


async def test_a_python_socketio_client_comes_back_to_what_it_missed(
    clients: Clients, server: SignallingServer
) -> None:
    bob = await clients()
    heard: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    async def dial(url: str, **given: object) -> socketio.AsyncClient:
        ann = socketio.AsyncClient(handle_sigint=False, reconnection=False)
        ann.on("*", lambda *event: heard.put_nowait(event))
        await ann.connect(url, transports=["websocket"], auth=auth(**given))
        await ann.emit("join", "kitchen")
        return ann

    async with cable(server.port) as wire, asyncio.timeout(PATIENCE_S):
        broken = await dial(wire.url)
        token = (await heard.get())[3]["resume"]
        await bob.call("join", "kitchen")
        assert (await heard.get())[0] == "other_joined"
        await bob.call("message", "one")
        assert await heard.get() == ("message", "one", 1)
        wire.cut()
        await broken.wait()
        await bob.call("message", "two")
        ann = await dial(wire.url, resume=token, received=1)
        assert (await heard.get())[3]["resumed"]
        assert await heard.get() == ("message", "two", 2)
        await ann.disconnect()
        assert (await bob.heard())[-1] == ["bye", "kitchen", id_of(token), {"reason": "left"}]


async def last_words(client: RawClient) -> list[Any]:
    """The last event a client hears until it is closed, or until nothing is left to hear."""
    heard: list[Any] = []
    while True:
        try:
            heard = await client.event()
        except AssertionError:  # closed
            return heard
        if heard[0] == "message":
            return heard
