from __future__ import annotations

import pytest

from pycall.core.room import JoinAsked, LeaveAsked, Member, MemberGone, MessageSent, SendFull, SendJoined
from pycall.server.store import MemoryRoomStore, Occupancy, RoomStore


@pytest.fixture(params=[MemoryRoomStore])
def store(request: pytest.FixtureRequest) -> RoomStore:
    """Every implementation there is."""
    made: RoomStore = request.param()
    return made


async def test_a_room_begins_with_the_first_and_vanishes_with_the_last(store: RoomStore) -> None:
    assert await store.occupancy() == Occupancy(0, 0)
    await store.apply("kitchen", JoinAsked(Member("a")))
    await store.apply("kitchen", JoinAsked(Member("b")))
    await store.apply("garden", JoinAsked(Member("c")))
    assert await store.occupancy() == Occupancy(2, 3)
    await store.apply("kitchen", LeaveAsked("a"))
    await store.apply("kitchen", MemberGone("b", "lost"))
    assert await store.occupancy() == Occupancy(1, 1)
    assert await store.apply("kitchen", JoinAsked(Member("d"))) == [SendJoined("d", "d", 0, None)]


async def test_rooms_know_nothing_of_each_other(store: RoomStore) -> None:
    for name in ("kitchen", "Kitchen", "garden"):
        for member in "ab":
            assert SendFull(member) not in await store.apply(name, JoinAsked(Member(member)))
    assert await store.apply("garden", JoinAsked(Member("c"))) == [SendFull("c")]


async def test_what_changes_nothing_leaves_no_room_behind(store: RoomStore) -> None:
    assert await store.apply("kitchen", LeaveAsked("a")) == []
    assert await store.apply("kitchen", MessageSent("a", "hello")) == []
    assert await store.apply("kitchen", MemberGone("a", "left")) == []
    assert await store.occupancy() == Occupancy(0, 0)


async def test_the_memory_store_never_suspends() -> None:
    step = MemoryRoomStore().apply("kitchen", JoinAsked(Member("a")))
    with pytest.raises(StopIteration):
        step.send(None)
