"""The time of counted samples."""

from __future__ import annotations

from random import Random

import pytest

from pycall.media.frames import BLOCK, SAMPLE_RATE
from pycall.media.sampleclock import SampleClock

BLOCK_S = BLOCK / SAMPLE_RATE


def test_jitter_of_the_thread_is_averaged_out() -> None:
    clock, random = SampleClock(), Random(1)
    stamps = [clock.stamp(BLOCK, 5 + number * BLOCK_S + random.uniform(0, 0.010)) for number in range(1_000)]

    assert stamps[200:] == pytest.approx(
        [5.005 + number * BLOCK_S for number in range(200, 1_000)], abs=0.001
    )


@pytest.mark.parametrize("drift", [-0.0005, 0.0005])
def test_a_card_that_runs_at_its_own_rate_is_followed(drift: float) -> None:
    clock, stamp = SampleClock(), 0.0
    for number in range(6_000):
        stamp = clock.stamp(BLOCK, number * BLOCK_S * (1 + drift))

    assert stamp == pytest.approx(5_999 * BLOCK_S * (1 + drift), abs=0.003)


def test_a_pause_is_counted_as_samples_that_were_not_there() -> None:
    clock = SampleClock()
    clock.stamp(BLOCK, 1.0)
    assert clock.stamp(BLOCK, 3.0) == pytest.approx(3.0)

    assert clock.count == pytest.approx(2 * SAMPLE_RATE + BLOCK)


def test_a_step_back_counts_no_sample_twice() -> None:
    clock = SampleClock()
    clock.stamp(BLOCK, 3.0)
    assert clock.stamp(BLOCK, 1.0) == pytest.approx(1.0)

    assert clock.count == 2 * BLOCK


def test_a_device_that_was_late_once_and_stays_so_is_believed_within_a_quarter_of_a_second() -> None:
    clock, random, late = SampleClock(), Random(1), 0.0
    for number in range(300):
        late = 0.015 if number >= 200 else 0.0
        stamp = clock.stamp(BLOCK, number * BLOCK_S + late + random.uniform(-0.002, 0.002))
        if number < 200 or number > 212:
            assert stamp == pytest.approx(number * BLOCK_S + late, abs=0.003)
