"""What is written is read back, what libwebrtc writes is read, and garbage is refused at little cost."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.congestion.feedback import LONGEST_DELTA_S, TICKS_PER_S, Feedback, parse

steps = st.one_of(st.none(), st.integers(0, 255), st.integers(-0x8000, 0x7FFF))


@st.composite
def feedbacks(draw: st.DrawFn) -> Feedback:
    base = draw(st.integers(0, 0xFFFF))
    pieces = draw(st.lists(st.tuples(steps, st.integers(1, 300)), min_size=1, max_size=20))
    ticks, offset, arrivals = 0, 0, []
    for step, run in pieces:
        if step is None:
            offset += run
            continue
        for _ in range(min(run, 40)):
            ticks += step
            arrivals.append(((base + offset) & 0xFFFF, ticks / TICKS_PER_S))
            offset += 1
    reference, number = draw(st.integers(0, 0xFFFFFF)), draw(st.integers(0, 0xFF))
    return Feedback(base, max(offset, 1), reference, number, tuple(arrivals))


@given(feedbacks())
def test_what_is_written_is_read_back(feedback: Feedback) -> None:
    fci = feedback.encode()

    assert len(fci) % 4 == 0
    assert parse(fci) == feedback


@given(st.binary(max_size=1500))
def test_garbage_is_refused_or_read_within_its_bounds(fci: bytes) -> None:
    try:
        feedback = parse(fci)
    except ValueError:
        return
    assert len(feedback.arrivals) <= min(feedback.count, len(fci))


@given(feedbacks(), st.data())
def test_a_message_that_was_cut_short_is_refused(feedback: Feedback, data: st.DataObject) -> None:
    fci = feedback.encode()
    cut = data.draw(st.integers(0, max(len(fci) - 4, 0)))
    with contextlib.suppress(ValueError):
        assert parse(fci[:cut]) == feedback  # only padding was cut


def test_padding_behind_the_times_is_no_time() -> None:
    feedback = Feedback(7, 1, 3, 4, ((7, 0.001),))

    assert parse(feedback.encode() + bytes(4)) == feedback


def test_each_kind_of_chunk_of_the_draft_is_read() -> None:
    run = bytes.fromhex("2003")  # three that came within 255 ticks
    one_bit = bytes.fromhex("a000")  # the first of fourteen came
    two_bits = bytes.fromhex("d800")  # 1, 2, 0, 0, 0, 0, 0
    head = (0xFFFF).to_bytes(2, "big") + (24).to_bytes(2, "big") + (5 << 8 | 9).to_bytes(4, "big")
    times = bytes([4, 4, 4, 8, 4]) + (-20).to_bytes(2, "big", signed=True)

    feedback = parse(head + run + one_bit + two_bits + times)

    assert (feedback.base, feedback.count, feedback.reference, feedback.number) == (0xFFFF, 24, 5, 9)
    assert feedback.arrivals == (
        (0xFFFF, 0.001),
        (0, 0.002),
        (1, 0.003),
        (2, 0.005),
        (16, 0.006),
        (17, 0.001),
    )


def test_thirty_packets_that_came_evenly_take_little_room() -> None:
    feedback = Feedback(0, 30, 0, 0, tuple((n, n * 0.0015) for n in range(30)))

    assert len(feedback.encode()) <= 40


def test_an_outage_of_thousands_of_packets_takes_a_chunk_each_8191() -> None:
    feedback = Feedback(0, 0xFFFF, 0, 0, ((0xFFFE, 0.0),))

    assert len(feedback.encode()) < 40
    assert parse(feedback.encode()) == feedback


@pytest.mark.parametrize(
    "feedback",
    [
        Feedback(0, 0, 0, 0, ()),
        Feedback(0, 2, 0, 0, ((0, 0.0), (2, 0.0))),
        Feedback(0, 3, 0, 0, ((1, 0.0), (0, 0.0))),
        Feedback(0, 3, 0, 0, ((0, 0.0), (1, LONGEST_DELTA_S * 1.01))),
    ],
)
def test_what_does_not_fit_is_not_written(feedback: Feedback) -> None:
    with pytest.raises(ValueError, match=r"does not fit|about 0 packets"):
        feedback.encode()


@pytest.mark.parametrize(
    "fci",
    [
        "",
        "0000000000000000" + "2001" + "01",  # about no packet
        "0000000100000000",  # no chunk
        "0000000100000000" + "2001",  # no time
        "0000000100000000" + "6001" + "01",  # the reserved symbol
        "0000ffff00000000" + "3fff" * 9,  # runs without times
        "0000000100000000" + "0000" * 20,  # runs of none
    ],
)
def test_what_is_malformed_is_refused(fci: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(bytes.fromhex(fci))
