"""Sound is never held back, repairs come before pictures, and no more leaves than the rate allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.sending.pacer import BURST_S, LATE_S, MAX_QUEUED, Pacer, Priority

RATE = 1_000_000


def test_sound_leaves_first_and_at_once_and_repairs_come_before_pictures() -> None:
    pacer: Pacer[str] = Pacer(RATE)
    pacer.put([("picture", 1_000)], Priority.PICTURE)
    pacer.put([("repair", 1_000)], Priority.REPAIR)
    pacer.put([("sound", 100), ("more sound", 100)], Priority.SOUND)
    assert pacer.next_at(5.0) == 5.0
    assert pacer.due(5.0) == ["sound", "more sound", "repair"]
    pacer.put([("sound", 100)], Priority.SOUND)
    assert pacer.due(5.0) == ["sound"]
    assert pacer.due(5.02) == ["picture"]
    assert pacer.next_at(5.02) is None


def test_a_picture_is_spread_at_the_rate() -> None:
    pacer: Pacer[int] = Pacer(RATE)
    pacer.put([(number, 1_250) for number in range(20)], Priority.PICTURE)  # 10 ms each
    left, now = [], 1.0
    while (at := pacer.next_at(now)) is not None:
        now = at
        left += [(now, number) for number in pacer.due(now)]
    assert [number for _, number in left] == list(range(20))
    assert left[-1][0] == pytest.approx(1.19, abs=0.011)


def test_who_waited_has_no_right_to_a_burst() -> None:
    pacer: Pacer[int] = Pacer(RATE)
    pacer.put([(0, 1_250)], Priority.PICTURE)
    pacer.due(1.0)
    pacer.put([(number, 1_250) for number in range(10)], Priority.PICTURE)
    assert len(pacer.due(100.0)) == 1


@pytest.mark.parametrize("late_s", [0.0, 0.005, 0.0156])
def test_a_loop_that_wakes_up_late_sends_no_less_than_the_rate(late_s: float) -> None:
    pacer: Pacer[int] = Pacer(RATE)
    pacer.put([(number, 250) for number in range(500)], Priority.PICTURE)  # 2 ms each
    left, now = 0, 1.0
    while now < 1.5:
        left += len(pacer.due(now))
        now = (pacer.next_at(now) or now) + late_s
    assert left * 2 == pytest.approx(500, abs=20)


def test_of_a_long_stall_little_is_made_up_for() -> None:
    pacer: Pacer[int] = Pacer(RATE)
    pacer.put([(number, 250) for number in range(500)], Priority.PICTURE)
    pacer.due(1.0)
    assert len(pacer.due(1.3)) * 0.002 <= LATE_S + BURST_S + 0.002


def test_a_faster_path_is_used_at_once() -> None:
    pacer: Pacer[int] = Pacer(RATE)
    pacer.put([(number, 1_250) for number in range(100)], Priority.PICTURE)
    pacer.due(1.0)
    assert pacer.queued_s(1.0) == pytest.approx(1.0)
    pacer.rate = 100 * RATE
    assert pacer.queued_s(1.011) == pytest.approx(0.0099, abs=1e-4)
    assert len(pacer.due(1.011)) > 40


def test_a_second_copy_of_a_repair_waits_for_its_time() -> None:
    pacer: Pacer[str] = Pacer(RATE)
    pacer.put_later("again", 100, 1.01)
    assert pacer.next_at(1.0) == 1.01
    assert pacer.due(1.0) == []
    assert pacer.due(1.01) == ["again"]


def test_too_many_are_refused_as_a_whole() -> None:
    pacer: Pacer[int] = Pacer(RATE)
    assert pacer.put([(0, 100)] * (MAX_QUEUED - 1), Priority.PICTURE)
    assert not pacer.put([(0, 100)] * 2, Priority.PICTURE)
    assert pacer.put([(0, 100)], Priority.PICTURE)
    for _ in range(MAX_QUEUED * 2):
        pacer.put_later(0, 100, 1.0)
    assert len(pacer.due(2.0)) == 7  # 5 ms at 1 Mbit/s: 100 bytes take 0.8 ms


def test_of_pictures_that_are_dropped_the_one_that_began_to_leave_goes_on() -> None:
    pacer: Pacer[str] = Pacer(RATE)
    for name in "abc":
        pacer.put([(f"{name}{number}", 1_000) for number in range(3)], Priority.PICTURE)
    assert pacer.due(5.0) == ["a0"]
    assert pacer.drop_pictures() == ["b0", "b1", "b2", "c0", "c1", "c2"]
    assert pacer.queued_s(5.0) == pytest.approx(0.024)
    pacer.put([("d0", 1_000)], Priority.PICTURE)
    assert [item for at in range(10) for item in pacer.due(5.0 + at / 100)] == ["a1", "a2", "d0"]
    assert pacer.drop_pictures() == []
    pacer.put([("e0", 1_000)], Priority.PICTURE)
    assert pacer.drop_pictures() == ["e0"]
    assert pacer.next_at(6.0) is None


@given(
    st.lists(st.tuples(st.sampled_from(Priority), st.integers(50, 1_500), st.floats(0, 0.05)), max_size=200)
)
def test_everything_leaves_once_in_order_and_sound_aside_no_faster_than_the_rate(
    puts: list[tuple[Priority, int, float]],
) -> None:
    pacer: Pacer[tuple[Priority, int, int]] = Pacer(RATE)
    left: list[tuple[float, Priority, int, int]] = []
    now = 1.0
    for number, (priority, size, wait) in enumerate(puts):
        pacer.put([((priority, number, size), size)], priority)
        left += [(now, *item) for item in pacer.due(now)]
        now += wait
    while (at := pacer.next_at(now)) is not None:
        now = at
        left += [(now, *item) for item in pacer.due(now)]
    assert len(left) == len(puts)
    for each in Priority:
        numbers = [number for _, priority, number, _ in left if priority is each]
        assert numbers == sorted(numbers)
    paced = [(at, size) for at, priority, _, size in left if priority is not Priority.SOUND]
    for begin in range(len(paced)):
        seconds = paced[-1][0] - paced[begin][0] + BURST_S + LATE_S
        assert sum(size for _, size in paced[begin:]) * 8 <= seconds * RATE + 1_500 * 8 + 1
