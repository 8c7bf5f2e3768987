"""How Redis is asked: it answers in time or not at all, and what is given up is not done later."""

from __future__ import annotations

import asyncio
import time

import pytest

from pycall.core import room
from pycall.core.seats import Holding, Member
from pycall.errors import StoreUnreachable
from pycall.server.nodes.database import ANSWER_S, DONE_S, Database
from pycall.server.nodes.script import arguments_of
from pycall.server.store import StoreUnavailable
from tests.server.nodes.holder import holder
from tests.server.redis import RedisServer, free_port

pytestmark = pytest.mark.integration

JOIN = arguments_of(room.JoinAsked("a", Member("a")), "kitchen")


async def test_what_was_given_up_is_not_done_later(own_redis: RedisServer) -> None:
    database = Database(own_redis.url, Holding())
    assert (await database.ask("occupancy"))["members"] == 0  # now it knows the clock of Redis
    own_redis.freeze()
    began = time.monotonic()
    asking = [asyncio.create_task(database.ask(*JOIN)) for _ in range(3)]
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 3
    assert time.monotonic() - began >= DONE_S
    assert ANSWER_S > DONE_S
    own_redis.thaw()
    while True:
        try:
            assert (await database.ask("occupancy"))["members"] == 0
        except StoreUnavailable:
            continue
        break
    await database.close()


async def test_waiting_for_a_turn_is_no_sign_of_an_absent_redis(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pycall.server.nodes.database.CONNECTIONS", 1)
    async with holder(own_redis.url) as far:
        database = Database(f"redis://127.0.0.1:{far.port}", Holding())
        await database.ask("occupancy")
        far.delay_s = 0.02
        began = time.monotonic()
        answers = await asyncio.gather(*(database.ask("occupancy") for _ in range(40)))
        assert [answer["members"] for answer in answers] == [0] * 40
        assert time.monotonic() - began > ANSWER_S
        await database.close()


async def test_nobody_waits_for_a_turn_that_will_not_come(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pycall.server.nodes.database.CONNECTIONS", 1)
    database = Database(own_redis.url, Holding())
    own_redis.freeze()
    asking = [asyncio.create_task(database.ask("occupancy")) for _ in range(3)]
    await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    database.give_up()
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert [getattr(each, "refused", None) for each in outcomes][::2] == ["", "given up"]
    await database.close()


async def test_it_lives_as_long_as_it_answers_on_any_connection(own_redis: RedisServer) -> None:
    async with holder(own_redis.url) as far:
        database = Database(f"redis://127.0.0.1:{far.port}", Holding())
        far.hold(lambda data: b"\r\njoin\r\n" in data)
        with pytest.raises(StoreUnavailable) as failed:
            await database.ask(*JOIN)
        assert not failed.value.refused
        assert await database.lives()
        own_redis.freeze()
        assert not await database.lives()
        await database.close()


async def test_the_script_is_there_again_after_redis_forgot_it(own_redis: RedisServer) -> None:
    database = Database(own_redis.url, Holding())
    await database.ask(*JOIN)
    own_redis.say("SCRIPT", "FLUSH")
    assert (await database.ask("occupancy"))["members"] == 1
    await database.close()


async def test_why_it_is_no_use_is_one_sentence_for_people(own_redis: RedisServer) -> None:
    nobody = Database(f"redis://127.0.0.1:{free_port()}", Holding())
    with pytest.raises(StoreUnreachable, match=r"No Redis answers at 127\.0\.0\.1:\d+\.") as failed:
        await nobody.check()
    assert failed.value.hint
    await nobody.close()
    own_redis.say("ACL", "SETUSER", "default", "resetpass", ">secret")
    locked = Database(own_redis.url, Holding())
    with pytest.raises(StoreUnreachable, match="does not accept the name and password"):
        await locked.check()
    await locked.close()


async def test_a_user_that_may_do_what_the_document_says_can_do_everything(own_redis: RedisServer) -> None:
    rights = "on >x ~pycall:* &pycall:* -@all +@read +@write +@pubsub +@connection +@scripting +time"
    assert own_redis.say("ACL", "SETUSER", "pycall", *rights.split()) == b"+OK\r\n"
    database = Database(own_redis.url.replace("//", "//pycall:x@"), Holding(), node="n")
    await database.ask("beat", "", 1, "0")
    await database.ask(*arguments_of(room.JoinAsked("n.a", Member("n.a")), "kitchen"))
    await database.ask("bury", "n", "", 100)
    assert (await database.ask("occupancy"))["members"] == 0
    await database.close()
