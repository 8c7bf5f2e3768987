from __future__ import annotations

import asyncio

import pytest

from pycall.core import room
from pycall.core.seats import Member
from pycall.server import reseating
from pycall.server.clients import Client
from pycall.server.events import Told
from pycall.server.reseating import Reseating

BOB, CARL = Member("bob"), Member("carl")
ALONE = room.SendJoined("1", "me", 1, None)
BYE_BOB = room.SendBye("1", "bob", "lost")
CARL_CAME = room.SendOtherJoined("1", CARL, 2)


class Plain:
    """A plain client in a room with Bob, and what becomes of orders that it did not ask for."""

    def __init__(self) -> None:
        self.missed: asyncio.Queue[tuple[str, room.SendBye]] = asyncio.Queue()
        self.client = Client(Member("me"), room="den", peer="bob")
        self.reseating = Reseating(lambda name, bye: self.missed.put_nowait((name, bye)))

    def news(self, output: Told) -> list[Told]:
        news = self.reseating.news("den", output, self.client)
        self.client.note(output)
        return news


@pytest.fixture
async def plain(monkeypatch: pytest.MonkeyPatch) -> Plain:
    monkeypatch.setattr(reseating, "MISSING_S", 0.05)
    return Plain()


async def test_two_who_are_there_again_notice_nothing(plain: Plain) -> None:
    assert plain.news(room.SendJoined("1", "me", 1, BOB)) == []


@pytest.mark.parametrize("again", [room.SendOtherJoined("1", BOB, 2), room.SendJoined("1", "me", 2, BOB)])
async def test_one_who_takes_a_moment_longer_was_never_gone(plain: Plain, again: Told) -> None:
    assert plain.news(ALONE) == []
    assert plain.news(ALONE) == []
    assert plain.news(again) == []
    await asyncio.wait_for(asyncio.shield(asyncio.sleep(0.1)), 1)
    assert plain.missed.empty()


async def test_one_who_does_not_come_again_is_gone(plain: Plain) -> None:
    assert plain.news(ALONE) == []
    assert await plain.missed.get() == ("den", BYE_BOB)


async def test_somebody_else_in_that_place_is_told_as_what_it_is(plain: Plain) -> None:
    assert plain.news(room.SendJoined("1", "me", 2, CARL)) == [BYE_BOB, CARL_CAME]
    other = Plain()
    assert other.news(ALONE) == []
    assert other.news(CARL_CAME) == [BYE_BOB, CARL_CAME]


async def test_who_finds_its_seat_taken_is_told_that_the_other_one_is_gone_first(plain: Plain) -> None:
    full = room.SendFull("1")
    assert plain.news(full) == [BYE_BOB, full]


@pytest.mark.parametrize("leaving", [room.SendLeft("1", "me"), None])
async def test_whoever_leaves_misses_nobody(plain: Plain, leaving: Told | None) -> None:
    assert plain.news(ALONE) == []
    if leaving is None:
        plain.reseating.stop()
    else:
        assert plain.news(leaving) == [leaving]
    assert plain.news(CARL_CAME) == [CARL_CAME]
    assert plain.missed.empty()
    plain.reseating.stop()
