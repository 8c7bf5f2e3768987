from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pycall.limits import Limits
from pycall.server.admission.quotas import FULL_WAIT_S, Admission
from tests.server.settable import Clock

ANN, BOB = 1, 2
HELD_S = 60.0


# Connections


def test_an_address_has_so_many_connections_at_a_time(clock: Clock) -> None:
    admission = Admission(Limits(connections_per_address=3, connects_per_s=None), clock=clock)
    assert [admission.admit(ANN) for _ in range(3)] == [None] * 3
    assert admission.admit(ANN) == ("Too many connections", FULL_WAIT_S)
    assert [admission.would_refuse(each) for each in (ANN, BOB, None)] == [True, False, False]
    assert admission.admit(BOB) is None
    admission.closed(ANN)
    assert admission.admit(ANN) is None
    assert admission.admit(ANN) is not None


def test_an_address_makes_so_many_connections_a_second(clock: Clock) -> None:
    limits = Limits(connections_per_address=None, connects_per_s=2, connect_burst=5)
    admission = Admission(limits, clock=clock)
    assert [admission.admit(ANN) for _ in range(5)] == [None] * 5
    why, wait_s = admission.admit(ANN) or ("", 0)
    assert why == "Too many new connections"
    assert wait_s == pytest.approx(0.5)
    assert admission.admit(BOB) is None
    clock.now += 0.5
    assert not admission.would_refuse(ANN)
    assert admission.admit(ANN) is None
    assert admission.would_refuse(ANN)
    assert admission.admit(ANN) is not None
    clock.now += 100
    assert [admission.admit(ANN) is None for _ in range(7)] == [True] * 5 + [False] * 2


def test_who_is_refused_pays_nothing_for_having_asked(clock: Clock) -> None:
    admission = Admission(
        Limits(connections_per_address=None, connects_per_s=1, connect_burst=1), clock=clock
    )
    admission.admit(ANN)
    for _ in range(1000):
        assert admission.admit(ANN) is not None
    clock.now += 1
    assert admission.admit(ANN) is None


def test_without_these_limits_the_same_is_not_refused(clock: Clock) -> None:
    for limits in (Limits().off(), Limits(connections_per_address=None, connects_per_s=None)):
        admission = Admission(limits, clock=clock)
        assert [admission.admit(ANN) for _ in range(1000)] == [None] * 1000
        assert admission.remembered == 0


def test_this_machine_has_no_limits(clock: Clock) -> None:
    admission = Admission(Limits(rooms_per_address=1), clock=clock)
    for number in range(1000):
        assert admission.admit(None) is None
        assert admission.missed(None) == 0
        assert admission.enter(None, f"room-{number}")
    admission.closed(None)
    admission.leave(None, "room-1", is_held=True)
    assert admission.remembered == 0


# Requests that lead nowhere


def test_an_address_asks_so_often_for_what_is_not_there(clock: Clock) -> None:
    admission = Admission(Limits(misses_per_s=2, miss_burst=60), clock=clock)
    assert [admission.missed(ANN) for _ in range(60)] == [0] * 60
    assert admission.missed(ANN) == pytest.approx(0.5)
    assert admission.missed(BOB) == 0
    clock.now += 0.5
    assert admission.missed(ANN) == 0
    assert admission.missed(ANN) > 0


def test_without_that_limit_it_may_ask_for_ever(clock: Clock) -> None:
    admission = Admission(Limits(misses_per_s=None), clock=clock)
    assert [admission.missed(ANN) for _ in range(1000)] == [0] * 1000


# Rooms


def test_an_address_has_seats_in_so_many_rooms(clock: Clock) -> None:
    admission = Admission(Limits(rooms_per_address=2), clock=clock)
    assert [admission.enter(ANN, room) for room in ("a", "b", "c", "a")] == [True, True, False, True]
    assert admission.enter(BOB, "c")
    admission.leave(ANN, "a")
    assert not admission.enter(ANN, "c")
    admission.leave(ANN, "a")
    assert admission.enter(ANN, "c")


def test_who_moves_to_another_room_needs_no_third(clock: Clock) -> None:
    admission = Admission(Limits(rooms_per_address=2), clock=clock)
    for room in "ab":
        admission.enter(ANN, room)
    assert admission.enter(ANN, "c", leaving="b")
    admission.leave(ANN, "b")
    admission.enter(ANN, "a")
    assert not admission.enter(ANN, "d", leaving="a"), "somebody else of this address sits there"


