from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pycall.core.room import (
    ConnectionLost,
    JoinAsked,
    LeaveAsked,
    MemberGone,
    MessageSent,
    SendBye,
    SendFull,
    SendJoined,
)
from pycall.core.seats import Holding, Member
from pycall.server.nodes import SharedRooms
from pycall.server.store import MemoryRoomStore, Occupancy, RoomStore


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.integration)])
async def store(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[RoomStore]:
    """Every implementation there is."""
    holding = Holding(exclusive_s=15, total_s=60, messages_s=30)
    if request.param == "memory":
        yield MemoryRoomStore(holding, clock=clock)
        return
    rooms = SharedRooms(request.getfixturevalue("own_redis").url, holding, clock=clock)
    await rooms.start()
    yield rooms
    await rooms.stop()


def plain(name: str) -> JoinAsked:
    return JoinAsked(name, Member(name))


def extended(name: str) -> JoinAsked:
    return JoinAsked(name, Member(name, extended=True))


async def test_a_room_begins_with_the_first_and_vanishes_with_the_last(store: RoomStore) -> None:
    assert await store.occupancy() == Occupancy(0, 0)
    await store.apply("kitchen", plain("a"))
    await store.apply("kitchen", plain("b"))
    await store.apply("garden", plain("c"))
    assert await store.occupancy() == Occupancy(2, 3)
    await store.apply("kitchen", LeaveAsked("a"))
    await store.apply("kitchen", MemberGone("b", "lost"))
    assert await store.occupancy() == Occupancy(1, 1)
    assert await store.apply("kitchen", plain("d")) == [SendJoined("d", "d", 0, None)]


async def test_a_store_that_answers_is_reachable(store: RoomStore) -> None:
    assert store.is_reachable


async def test_who_is_not_admitted_gets_only_the_seat_that_is_its_own(store: RoomStore) -> None:
    stranger = JoinAsked("e", Member("e", extended=True), admitted=False)
    assert await store.apply("kitchen", stranger) == [SendFull("e")]
    assert await store.occupancy() == Occupancy(0, 0)
    await store.apply("kitchen", extended("a"))
    await store.apply("kitchen", ConnectionLost("a"))
    assert await store.apply("kitchen", stranger) == [SendFull("e")]
    owner = JoinAsked("a2", Member("a", extended=True), admitted=False)
    assert await store.apply("kitchen", owner) == [SendJoined("a2", "a", 0, None, resumed=True)]


async def test_rooms_know_nothing_of_each_other(store: RoomStore) -> None:
    for name in ("kitchen", "Kitchen", "garden"):
        for member in "ab":
            assert SendFull(member) not in await store.apply(name, plain(member))
    assert await store.apply("garden", plain("c")) == [SendFull("c")]


async def test_what_changes_nothing_leaves_no_room_behind(store: RoomStore) -> None:
    assert await store.apply("kitchen", LeaveAsked("a")) == []
    assert await store.apply("kitchen", MessageSent("a", "hello")) == []
    assert await store.apply("kitchen", MemberGone("a", "left")) == []
    assert await store.apply("kitchen", ConnectionLost("a")) == []
    assert await store.occupancy() == Occupancy(0, 0)
    assert store.due_in() is None


async def test_a_seat_that_is_held_is_vacated_in_its_time(store: RoomStore, clock: Clock) -> None:
    await store.apply("kitchen", extended("a"))
    await store.apply("kitchen", plain("b"))
    assert store.due_in() is None
    await store.apply("kitchen", ConnectionLost("a"))
    assert store.due_in() == 60
    clock.now += 59
    assert await store.expire() == []
    assert store.due_in() == 1
    assert await store.occupancy() == Occupancy(1, 2)
    clock.now += 1
    assert await store.expire() == [("kitchen", [SendBye("b", "a", "lost")])]
    assert store.due_in() is None
    assert await store.occupancy() == Occupancy(1, 1)


async def test_rooms_come_up_in_the_order_of_their_times(store: RoomStore, clock: Clock) -> None:
    for name in ("kitchen", "garden", "cellar"):
        await store.apply(name, extended("a"))
        await store.apply(name, plain("b"))
    for name in ("garden", "cellar", "kitchen"):
        clock.now += 5
        await store.apply(name, ConnectionLost("a"))
    assert store.due_in() == 50
    clock.now += 55
    assert [name for name, _ in await store.expire()] == ["garden", "cellar"]
    assert store.due_in() == 5


async def test_a_seat_taken_back_and_lost_again_is_held_anew(store: RoomStore, clock: Clock) -> None:
    await store.apply("kitchen", extended("a"))
    for _ in range(100):
        await store.apply("kitchen", ConnectionLost("a"))
        clock.now += 1
        await store.apply("kitchen", extended("a"))
    await store.apply("kitchen", ConnectionLost("a"))
    for _ in range(3):  # looks at the alarms of earlier times
        clock.now += (store.due_in() or 0) + 0.001
        assert await store.expire() == []
    assert store.due_in() is None
    assert await store.occupancy() == Occupancy(0, 0)


async def test_a_room_that_began_anew_is_not_disturbed_by_the_alarm_of_the_old_one(
    store: RoomStore, clock: Clock
) -> None:
    await store.apply("kitchen", extended("a"))
    await store.apply("kitchen", ConnectionLost("a"))
    clock.now += 30
    await store.apply("kitchen", extended("a"))
    await store.apply("kitchen", LeaveAsked("a"))
    await store.apply("kitchen", extended("b"))
    await store.apply("kitchen", ConnectionLost("b"))
    clock.now += 30
    assert await store.expire() == []
    assert await store.occupancy() == Occupancy(1, 1)
    assert store.due_in() == 30


async def test_alarms_that_are_no_use_do_not_pile_up(store: RoomStore, clock: Clock) -> None:
    for number in range(1000):
        await store.apply(f"room {number}", extended("a"))
        await store.apply(f"room {number}", ConnectionLost("a"))
        await store.apply(f"room {number}", extended("a"))
        await store.apply(f"room {number}", LeaveAsked("a"))
    clock.now += 60
    await store.expire()
    assert store.due_in() is None


async def test_the_memory_store_never_suspends() -> None:
    step = MemoryRoomStore().apply("kitchen", plain("a"))
    with pytest.raises(StopIteration):
        step.send(None)
