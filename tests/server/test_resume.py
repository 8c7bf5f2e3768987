"""Coming back to one's seat with its token while the server still sees the old connection."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiohttp
import pytest

from pycall.server.app import SignallingServer
from pycall.server.limits import Limits
from tests.server.raw import PATIENCE_S, Clients, RawClient, raw_clients

OK = {"ok": True}


def auth(resume: object = None) -> dict[str, object]:
    """What a pycall client connects with."""
    return {"pycall": 1, "name": "Ann", "resume": resume}


async def joined(client: RawClient, room: str = "kitchen") -> tuple[str, dict[str, Any]]:
    """Join; returns one's id and what else one is told."""
    assert await client.call("join", room) == OK
    event, where, id_, more = await client.event()
    assert (event, where) == ("joined", room)
    return id_, more


async def pair(clients: Clients) -> tuple[RawClient, RawClient, str]:
    """Ann, Bob who is a plain client, and Ann's token."""
    ann, bob = await clients(auth()), await clients()
    _, more = await joined(ann)
    assert await bob.call("join", "kitchen") == OK
    assert [event[0] for event in await ann.heard()] == ["other_joined"]
    assert [event[0] for event in await bob.heard()] == ["joined"]
    return ann, bob, more["resume"]


async def test_a_seat_moves_to_the_new_connection_and_the_other_one_hears_nothing(clients: Clients) -> None:
    ann, bob, token = await pair(clients)
    back = await clients(auth(token))
    id_, more = await joined(back)
    peer = {"id": bob.id, "name": ""}
    assert back.id != id_ == ann.id
    assert more == {"epoch": 1, "peer": peer, "ice_servers": [], "resume": token, "resumed": True}
    assert await ann.close_code() == 1006
    await back.emit("message", "here I am")
    assert await bob.event() == ["message", "here I am"]
    await bob.emit("message", "I never noticed")
    assert await back.event() == ["message", "I never noticed"]
    assert await bob.heard() == await back.heard() == []


async def test_who_came_back_is_known_by_its_old_id_in_everything_that_follows(clients: Clients) -> None:
    ann, bob, token = await pair(clients)
    back = await clients(auth(token))
    await joined(back)
    await bob.call("leave", "kitchen")
    assert await back.event() == ["bye", "kitchen", bob.id, {"reason": "left"}]
    eve = await clients(auth())
    _, more = await joined(eve)
    assert more["peer"] == {"id": ann.id, "name": "Ann"}
    assert await back.event() == ["other_joined", "kitchen", eve.id, {"epoch": 2, "name": "Ann"}]
    await back.emit("leave", "kitchen")
    assert await back.event() == ["left", "kitchen", ann.id]
    assert await eve.event() == ["bye", "kitchen", ann.id, {"reason": "left"}]
    id_, more = await joined(back)
    assert (id_, more["resumed"]) == (back.id, False)


async def test_who_came_back_and_is_lost_again_is_told_as_lost(clients: Clients) -> None:
    ann, bob, token = await pair(clients)
    back = await clients(auth(token))
    await joined(back)
    back.cut()
    assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "lost"}]


async def test_one_may_come_back_again_and_again(clients: Clients, server: SignallingServer) -> None:
    ann, bob, token = await pair(clients)
    for turn in range(5):
        back = await clients(auth(token))
        id_, more = await joined(back)
        assert (id_, more["resumed"], more["epoch"], more["resume"]) == (ann.id, True, 1, token)
        await back.emit("message", turn)
        assert await bob.event() == ["message", turn]
    assert await bob.heard() == []
    assert await health(server) == {"rooms": 1, "members": 2}


async def test_a_seat_alone_in_its_room_moves_too(clients: Clients, server: SignallingServer) -> None:
    ann = await clients(auth())
    _, more = await joined(ann)
    back = await clients(auth(more["resume"]))
    id_, again = await joined(back)
    assert (id_, again["resumed"], again["peer"]) == (ann.id, True, None)
    assert await health(server) == {"rooms": 1, "members": 1}


