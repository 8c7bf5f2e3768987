"""Every packet that came is told, once or again when one came late, within bounded memory."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from pycall.client.congestion.arrivals import FAR, INTERVAL_S, MOST_ARRIVALS, MOST_KEPT, Arrivals
from pycall.client.congestion.feedback import Feedback, parse

starts = st.integers(0, 0xFFFF)


def reports(arrivals: Arrivals, now: float) -> list[Feedback]:
    told = []
    while (fci := arrivals.report(now)) is not None:
        told.append(parse(fci))
    return told


def came_at(feedback: Feedback) -> list[tuple[int, float]]:
    return [(sequence, feedback.reference * 0.064 + seconds) for sequence, seconds in feedback.arrivals]


def test_nothing_is_told_while_nothing_came() -> None:
    arrivals = Arrivals()

    assert arrivals.due_at is None
    assert arrivals.report(5.0) is None


def test_a_packet_is_told_within_an_interval_and_with_its_time() -> None:
    arrivals = Arrivals()
    arrivals.received(7, 10.0)
    assert came_at(reports(arrivals, 10.0)[0]) == [(7, 10.0)]

    arrivals.received(8, 10.01)
    arrivals.received(10, 10.02)

    assert arrivals.due_at == 10.0 + INTERVAL_S
    assert reports(arrivals, 10.03) == []
    (told,) = reports(arrivals, 10.05)
    assert (told.base, told.count, told.number) == (8, 3, 1)
    assert [sequence for sequence, _ in told.arrivals] == [8, 10]
    assert arrivals.due_at is None


def test_what_is_missing_at_the_end_is_told_with_what_follows() -> None:
    arrivals = Arrivals()
    arrivals.received(1, 10.0)
    reports(arrivals, 10.0)
    arrivals.received(4, 10.1)

    (told,) = reports(arrivals, 10.1)

    assert (told.base, told.count) == (2, 3)


def test_one_that_comes_late_is_told_again_with_what_followed() -> None:
    arrivals = Arrivals()
    for sequence in (1, 2, 4, 5):
        arrivals.received(sequence, 10.0)
    reports(arrivals, 10.0)
    arrivals.received(3, 10.1)

    (told,) = reports(arrivals, 10.1)

    assert [sequence for sequence, _ in told.arrivals] == [3, 4, 5]


def test_a_second_copy_is_nothing_new() -> None:
    arrivals = Arrivals()
    arrivals.received(1, 10.0)
    arrivals.received(1, 10.2)
    assert came_at(reports(arrivals, 10.2)[0]) == [(1, 10.0)]
    arrivals.received(1, 10.3)

    assert arrivals.due_at is None


def test_after_an_outage_what_was_lost_is_told_in_one_message() -> None:
    arrivals = Arrivals()
    arrivals.received(0, 10.0)
    reports(arrivals, 10.0)
    arrivals.received(5000, 40.0)

    (told,) = reports(arrivals, 40.0)

    assert (told.base, told.count) == (1, 5000)


def test_a_sender_that_begins_anew_is_taken_for_one() -> None:
    arrivals = Arrivals()
    arrivals.received(0, 10.0)
    reports(arrivals, 10.0)
    arrivals.received(FAR + 1, 10.1)

    (told,) = reports(arrivals, 10.1)

    assert (told.base, told.count) == (FAR + 1, 1)


@given(starts, st.integers(0, 2**32), st.floats(0.0, 0.3))
def test_in_any_order_with_loss_and_copies_everything_that_came_is_told_with_its_time(
    start: int, seed: int, loss: float
) -> None:
    chance = random.Random(seed)
    packets = [
        (n * 0.003 + chance.uniform(0, 0.02), (start + n) & 0xFFFF)
        for n in range(600)
        if chance.random() >= loss
        for _ in range(1 + (chance.random() < 0.05))
    ]
    arrivals = Arrivals()
    told: dict[int, float] = {}
    first: dict[int, float] = {}
    for at, sequence in sorted(packets):
        first.setdefault(sequence, at)
        arrivals.received(sequence, at)
        for feedback in reports(arrivals, at):
            told.update(came_at(feedback))
    for feedback in reports(arrivals, 9.0):
        told.update(came_at(feedback))

    assert told.keys() == first.keys()
    assert all(abs(told[sequence] - at) <= 0.000_126 for sequence, at in first.items())


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.floats(0, 20)), max_size=300))
def test_whatever_comes_what_is_told_fits_a_packet_and_memory_is_bounded(
    packets: list[tuple[int, float]],
) -> None:
    arrivals, now = Arrivals(), 0.0
    for sequence, pause in packets:
        now += pause
        arrivals.received(sequence, now)
        if pause > 1:
            while (fci := arrivals.report(now)) is not None:
                assert len(fci) < 1_100
                assert len(parse(fci).arrivals) <= MOST_ARRIVALS
    assert len(arrivals._times) <= MOST_KEPT


def test_memory_is_bounded_though_nobody_asks_for_reports() -> None:
    arrivals = Arrivals()
    for n in range(20_000):
        arrivals.received(n & 0xFFFF, n * 0.0001)

    assert len(arrivals._times) <= MOST_KEPT
