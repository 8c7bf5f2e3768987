"""Rooms that are closed, as clients see them: who gets in, and how little everybody else learns."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from pycall.core.seats import Holding
from pycall.limits import Limits
from pycall.server.admission.addresses import Proxies
from pycall.server.app import SignallingServer
from pycall.server.store import MemoryRoomStore
from tests.server.closed import KEY, PASSWORD, WRONG, auth, closed, invite
from tests.server.raw import Clients, RawClient
from tests.server.scraping import scraped
from tests.server.seating import OK, joined, lose, until

RUNS = 1000
FORGOTTEN = Holding(exclusive_s=0.0, total_s=0.0)
"""Seats that are vacated as soon as their owner is away."""


async def answer(client: RawClient, room: str) -> list[str]:
    """Every frame that answers a join, as it came."""
    await client.send("427" + json.dumps(["join", room]))
    frames: list[str] = []
    while not frames or not frames[-1].startswith("437"):
        frames.append(await client.packet())
    return frames


async def counted(server: SignallingServer, outcome: str) -> int:
    reading = await scraped(server)
    return int(reading.by_label("pycall_credentials_total", "outcome")[outcome])


# Who gets in


@pytest.mark.parametrize("more", [{}, {"pycall": 1, "name": "Ann"}], ids=["plain", "pycall"])
async def test_who_knows_the_password_is_in_a_room_as_in_any_other(more: dict[str, object]) -> None:
    async with closed(password=PASSWORD) as (clients, server):
        ann, bob = await clients({**more, "password": PASSWORD}), await clients({"password": PASSWORD})
        assert await ann.call("join", "kitchen") == OK
        assert await bob.call("join", "kitchen") == OK
        assert [event[0] for event in await ann.heard()] == ["joined", "other_joined"]
        await bob.emit("message", "hello")
        assert (await ann.event())[:2] == ["message", "hello"]
        assert await counted(server, "right-password") == 2


async def test_who_has_an_invite_gets_into_its_room_and_no_other() -> None:
    async with closed(invite_key=KEY) as (clients, _):
        ann = await clients(auth(invite=invite()))
        assert await ann.call("join", "kitchen") == OK
        refused = await ann.call("join", "bathroom")
        assert refused["code"] == "invite-refused"
        events = await ann.heard()
        assert [event[0] for event in events] == ["joined", "error"]
        assert events[1] == ["error", "invite-refused", refused["message"]]


async def test_an_invite_for_one_lets_in_one_who_may_go_and_come() -> None:
    async with closed(invite_key=KEY) as (clients, server):
        shown = invite(for_one=True)
        ann = await clients(auth(invite=shown))
        _, more = await joined(ann)
        eve = await clients(auth(invite=shown))
        assert (await eve.call("join", "kitchen"))["ok"] is False
        assert await ann.call("leave", "kitchen") == OK
        assert (await eve.call("join", "kitchen"))["ok"] is False
        await lose(ann, server)
        back = await clients(auth(invite=shown, resume=more["resume"]))
        assert await back.call("join", "kitchen") == OK


async def test_who_never_heard_that_it_was_let_in_is_let_in_again_by_a_token_of_its_own() -> None:
    async with closed(invite_key=KEY) as (clients, server):
        shown = auth(invite=invite(for_one=True), resume="a-token-of-ones-own-making", received=0)
        ann = await clients(shown)
        await ann.emit("join", "kitchen")
        await until(lambda: members(server) == 1)
        await lose(ann, server)
        _, more = await joined(await clients(shown))
        assert more["resumed"] is True


def members(server: SignallingServer) -> int:
    store = server._store
    assert isinstance(store, MemoryRoomStore)
    return store._members


async def test_an_owner_comes_back_to_its_seat_with_nothing_but_its_token() -> None:
    async with closed(password=PASSWORD, invite_key=KEY) as (clients, server):
        ann = await clients(auth(password=PASSWORD, invite=invite()))
        id_, more = await joined(ann)
        await lose(ann, server)
        thief = await clients(auth(resume=more["resume"][::-1]))
        assert (await thief.call("join", "kitchen"))["ok"] is False
        back = await clients(auth(resume=more["resume"]))
        again, told = await joined(back)
        assert (again, told["resumed"]) == (id_, True)


# What everybody else learns


@pytest.mark.parametrize(
    ("demands", "right", "wrong", "code"),
    [
        ({"password": PASSWORD}, {"password": PASSWORD}, {"password": WRONG}, "password-refused"),
        ({"invite_key": KEY}, {"invite": invite()}, {"invite": invite(key=bytes(32))}, "invite-refused"),
        (
            {"password": PASSWORD, "invite_key": KEY},
            {"password": PASSWORD, "invite": invite()},
            {"password": WRONG, "invite": invite()},
            "password-and-invite-refused",
        ),
    ],
    ids=["password", "invite", "both"],
)
async def test_everybody_who_gets_no_seat_is_told_the_same_bytes(
    demands: dict[str, Any], right: dict[str, Any], wrong: dict[str, Any], code: str
) -> None:
    async with closed(**demands) as (clients, _):
        for _ in range(2):
            assert await (await clients(auth(**right))).call("join", "kitchen") == OK
        answers = [
            await answer(await clients(auth(**shown)), room)
            for room in ("kitchen", "nobody-is-there")
            for shown in (
                wrong,
                {},
                {"password": 7, "invite": None},
                {"resume": "a-token-of-ones-own-making"},
            )
        ]
        answers += [await answer(await clients(wrong), "kitchen"), await answer(await clients(), "bathroom")]
        answers.append(await answer(await clients(auth(**right)), "kitchen"))
        error, ack = answers[0]
        assert answers == [[error, ack]] * len(answers)
        assert json.loads(error[2:])[:2] == ["error", code]
        assert json.loads(ack[3:])[0]["code"] == code


async def test_open_rooms_say_that_they_are_full(clients: Clients) -> None:
    await clients.pair("kitchen")
    third = await clients({"password": WRONG, "invite": invite()})
    assert await answer(third, "kitchen") == [
        '42["full","kitchen"]',
        '437[{"ok":false,"code":"full","message":"The room already holds two."}]',
    ]


async def test_beyond_ten_wrong_passwords_nothing_is_looked_at_and_nothing_told() -> None:
    async with closed(password=PASSWORD) as (clients, server):
        guesser = await clients(auth(password=WRONG))
        answers = [await answer(guesser, f"room-{number % 3}") for number in range(50)]
        answers.append(await answer(await clients(auth(password=PASSWORD)), "elsewhere"))
        assert answers == [answers[0]] * 51
        assert await counted(server, "wrong-password") == 10
        assert await counted(server, "not-checked") == 41


async def come(clients: Clients, address: str, password: str) -> RawClient:
    """Somebody for whom a web server on this machine asks."""
    client = await clients.open(**{"X-Forwarded-For": address})
    await client.connect(auth(password=password))
    return client


async def test_behind_a_web_server_everybody_has_a_budget_of_their_own() -> None:
    async with closed(password=PASSWORD, proxies=Proxies.of(["127.0.0.1"])) as (clients, server):
        for address in ("192.0.2.1", "2001:db8::1", "2001:db8::2"):
            guesser = await come(clients, address, WRONG)
            for number in range(30):
                await answer(guesser, f"{address.count(':')}-{number}")
        assert server._wire.figures.credentials["wrong-password"] == 20
        assert await (await come(clients, "192.0.2.2", PASSWORD)).call("join", "kitchen") == OK


async def test_who_may_have_no_more_rooms_does_not_learn_which_its_neighbours_are_in() -> None:
    limits, proxies = Limits(rooms_per_address=1), Proxies.of(["127.0.0.1"])
    async with closed(password=PASSWORD, limits=limits, proxies=proxies) as (clients, _):
        neighbour = await come(clients, "192.0.2.1", PASSWORD)
        assert await neighbour.call("join", "kitchen") == OK
        eve = await come(clients, "192.0.2.1", WRONG)
        assert await answer(eve, "kitchen") == await answer(eve, "nobody-is-there")
        ann = await come(clients, "192.0.2.1", PASSWORD)
        assert (await ann.call("join", "bathroom"))["code"] == "too-many-rooms"


async def test_without_limits_every_password_is_looked_at() -> None:
    async with closed(password=PASSWORD, limits=Limits().off()) as (clients, server):
        guesser = await clients(auth(password=WRONG))
        for _ in range(50):
            await answer(guesser, "kitchen")
        assert await (await clients(auth(password=PASSWORD))).call("join", "kitchen") == OK
        assert await counted(server, "wrong-password") == 50


# Third parties


async def leave(clients: Clients, _server: SignallingServer, room: str) -> RawClient:
    """Somebody who was in the room, and left it."""
    eve = await clients(auth(password=PASSWORD))
    await joined(eve, room)
    assert await eve.call("leave", room) == OK
    return eve


async def be_turned_out(clients: Clients, _server: SignallingServer, room: str) -> RawClient:
    """Somebody whose seat moved to another connection, which left it."""
    eve = await clients(auth(password=PASSWORD))
    _, more = await joined(eve, room)
    again = await clients(auth(password=PASSWORD, resume=more["resume"]))
    await joined(again, room)
    assert await again.call("leave", room) == OK
    again.cut()
    return eve


async def expire(clients: Clients, server: SignallingServer, room: str) -> RawClient:
    """Somebody who was away for too long, and is back without the password."""
    eve = await clients(auth(password=PASSWORD))
    _, more = await joined(eve, room)
    await lose(eve, server)
    await until(lambda: members(server) == 2)
    eve = await clients(auth(resume=more["resume"]))
    assert (await eve.call("join", room))["ok"] is False
    return eve


async def guess(clients: Clients, _server: SignallingServer, room: str) -> RawClient:
    """Somebody who does not know the password."""
    eve = await clients(auth(password=WRONG))
    assert (await eve.call("join", room))["ok"] is False
    return eve


@pytest.mark.timeout(180)
@pytest.mark.parametrize("intrude", [leave, be_turned_out, expire, guess])
async def test_a_third_party_hears_nothing_of_what_two_say(intrude: Any) -> None:
    unlimited = Limits(wrong_passwords=None, events_per_s=None)  # all are at one address, and in a hurry
    async with closed(password=PASSWORD, holding=FORGOTTEN, limits=unlimited) as (clients, server):
        ann, bob = [await clients({"password": PASSWORD}) for _ in range(2)]
        assert await ann.call("join", "hall") == await bob.call("join", "hall") == OK
        heard = 0
        for run in range(RUNS // 4):
            room = f"room-{run}"
            eve = await intrude(clients, server, room)
            assert await ann.call("join", room) == await bob.call("join", room) == OK
            with suppress(ConnectionError):  # she may have been turned out
                await eve.emit("message", "to whom?")
            for each, other in ((ann, bob), (bob, ann)):
                await each.call("message", run)
                events = await other.heard()
                assert events[-1] == ["message", run]
                assert ["message", "to whom?"] not in events
            heard += await overheard(eve)
            eve.cut()
        assert heard == 0


async def overheard(eve: RawClient) -> int:
    """How many messages of others came to a connection, up to now or its end."""
    try:
        events = await eve.heard()
    except (AssertionError, ConnectionError):
        events = list(eve._waiting)
    return sum(event[0] == "message" for event in events)