async def test_of_many_who_come_with_one_token_one_has_the_seat(
    clients: Clients, server: SignallingServer
) -> None:
    _, bob, token = await pair(clients)
    crowd = [await clients(auth(token)) for _ in range(10)]
    await asyncio.gather(*(client.emit("join", "kitchen") for client in crowd))
    async with asyncio.timeout(PATIENCE_S):
        while server.connections > 2:
            await asyncio.sleep(0.01)
    assert await health(server) == {"rooms": 1, "members": 2}
    await bob.emit("message", "who of you?")
    heard = await asyncio.gather(*(last_words(client) for client in crowd))
    assert sorted(words == ["message", "who of you?"] for words in heard) == [False] * 9 + [True]
    assert await bob.heard() == []


async def test_a_thief_gets_nothing_without_the_token(clients: Clients) -> None:
    ann, bob, token = await pair(clients)
    wrong: list[object] = [None, "", 7, True, [token], {"resume": token}, ann.id, bob.id, token[:-1]]
    wrong += [token + " ", token.swapcase(), "é" + token, "\ud800", "x" * 10_000, token * 100]
    for given in wrong:
        thief = await clients(auth(given))
        assert (await thief.call("join", "kitchen"))["code"] == "full", given
    plain = await clients({"resume": token})
    assert (await plain.call("join", "kitchen"))["code"] == "full"
    await ann.emit("message", "still mine")
    assert await bob.event() == ["message", "still mine"]
    assert await ann.heard() == await bob.heard() == []


async def test_a_token_opens_no_other_room(clients: Clients) -> None:
    ann, bob, token = await pair(clients)
    elsewhere = await clients(auth(token))
    id_, more = await joined(elsewhere, "garden")
    assert (id_, more["resumed"]) == (elsewhere.id, False)
    assert more["resume"] != token
    assert await ann.heard() == await bob.heard() == []


async def test_a_stale_token_counts_as_none(clients: Clients) -> None:
    ann, bob, token = await pair(clients)
    ann.cut()
    assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "lost"}]
    back = await clients(auth(token))
    id_, more = await joined(back)
    assert (id_, more["resumed"], more["epoch"]) == (back.id, False, 2)
    assert more["resume"] != token
    assert await bob.event() == ["other_joined", "kitchen", back.id]
    third = await clients(auth(token))
    assert (await third.call("join", "kitchen"))["code"] == "full"


async def test_coming_back_from_a_second_room_leaves_that_one(clients: Clients) -> None:
    ann, bob, token = await pair(clients)
    other = await clients()
    back = await clients(auth(token))
    await joined(back, "garden")
    assert await other.call("join", "garden") == OK
    await back.event()
    assert await back.call("join", "kitchen") == OK
    assert await back.event() == ["left", "garden", back.id]
    assert (await back.event())[:3] == ["joined", "kitchen", ann.id]
    assert await other.heard() == [
        ["joined", "garden", other.id],
        ["bye", "garden", back.id, {"reason": "left"}],
    ]
    assert await bob.heard() == []


async def test_every_seat_has_a_token_of_128_bits_of_its_own(clients: Clients) -> None:
    tokens = set()
    for number in range(20):
        _, more = await joined(await clients(auth()), f"room-{number}")
        tokens.add(more["resume"])
    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {22}


async def test_no_token_is_logged(clients: Clients, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ann, _, token = await pair(clients)
    await joined(await clients(auth(token)))
    await ann.close_code()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("pycall")]
    assert [line.split(": ")[1] for line in ours] == ["seat resumed"]
    assert token not in caplog.text


async def test_an_old_connection_that_nobody_reads_any_more_is_gone_at_once() -> None:
    server = SignallingServer("127.0.0.1", 0, limits=Limits(farewell_s=60))
    await server.start()
    async with raw_clients(server.port) as clients:
        ann, bob, token = await pair(clients)
        ann.stop_reading()
        for _ in range(4):
            await bob.call("message", "x" * 60_000)
        await joined(await clients(auth(token)))
        async with asyncio.timeout(PATIENCE_S):
            while server.connections > 2:
                await asyncio.sleep(0.01)
        assert await bob.heard() == []
    await server.stop()


async def health(server: SignallingServer) -> dict[str, int]:
    """How many rooms and members the server sees."""
    url = f"http://127.0.0.1:{server.port}/healthz"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        said = await response.json()
    return {key: said[key] for key in ("rooms", "members")}


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
