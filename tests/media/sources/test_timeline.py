"""Samples addressed by the sender's timestamp."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pycall.media.frames import Samples
from pycall.media.sources.timeline import CAPACITY, Timeline

HUGE = 1 << 40


def ramp(timestamp: int, count: int) -> Samples:
    """Samples that tell their timestamp."""
    return (np.arange(timestamp, timestamp + count) % 30_000 + 1).astype(np.int16)


@given(
    start=st.integers(-HUGE, HUGE),
    writes=st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 3_000)), max_size=12),
    at=st.integers(0, 40_000),
)
def test_what_was_written_is_read_and_nothing_else_is_there(
    start: int, writes: list[tuple[int, int]], at: int
) -> None:
    line = Timeline()
    line.clear(start)
    written: set[int] = set()
    for offset, count in writes:
        line.write(start + offset, ramp(start + offset, count))
        written |= set(range(offset, offset + count))

    samples, there = line.read(start + at, 500)

    assert there.tolist() == [at + place in written for place in range(500)]
    assert np.array_equal(samples, np.where(there, ramp(start + at, 500), 0))
    assert line.end == start + max((offset + count for offset, count in writes), default=0)


def test_a_gap_does_not_show_what_lay_in_the_ring_before() -> None:
    line = Timeline()
    line.write(0, ramp(0, CAPACITY))
    line.write(CAPACITY + 1_000, ramp(0, 10))

    assert not line.read(CAPACITY, 1_000)[1].any()
    assert line.has(CAPACITY + 1_000, 10)


def test_only_the_newest_part_of_the_line_is_kept() -> None:
    line = Timeline()
    line.write(0, ramp(0, 1_000))
    line.write(CAPACITY + 500, ramp(0, 10))
    line.write(100, ramp(100, 10))

    assert not line.read(0, 510)[1].any()
    assert line.has(520, 480)


def test_after_a_far_jump_nothing_old_is_there() -> None:
    line = Timeline()
    line.write(0, ramp(0, 1_000))
    line.write(HUGE, ramp(0, 10))

    assert not line.read(0, 1_000)[1].any()
    assert not line.read(HUGE - 1_000, 1_000)[1].any()
    assert line.has(HUGE, 10)