def test_a_held_seat_counts_until_it_is_held_no_more(clock: Clock) -> None:
    admission = Admission(Limits(rooms_per_address=2), held_s=HELD_S, clock=clock)
    for room in "ab":
        admission.enter(ANN, room)
        admission.leave(ANN, room, is_held=True)
    assert not admission.enter(ANN, "c")
    assert admission.enter(ANN, "a"), "who comes back to its own seat"
    clock.now += HELD_S
    assert admission.enter(ANN, "c")
    assert not admission.enter(ANN, "d")


def test_whoever_gives_up_a_held_seat_frees_it(clock: Clock) -> None:
    admission = Admission(Limits(rooms_per_address=1), clock=clock)
    admission.enter(ANN, "a")
    admission.leave(ANN, "a", is_held=True)
    admission.enter(ANN, "a")
    admission.came_back(ANN, "a")
    admission.leave(ANN, "a")
    assert admission.enter(ANN, "b")


def test_a_held_seat_counts_whoever_else_comes_and_goes(clock: Clock) -> None:
    admission = Admission(Limits(rooms_per_address=1), clock=clock)
    admission.enter(ANN, "a")
    admission.leave(ANN, "a", is_held=True)
    admission.enter(ANN, "a")
    admission.leave(ANN, "a")
    assert not admission.enter(ANN, "b")


def test_without_that_limit_there_are_as_many_rooms_as_one_likes(clock: Clock) -> None:
    admission = Admission(Limits(rooms_per_address=None), clock=clock)
    assert all(admission.enter(ANN, str(number)) for number in range(1000))
    assert admission.remembered == 0


# Memory


def test_who_is_gone_and_quiet_is_forgotten(clock: Clock) -> None:
    admission = Admission(Limits(), clock=clock)
    for source in range(1000):
        admission.admit(source)
        admission.closed(source)
    clock.now += 1000
    for source in range(1000, 1500):
        admission.admit(source)
        admission.closed(source)
    assert admission.remembered <= 501


def test_of_all_together_no_more_is_remembered_than_was_said(clock: Clock) -> None:
    admission = Admission(Limits(), most_addresses=100, clock=clock)
    for source in range(10):
        admission.admit(source)
    for source in range(10_000, 20_000):
        admission.missed(source)
    assert admission.remembered <= 100
    for _ in range(19):
        assert [admission.admit(source) for source in range(10)] == [None] * 10, "nobody there was forgotten"
        clock.now += 10
    assert all(admission.admit(source) for source in range(10))


class AsOne(RuleBasedStateMachine):
    """The books against the plainest possible ones."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.limits = Limits(connections_per_address=2, connects_per_s=None, rooms_per_address=2)
        self.admission = Admission(self.limits, held_s=5, most_addresses=3, clock=self.clock)
        self.connections = dict.fromkeys(range(5), 0)
        self.sitting: dict[tuple[int, str], int] = {}
        self.held: dict[tuple[int, str], float] = {}
        self.most_live = 0

    def rooms(self, source: int) -> set[str]:
        sitting = {room for (who, room), count in self.sitting.items() if who == source and count}
        return sitting | {
            room for (who, room), until in self.held.items() if who == source and until > self.clock.now
        }

    @rule(source=st.integers(0, 4))
    def connects(self, source: int) -> None:
        is_admitted = self.admission.admit(source) is None
        assert is_admitted == (self.connections[source] < 2)
        self.connections[source] += is_admitted

    @rule(source=st.integers(0, 4))
    def closes(self, source: int) -> None:
        if self.connections[source]:
            self.connections[source] -= 1
            self.admission.closed(source)

    @rule(source=st.integers(0, 4), room=st.sampled_from("abc"))
    def enters(self, source: int, room: str) -> None:
        rooms = self.rooms(source)
        may = self.admission.enter(source, room)
        assert may == (room in rooms or len(rooms) < 2)
        self.sitting[source, room] = self.sitting.get((source, room), 0) + may

    @rule(source=st.integers(0, 4), room=st.sampled_from("abc"), is_held=st.booleans())
    def leaves(self, source: int, room: str, *, is_held: bool) -> None:
        if self.sitting.get((source, room)):
            self.sitting[source, room] -= 1
            if is_held:
                self.held[source, room] = self.clock.now + 5
            self.admission.leave(source, room, is_held=is_held)

    @rule(source=st.integers(0, 4), room=st.sampled_from("abc"))
    def comes_back(self, source: int, room: str) -> None:
        self.held[source, room] = 0
        self.admission.came_back(source, room)

    @rule(seconds=st.sampled_from([0.5, 2, 6]))
    def waits(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def remembers_no_more_than_it_must(self) -> None:
        live = [source for source in range(5) if self.connections[source] or self.rooms(source)]
        self.most_live = max(self.most_live, len(live))
        assert len(live) <= self.admission.remembered <= max(3, self.most_live)


AsOne.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
TestAsOne = AsOne.TestCase
