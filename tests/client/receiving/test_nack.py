"""What is lost is asked for by the round trip, while it is of use, and never without end."""

from __future__ import annotations

import itertools

import pytest
from aiortc.rtp import RtcpRtpfbPacket
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.receiving.nack import (
    LONGEST_REORDERING_S,
    MOST_AT_ONCE,
    MOST_MISSING,
    MOST_QUESTIONS,
    OVERTAKEN,
    TWICE_S,
    NackSchedule,
    Receipt,
    pack_lost,
)

RTT_S = 0.05


def schedule(
    use_s: float = 1.0, most: int = MOST_MISSING, received: tuple[int, ...] = (100,)
) -> NackSchedule:
    """One that knows the round trip and received these at time 0."""
    nacks = NackSchedule(use_s, most)
    nacks.rtt_s = nacks.least_rtt_s = RTT_S
    for number in received:
        nacks.received(number, 0.0)
    return nacks


def asked(nacks: NackSchedule, until: float, step: float = 0.001) -> list[tuple[float, list[int]]]:
    """When what is asked for, looking every millisecond."""
    moments = [number * step for number in range(round(until / step))]
    return [(now, due) for now in moments if (due := nacks.due(now))]


def test_nothing_is_asked_for_while_nothing_is_missing() -> None:
    nacks = schedule(received=(100, 101, 102))
    assert not nacks.waiting
    assert asked(nacks, 1.0) == []


def test_a_hole_is_asked_for_at_once_twice_and_again_when_the_answer_is_overdue() -> None:
    questions = asked(schedule(received=(100, 103)), 1.0)
    assert {tuple(numbers) for _, numbers in questions} == {(101, 102)}
    moments = [now for now, _ in questions]
    assert moments[:2] == [0.0, TWICE_S]
    rounds = list(itertools.pairwise(moments[::2]))
    assert moments[1::2] == pytest.approx([first + TWICE_S for first in moments[::2]], abs=0.0015)
    assert all(RTT_S < after - before < 1.3 * RTT_S for before, after in rounds)
    assert len(questions) == 2 * MOST_QUESTIONS


def test_what_came_is_not_asked_for_again() -> None:
    nacks = schedule(received=(100, 103))
    nacks.due(0.0)
    assert nacks.received(101, RTT_S) is Receipt.REPAIRED
    assert nacks.due(3 * RTT_S) == [102]
    assert nacks.received(102, 4 * RTT_S) is Receipt.REPAIRED
    assert not nacks.waiting


@pytest.mark.parametrize("use_s", [0.03, 0.2, 1.0])
def test_only_what_would_still_be_of_use_is_asked_for(use_s: float) -> None:
    nacks = schedule(use_s, received=(100, 102))
    assert all(now + RTT_S <= use_s + 1e-9 for now, _ in asked(nacks, 3.0))
    assert not nacks.waiting


def test_an_answer_to_the_last_question_still_counts() -> None:
    nacks = schedule(0.12, received=(100, 102))
    last = asked(nacks, 0.12)[-1][0]
    assert last + RTT_S <= 0.12
    assert nacks.received(101, last + RTT_S) is Receipt.REPAIRED


def test_what_comes_sooner_than_an_answer_can_was_overtaken_and_the_next_is_given_as_long() -> None:
    nacks = schedule(received=(100, 102))
    assert nacks.due(0.0) == [101]
    assert nacks.received(101, 0.008) is Receipt.LATE
    nacks.received(104, 1.0)
    assert nacks.due(1.007) == []
    assert nacks.due(1.009) == [103]


def test_what_its_sender_calls_sent_again_is_a_repair_however_soon_and_overtook_nothing() -> None:
    nacks = schedule(received=(100, 102))
    assert nacks.received(101, 0.001, again=True) is Receipt.REPAIRED
    assert nacks.received(101, 0.002, again=True) is Receipt.REPEATED
    assert nacks.received(104, 1.0, again=True) is Receipt.REPAIRED
    assert nacks.due(1.0) == [103]


def test_reordering_delays_questions_only_by_a_little_and_ever_less_when_packets_are_lost() -> None:
    nacks = schedule(received=(100, 102))
    nacks.received(101, 30.0)
    nacks.received(104, 40.0)
    assert nacks.due(40.0 + LONGEST_REORDERING_S) == [103]
    for number in range(103, 203, 2):
        at = 50.0 + number
        nacks.received(number + 1, at)
        nacks.due(at + LONGEST_REORDERING_S)
        nacks.received(number, at + 2 * RTT_S)
    nacks.received(207, 1_000.0)
    assert nacks.due(1_000.0 + LONGEST_REORDERING_S / 50) == [203, 204, 205, 206]


def test_a_packet_that_came_before_is_a_repetition() -> None:
    nacks = schedule(received=(100, 101))
    assert nacks.received(101, 0.1) is Receipt.REPEATED
    assert nacks.received(100, 0.1) is Receipt.REPEATED
    assert nacks.received(100 - OVERTAKEN - 1, 0.1) is Receipt.REPEATED


def test_what_the_first_packet_overtook_is_taken_once() -> None:
    nacks = schedule(received=(100,))
    assert nacks.received(97, 0.001) is Receipt.LATE
    assert nacks.received(98, 0.002) is Receipt.LATE
    assert nacks.received(98, 0.003) is Receipt.REPEATED
    nacks.received(102, 0.004)
    assert nacks.due(0.05) == [99, 101]


def test_of_a_long_hole_only_what_is_worth_it_is_asked_for() -> None:
    assert schedule(most=3, received=(100, 200)).due(0.0) == [197, 198, 199]


def test_what_is_forgotten_is_not_asked_for() -> None:
    nacks = schedule(received=(100, 105))
    nacks.forget(103)
    assert nacks.due(0.0) == [103, 104]
    assert nacks.received(101, 0.1) is Receipt.REPEATED


@given(
    st.lists(st.tuples(st.integers(0, 600), st.floats(0, 0.2)), max_size=300),
    st.floats(0, 1.0),
)
def test_questions_are_bounded_whatever_comes(events: list[tuple[int, float]], rtt_s: float) -> None:
    nacks = NackSchedule(1.0)
    nacks.rtt_s = rtt_s
    now, newest = 0.0, 0
    questions: dict[int, int] = {}
    had: set[int] = set()
    for number, pause in events:
        now += pause
        nacks.received(number, now)
        newest = max(newest, number)
        had.add(number)
        due = nacks.due(now)
        assert due == sorted(due)
        assert len(due) <= MOST_AT_ONCE
        for each in due:
            assert each < newest
            assert each not in had
            questions[each] = questions.get(each, 0) + 1
    assert all(count <= 2 * MOST_QUESTIONS for count in questions.values())
    nacks.due(now + 2.0)
    assert not nacks.waiting


@given(st.sets(st.integers(1, 300), max_size=120), st.integers(0, 0x1FFFF))
def test_a_message_says_exactly_what_is_lost_across_the_wrap_too(lost: set[int], base: int) -> None:
    numbers = sorted(base + number for number in lost)
    body = pack_lost(numbers)
    read = RtcpRtpfbPacket.parse(bytes(8) + body, fmt=1)
    assert [number & 0xFFFF for number in read.lost] == [number & 0xFFFF for number in numbers]


def test_a_message_is_compact() -> None:
    assert len(pack_lost(range(100, 117))) == 4
    assert len(pack_lost(range(100, 118))) == 8
    assert pack_lost([]) == b""
