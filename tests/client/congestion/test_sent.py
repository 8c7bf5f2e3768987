"""Each packet's fate is told once, whatever the feedback says and in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.congestion.feedback import Feedback
from pycall.client.congestion.sent import KEPT_S, MOST_KEPT, Result, SentLog


def test_what_arrived_is_told_with_both_clocks_and_the_time_there_and_back() -> None:
    log = SentLog()
    first, second = log.sent(100, 1.0), log.sent(200, 1.01)

    told = log.acknowledge(Feedback(first, 2, 1000, 0, ((first, 0.003), (second, 0.02))), 1.06)

    assert told.results == (
        Result(1.0, 64.003, 100, late=False, repeated=False),
        Result(1.01, 64.02, 200, late=False, repeated=False),
    )
    assert told.rtt_s == pytest.approx(0.05)
    assert log.waiting_s(9.0) == 0.0


def test_what_is_missing_is_told_once_and_as_late_when_it_comes_after_all() -> None:
    log = SentLog()
    first, second = log.sent(100, 1.0), log.sent(200, 1.01)
    missing = Feedback(first, 2, 0, 0, ((second, 0.0),))

    assert [result.arrived for result in log.acknowledge(missing, 1.1).results] == [None, 0.0]
    assert log.acknowledge(missing, 1.2).results == ()
    late = log.acknowledge(Feedback(first, 1, 0, 1, ((first, 0.05),)), 1.3)
    assert late.results == (Result(1.0, 0.05, 100, late=True, repeated=False),)
    assert late.rtt_s is None


def test_a_packet_that_left_twice_tells_no_delay() -> None:
    log = SentLog()
    first = log.sent(100, 1.0)
    log.repeated(first)

    told = log.acknowledge(Feedback(first, 1, 0, 0, ((first, 0.0),)), 1.1)

    assert told.results[0].repeated
    assert told.rtt_s is None


def test_a_lost_message_is_a_gap() -> None:
    log = SentLog()
    numbers = [log.sent(100, n * 0.01) for n in range(4)]
    gaps = [
        log.acknowledge(Feedback(numbers[n], 1, 0, (254 + at) & 0xFF, ((numbers[n], 0.0),)), 1.0).gap
        for n, at in enumerate((0, 1, 2, 4))
    ]

    assert gaps == [False, False, False, True]


def test_waiting_begins_with_the_first_packet_nothing_was_heard_after() -> None:
    log = SentLog()
    numbers = [log.sent(100, float(n)) for n in range(3)]
    assert log.waiting_s(5.0) == 5.0

    log.acknowledge(Feedback(numbers[0], 2, 0, 0, ((numbers[1], 0.0),)), 5.0)

    assert log.waiting_s(5.0) == 3.0


def test_the_clock_of_the_other_end_goes_on_where_its_bits_end() -> None:
    log = SentLog()
    first, second = log.sent(100, 1.0), log.sent(100, 1.01)
    before = log.acknowledge(Feedback(first, 1, 0xFFFFFF, 0, ((first, 0.0),)), 1.1).results[0]
    after = log.acknowledge(Feedback(second, 1, 0, 1, ((second, 0.0),)), 1.1).results[0]

    assert before.arrived is not None
    assert after.arrived is not None
    assert after.arrived - before.arrived == pytest.approx(0.064)


def test_the_numbers_go_round() -> None:
    log = SentLog()
    for n in range(70_000):
        sequence = log.sent(10, n * 0.001)
        if n % 10 == 9:
            base = (sequence - 9) & 0xFFFF
            arrivals = tuple(((base + at) & 0xFFFF, at * 0.001) for at in range(10))
            told = log.acknowledge(Feedback(base, 10, 0, n // 10 & 0xFF, arrivals), n * 0.001)
            assert len(told.results) == 10
    assert not log._log


@given(
    st.lists(
        st.tuples(
            st.integers(0, 0xFFFF),
            st.integers(1, 0xFFFF),
            st.sets(st.integers(0, 300), max_size=50),
            st.integers(0, 0xFFFFFF),
            st.integers(0, 0xFF),
        ),
        max_size=20,
    )
)
def test_whatever_is_fed_back_each_packet_arrives_at_most_once(
    messages: list[tuple[int, int, set[int], int, int]],
) -> None:
    log = SentLog()
    arrived = lost = sent = 0
    for base, count, came, reference, number in messages:
        for _ in range(100):
            log.sent(1, float(sent))
            sent += 1
        arrivals = tuple(((base + offset) & 0xFFFF, offset / 1000) for offset in sorted(came))
        told = log.acknowledge(Feedback(base, count, reference, number, arrivals), float(sent))
        arrived += sum(result.arrived is not None for result in told.results)
        lost += sum(result.arrived is None for result in told.results)
        assert log.waiting_s(float(sent)) >= 0

    assert arrived <= sent
    assert lost <= sent


def test_what_nothing_is_ever_heard_of_is_forgotten() -> None:
    log = SentLog()
    for n in range(MOST_KEPT * 2):
        log.sent(10, n * 0.001)

    assert len(log._log) == MOST_KEPT


def test_a_message_about_everything_asks_for_no_more_than_the_last_ten_seconds() -> None:
    log = SentLog()
    log.sent(10, 0.0)  # nothing is ever heard of it
    for n in range(1, 60_000):
        sequence = log.sent(10, n * 0.01)
        log.acknowledge(Feedback(sequence, 1, 0, n & 0xFF, ((sequence, 0.0),)), n * 0.01)

    assert log._next - log._first <= KEPT_S / 0.01 + 1


def test_a_message_about_everything_asks_for_no_more_than_is_kept() -> None:
    log = SentLog()
    log.sent(10, 0.0)
    for n in range(20_000):
        sequence = log.sent(10, n * 1e-4)
        log.acknowledge(Feedback(sequence, 1, 0, n & 0xFF, ((sequence, 0.0),)), n * 1e-4)

    assert log._next - log._first <= MOST_KEPT
