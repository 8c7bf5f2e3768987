"""The script in Redis does what a room of :mod:`pycall.core.room` does: the same stories are told to both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from pycall.core.room import (
    ConnectionLost,
    Expired,
    Input,
    JoinAsked,
    LeaveAsked,
    MemberGone,
    MessageSent,
    RenewAsked,
    Room,
    SendFull,
)
from pycall.core.seats import Holding, Member
from pycall.server.nodes.database import Database
from pycall.server.nodes.script import arguments_of, read_order
from tests.server.redis import RedisServer

pytestmark = [pytest.mark.integration, pytest.mark.parallel]

HOLDING = Holding(exclusive_s=15, total_s=60, messages_s=30)
PEOPLE = [Member(name.upper(), f"{name} É 我", extended=name < "e") for name in "abcdef"]
WORDS = [
    "null",
    "7",
    r'"\ud800é"',
    '{"type": "offer", "sdp": "v=0\\r\\n/"}',
    f'"{"x" * 50_000}"',
    f'"{"é" * 25_000}"',
]


class Twins:
    """A room in memory and one in Redis, to which the same things happen at the same times."""

    def __init__(self, database: Database, clock: list[float]) -> None:
        self._database = database
        self._clock = clock
        self._room = Room(HOLDING)

    async def hear(self, chapter: Chapter) -> None:
        """One thing happens."""
        what, times = chapter
        if isinstance(what, float):
            self._clock[0] += what
            return
        for _ in range(times):
            input_ = what if not callable(what) else what(self._room)
            if input_ is not None:
                await self._tell(input_)

    async def end(self) -> None:
        """Everybody goes."""
        while inside := [seat.connection for seat in self._room.seats if seat.connection]:
            await self._tell(LeaveAsked(inside[0]))
        self._clock[0] += 61
        await self._tell(Expired())
        assert not self._room.seats

    async def _tell(self, input_: Input) -> None:
        outputs = self._room.handle(input_, self._clock[0])
        if not self._room.seats:  # it vanishes with the last, as a store has it
            self._room = Room(HOLDING)
        answer = await self._database.ask(*arguments_of(input_, "twins"))
        assert [read_order(each) for each in answer["orders"]] == [("twins", output) for output in outputs]
        assert answer.get("full", False) == any(isinstance(output, SendFull) for output in outputs)
        due = answer.get("due")
        deadline = self._room.deadline
        wait = None if deadline is None else pytest.approx(max(0.0, deadline - self._clock[0]))
        if isinstance(input_, Expired):
            assert due == wait
        elif deadline is not None:  # one that is looked at earlier sets its next alarm then
            assert due is not None
            assert due <= max(0.0, deadline - self._clock[0]) + 1e-6
        counted = await self._database.ask("occupancy")
        assert counted["members"] == len(self._room.seats)
        assert counted["rooms"] == bool(self._room.seats)


Chapter: TypeAlias = tuple[float | Input | Callable[[Room], Input | None], int]

numbers = st.sampled_from([0, 1, 2, 3, 5, 8, 2**53 - 3, 2**53 - 2])
connections = st.builds(lambda who, number: f"{who.id}{number}", st.sampled_from(PEOPLE), st.integers(0, 2))


def joining(who: Member, number: int, received: int | None, *, admitted: bool) -> Input:
    """Plain clients are another one on each connection."""
    connection = f"{who.id}{number}"
    return JoinAsked(connection, who if who.extended else Member(connection, who.name), received, admitted)


def inside(which: int, act: Callable[[str, Room], Input]) -> Callable[[Room], Input | None]:
    """Done by one who is in the room; by nobody if there is none."""

    def of(room: Room) -> Input | None:
        there = [seat.connection for seat in room.seats if seat.connection]
        return act(there[which], room) if which < len(there) else None

    return of


admissions = st.sampled_from([True, True, True, False])
joins = st.builds(
    joining, st.sampled_from(PEOPLE), st.integers(0, 2), st.one_of(st.none(), numbers), admitted=admissions
)
speaks = st.builds(
    lambda which, payload, number: inside(which, lambda who, _: MessageSent(who, payload, number)),
    st.integers(0, 1),
    st.sampled_from(WORDS),
    numbers,
)
renews = st.builds(
    lambda which, back: inside(which, lambda who, room: RenewAsked(who, room.epoch - back)),
    st.integers(0, 1),
    st.integers(0, 1),
)
chapters: st.SearchStrategy[Chapter] = st.tuples(
    st.one_of(
        joins,
        joins,
        speaks,
        speaks,
        renews,
        st.builds(LeaveAsked, connections),
        st.builds(ConnectionLost, connections, st.sampled_from([0.0, 0.0, 14.3])),
        st.builds(MemberGone, connections, st.sampled_from(["left", "lost"])),
        st.builds(MessageSent, connections, st.sampled_from(WORDS), numbers),
        st.just(Expired()),
        st.sampled_from([0.1, 0.7, 7.5, 15.0, 30.0, 59.9, 60.0, -5.0]),
    ),
    st.sampled_from([1, 1, 1, 1, 4, 70]),
)


@pytest.fixture
def play(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[list[Chapter]], None]]:
    """Tells a story to both, beginning with an empty Redis; what is given up may be done in the next one."""
    monkeypatch.setattr("pycall.server.nodes.database.ANSWER_S", 60.0)
    clock = [0.0]
    with asyncio.Runner() as runner:

        async def make() -> Database:
            return Database(redis.url, HOLDING, clock=lambda: clock[0])

        database = runner.run(make())

        async def tell(story: list[Chapter]) -> None:
            clock[0] = 1000.25
            twins = Twins(database, clock)
            for chapter in story:
                await twins.hear(chapter)
            await twins.end()

        def play(story: list[Chapter]) -> None:
            assert redis.say("FLUSHALL") == b"+OK\r\n"
            runner.run(tell(story))
            assert b"twins" not in redis.say("KEYS", "*")

        try:
            yield play
        finally:
            runner.run(database.close())


def beginning(one: int, two: int) -> list[Chapter]:
    """Two come, so that something can happen between them."""
    return [(joining(PEOPLE[each], 0, None, admitted=True), 1) for each in (one, two)]


beginnings = st.builds(beginning, st.integers(0, 5), st.integers(0, 5))


def said(number: int) -> Callable[[Room], Input | None]:
    """By the one who came first."""
    return inside(0, lambda who, _: MessageSent(who, "1", number))


RENEW = inside(0, lambda who, room: RenewAsked(who, room.epoch))
RESUME = joining(PEOPLE[1], 1, 1, admitted=False)
LONG: list[Chapter] = [
    *beginning(0, 1),
    (RENEW, 5),  # three at once, and then one a second
    (1.0, 1),
    (RENEW, 2),
    *((said(number), 1) for number in (1, 2, 2, 3)),
    (ConnectionLost("B0", 14.0), 1),
    (0.5, 1),
    (joining(PEOPLE[2], 0, None, admitted=True), 1),  # too early
    (RESUME, 1),  # after the first message
    (ConnectionLost("B1", 14.0), 1),
    (1.0, 1),
    (joining(PEOPLE[2], 0, None, admitted=False), 1),
    (joining(PEOPLE[2], 0, 7, admitted=True), 1),
    (inside(0, lambda who, _: MessageSent(who, "2", 9)), 1),
    (30.0, 1),
    (Expired(), 1),
    (inside(1, lambda who, _: MessageSent(who, "3")), 70),
    (ConnectionLost("A0"), 1),
    (joining(PEOPLE[0], 2, 0, admitted=True), 1),
    (ConnectionLost("A2"), 1),
    (60.0, 1),
    (Expired(), 1),
]
"""What chance brings about too seldom."""

stories = st.builds(list.__add__, beginnings, st.lists(chapters, min_size=10, max_size=60))


@example(story=LONG)
@given(story=stories)
@settings(
    max_examples=100,
    deadline=None,
    phases=set(Phase) - {Phase.explain},  # which traces every line for minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_room_in_redis_orders_what_a_room_in_memory_orders(
    play: Callable[[list[Chapter]], None], story: list[Chapter]
) -> None:
    play(story)
