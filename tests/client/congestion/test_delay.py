"""The queue is told from one-way delays between clocks that nobody set."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pycall.client.congestion.delay import BASE_S, MOST_KEPT, Delay


def test_a_queue_is_what_every_packet_waits_for_more_than_the_least_ever() -> None:
    delay = Delay()
    for n in range(100):
        delay.add(n * 0.01, 500 + n * 0.01, 100)
    assert delay.queue_s == pytest.approx(0.0)

    for n in range(100, 120):
        delay.add(n * 0.01, 500.03 + n * 0.01, 100)

    assert delay.queue_s == pytest.approx(0.03)


def test_a_picture_that_left_at_once_is_no_queue_that_stands() -> None:
    delay = Delay()
    for n in range(300):
        delay.add(n * 0.03, n * 0.03, 100)
        for m in range(10):
            delay.add(n * 0.03, n * 0.03 + m * 0.002, 1000)

        assert delay.queue_s == pytest.approx(0.0)


def test_jitter_is_no_queue() -> None:
    delay, chance = Delay(), random.Random(1)
    for n in range(1000):
        delay.add(n * 0.01, n * 0.01 + chance.uniform(0, 0.02), 100)

        assert delay.queue_s < 0.02


def test_how_fast_the_queue_leaves_is_the_capacity() -> None:
    delay, free_at = Delay(), 0.0
    for n in range(200):
        sent_at = n * 0.008
        free_at = max(free_at, sent_at) + 0.01
        delay.add(sent_at, free_at, 1250)

    assert delay.capacity == pytest.approx(1_000_000, rel=0.01)


def test_while_nothing_queues_no_capacity_is_known() -> None:
    delay = Delay()
    for n in range(200):
        delay.add(n * 0.01, n * 0.01, 1250)

    assert delay.capacity is None
    assert delay.crowded == 0.0


def test_clocks_that_drift_apart_make_little_queue() -> None:
    delay = Delay()
    for n in range(6000):
        delay.add(n * 0.01, n * 0.01 * 1.0005, 100)

    assert delay.queue_s <= (BASE_S + 1) * 0.0005


def test_another_way_has_its_own_least_delay() -> None:
    delay = Delay()
    for n in range(200):
        delay.add(n * 0.01, n * 0.01 + (0.05 if n >= 100 else 0.0), 100)
    assert delay.queue_s == pytest.approx(0.05)

    delay.forget_base()

    assert delay.queue_s == pytest.approx(0.0)


def test_a_clock_that_stands_still_fills_no_memory() -> None:
    delay = Delay()
    for n in range(5_000):
        delay.add(n * 1e-6, 10.0 if n else 0.0, 100)

    assert max(len(delay._busy), len(delay._recent)) <= MOST_KEPT


def test_behind_a_missing_packet_nothing_is_learned_of_how_fast_the_queue_leaves() -> None:
    delay, free_at = Delay(), 0.0
    for n in range(400):
        sent_at = n * 0.008
        free_at = max(free_at, sent_at) + 0.01
        if n % 4 == 3:
            delay.interrupt()
        else:
            delay.add(sent_at, free_at, 1250)

    assert delay.capacity == pytest.approx(1_000_000, rel=0.01)


finite = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(finite, finite, st.integers(0, 1500)), max_size=300))
@example([(0.0, 0.0, 0), (0.0, 1.0, 0), (0.0, 2.0, 0)])
def test_whatever_is_told_the_queue_is_never_less_than_none(packets: list[tuple[float, float, int]]) -> None:
    delay = Delay()
    for sent_at, arrived, size in sorted(packets):
        delay.add(sent_at, arrived, size)

        assert delay.queue_s >= 0
        assert delay.capacity is None or delay.capacity >= 0
        assert len(delay._minima) <= BASE_S + 2
