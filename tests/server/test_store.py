from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pycall.core.room import (
    ConnectionLost,
    Expired,
    Input,
    JoinAsked,
    LeaveAsked,
    MemberGone,
    MessageSent,
    Output,
    Relay,
    SendBye,
    SendFull,
    SendJoined,
    SendOtherJoined,
)
from pycall.core.seats import Holding, Member
from pycall.server.nodes import SharedRooms
from pycall.server.store import MemoryRoomStore, Occupancy, RoomStore
from tests.server.settable import Clock

NOBODY = JoinAsked("nobody", Member("nobody"), admitted=False)


class House:
    """A store, and what it has carried out; its connections are of its own node, without saying so."""

    def __init__(self, store: RoomStore) -> None:
        self.store = store
        self._prefix = store.register.prefix if store.register else ""
        self._told: list[tuple[str, Output]] = []
        store.serve(self._carry_out, tuple)

    async def apply(self, name: str, input_: Input) -> bool:
        if not isinstance(input_, Expired):
            input_ = replace(input_, connection=f"{self._prefix}{input_.connection}")
        return await self.store.apply(name, input_)

    async def orders(self) -> list[tuple[str, Output]]:
        """What was carried out since the last time; whoever is refused here is told that after all of it."""
        assert not await self.apply("nowhere", NOBODY)
        *told, last = self._told
        assert last == ("nowhere", SendFull("nobody"))
        self._told.clear()
        return told

    def _carry_out(self, name: str, outputs: list[Output]) -> None:
        for output in outputs:
            assert output.to.startswith(self._prefix)
            self._told.append((name, replace(output, to=output.to.removeprefix(self._prefix))))


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.integration)])
async def house(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[House]:
    """Every implementation there is."""
    holding = Holding(exclusive_s=15, total_s=60, messages_s=30)
    if request.param == "memory":
        yield House(MemoryRoomStore(holding, clock=clock))
        return
    rooms = SharedRooms(request.getfixturevalue("own_redis").url, holding, clock=clock)
    await rooms.start()
    yield House(rooms)
    await rooms.stop()


def plain(name: str) -> JoinAsked:
    return JoinAsked(name, Member(name))


def extended(name: str) -> JoinAsked:
    return JoinAsked(name, Member(name, extended=True))


async def test_a_room_begins_with_the_first_and_vanishes_with_the_last(house: House) -> None:
    assert await house.store.occupancy() == Occupancy(0, 0)
    await house.apply("kitchen", plain("a"))
    await house.apply("kitchen", plain("b"))
    await house.apply("garden", plain("c"))
    assert await house.store.occupancy() == Occupancy(2, 3)
    await house.apply("kitchen", LeaveAsked("a"))
    await house.apply("kitchen", MemberGone("b", "lost"))
    assert await house.store.occupancy() == Occupancy(1, 1)
    await house.orders()
    assert await house.apply("kitchen", plain("d"))
    assert await house.orders() == [("kitchen", SendJoined("d", "d", 0, None))]


async def test_a_store_that_answers_is_reachable(house: House) -> None:
    assert house.store.is_reachable


async def test_only_a_store_of_this_process_is_instant_and_needs_no_register(house: House) -> None:
    assert (
        house.store.is_instant == (house.store.register is None) == isinstance(house.store, MemoryRoomStore)
    )


async def test_who_is_not_admitted_gets_only_the_seat_that_is_its_own(house: House) -> None:
    stranger = JoinAsked("e", Member("e", extended=True), admitted=False)
    assert not await house.apply("kitchen", stranger)
    assert await house.orders() == [("kitchen", SendFull("e"))]
    assert await house.store.occupancy() == Occupancy(0, 0)
    await house.apply("kitchen", extended("a"))
    await house.apply("kitchen", ConnectionLost("a"))
    assert not await house.apply("kitchen", stranger)
    await house.orders()
    owner = JoinAsked("a2", Member("a", extended=True), admitted=False)
    assert await house.apply("kitchen", owner)
    assert await house.orders() == [("kitchen", SendJoined("a2", "a", 0, None, resumed=True))]


async def test_rooms_know_nothing_of_each_other(house: House) -> None:
    for name in ("kitchen", "Kitchen", "garden"):
        for member in "ab":
            assert await house.apply(name, plain(member))
    await house.orders()
    assert not await house.apply("garden", plain("c"))
    assert await house.orders() == [("garden", SendFull("c"))]


async def test_what_is_said_is_carried_out_in_the_order_it_was_said(house: House) -> None:
    ann, bob = Member("a", extended=True), Member("b", extended=True)
    for member in "ab":
        await house.apply("kitchen", extended(member))
    for number in (1, 2):
        assert await house.apply("kitchen", MessageSent("a", str(number), number))
    assert await house.orders() == [
        ("kitchen", SendJoined("a", "a", 0, None)),
        ("kitchen", SendJoined("b", "b", 1, ann)),
        ("kitchen", SendOtherJoined("a", bob, 1)),
        ("kitchen", Relay("b", "1", 1)),
        ("kitchen", Relay("b", "2", 2)),
    ]


async def test_what_changes_nothing_leaves_no_room_behind(house: House) -> None:
    for input_ in (
        *(
            LeaveAsked("a"),
            MessageSent("a", "hello"),
            MemberGone("a", "left"),
            ConnectionLost("a"),
            Expired(),
        ),
    ):
        await house.apply("kitchen", input_)
    assert await house.orders() == []
    assert await house.store.occupancy() == Occupancy(0, 0)
    assert house.store.due_in() is None


async def test_a_seat_that_is_held_is_vacated_in_its_time(house: House, clock: Clock) -> None:
    await house.apply("kitchen", extended("a"))
    await house.apply("kitchen", plain("b"))
    assert house.store.due_in() is None
    await house.apply("kitchen", ConnectionLost("a"))
    assert house.store.due_in() == 60
    await house.orders()
    clock.now += 59
    await house.store.expire()
    assert await house.orders() == []
    assert house.store.due_in() == 1
    assert await house.store.occupancy() == Occupancy(1, 2)
    clock.now += 1
    await house.store.expire()
    assert await house.orders() == [("kitchen", SendBye("b", "a", "lost"))]
    assert house.store.due_in() is None
    assert await house.store.occupancy() == Occupancy(1, 1)


async def test_rooms_come_up_in_the_order_of_their_times(house: House, clock: Clock) -> None:
    for name in ("kitchen", "garden", "cellar"):
        await house.apply(name, extended("a"))
        await house.apply(name, plain("b"))
    for name in ("garden", "cellar", "kitchen"):
        clock.now += 5
        await house.apply(name, ConnectionLost("a"))
    assert house.store.due_in() == 50
    await house.orders()
    clock.now += 55
    await house.store.expire()
    assert await house.orders() == [(name, SendBye("b", "a", "lost")) for name in ("garden", "cellar")]
    assert house.store.due_in() == 5


async def test_a_seat_taken_back_and_lost_again_is_held_anew(house: House, clock: Clock) -> None:
    await house.apply("kitchen", extended("a"))
    for _ in range(100):
        await house.apply("kitchen", ConnectionLost("a"))
        clock.now += 1
        await house.apply("kitchen", extended("a"))
    await house.apply("kitchen", ConnectionLost("a"))
    for _ in range(3):  # looks at the alarms of earlier times
        clock.now += (house.store.due_in() or 0) + 0.001
        await house.store.expire()
    assert house.store.due_in() is None
    assert await house.store.occupancy() == Occupancy(0, 0)


async def test_a_room_that_began_anew_is_not_disturbed_by_the_alarm_of_the_old_one(
    house: House, clock: Clock
) -> None:
    await house.apply("kitchen", extended("a"))
    await house.apply("kitchen", ConnectionLost("a"))
    clock.now += 30
    await house.apply("kitchen", extended("a"))
    await house.apply("kitchen", LeaveAsked("a"))
    await house.apply("kitchen", extended("b"))
    await house.apply("kitchen", ConnectionLost("b"))
    clock.now += 30
    await house.store.expire()
    assert await house.store.occupancy() == Occupancy(1, 1)
    assert house.store.due_in() == 30


async def test_alarms_that_are_no_use_do_not_pile_up(house: House, clock: Clock) -> None:
    for number in range(1000):
        await house.apply(f"room {number}", extended("a"))
        await house.apply(f"room {number}", ConnectionLost("a"))
        await house.apply(f"room {number}", extended("a"))
        await house.apply(f"room {number}", LeaveAsked("a"))
    clock.now += 60
    await house.store.expire()
    assert house.store.due_in() is None


async def test_the_memory_store_never_suspends() -> None:
    step = MemoryRoomStore().apply("kitchen", plain("a"))
    with pytest.raises(StopIteration):
        step.send(None)
