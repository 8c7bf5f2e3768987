"""How long sound should be held, from when it came."""

from __future__ import annotations

from random import Random

import pytest

from pycall.media.playout.jitter import (
    FALL_PER_S,
    GUARD_S,
    INTERVAL_S,
    KEPT,
    TARGET_MAX_S,
    TARGET_MIN_S,
    JitterGauge,
)

MARGIN_S = 0.020


def arrivals(gauge: JitterGauge, first: int, count: int, late: float = 0.0, drift: float = 0.0) -> None:
    """Blocks each 20 ms, all ``late`` seconds late, from a clock that runs slow by ``drift``."""
    for number in range(first, first + count):
        sent = number * 0.020
        arrival = 100 + sent * (1 + drift) + late
        gauge.arrived(arrival - sent, arrival, MARGIN_S)


def test_without_jitter_the_target_is_the_least() -> None:
    gauge = JitterGauge()
    arrivals(gauge, 0, 200)

    assert gauge.target_s == TARGET_MIN_S
    assert gauge.base == pytest.approx(100)


def test_one_late_block_raises_the_target_at_once() -> None:
    gauge = JitterGauge()
    arrivals(gauge, 0, 100)
    arrivals(gauge, 100, 1, late=0.080)

    assert gauge.target_s == pytest.approx(0.080 + MARGIN_S + GUARD_S)


def test_it_comes_down_slowly_and_arrives() -> None:
    gauge = JitterGauge()
    arrivals(gauge, 0, 100)
    arrivals(gauge, 100, 1, late=0.080)
    high = gauge.target_s
    arrivals(gauge, 101, 50)

    assert gauge.target_s == pytest.approx(high - FALL_PER_S, abs=0.003)
    arrivals(gauge, 151, 250)
    assert gauge.target_s == TARGET_MIN_S


def test_what_is_late_again_and_again_finds_the_target_where_it_was() -> None:
    gauge, targets = JitterGauge(), []
    for second in range(30):
        for number in range(50 * second, 50 * second + 50):
            arrivals(gauge, number, 1, late=0.0 if number % 50 else 0.080 if second % 3 else 0.100)
            targets.append(gauge.target_s)

    needed = 0.100 + MARGIN_S + GUARD_S
    assert targets[300:] == pytest.approx([needed] * len(targets[300:]))


def test_when_it_is_late_no_more_that_is_forgotten() -> None:
    gauge, kept = JitterGauge(), int(KEPT * INTERVAL_S / 0.020)
    arrivals(gauge, 0, 100)
    arrivals(gauge, 100, 1, late=0.080)
    arrivals(gauge, 101, 50)
    arrivals(gauge, 151, 1, late=0.080)
    high = gauge.target_s
    arrivals(gauge, 152, kept - 100)
    assert gauge.target_s == high

    arrivals(gauge, 52 + kept, 350)
    assert gauge.target_s == TARGET_MIN_S


def test_it_is_bounded_however_late_blocks_come() -> None:
    gauge = JitterGauge()
    random = Random(1)
    for number in range(500):
        arrivals(gauge, number, 1, late=random.uniform(0, 0.9))
        assert TARGET_MIN_S <= gauge.target_s <= TARGET_MAX_S


def test_a_longer_way_is_learned_and_forgotten_as_jitter() -> None:
    gauge = JitterGauge()
    arrivals(gauge, 0, 150)
    arrivals(gauge, 150, 1, late=0.100)
    assert gauge.target_s > 0.100
    arrivals(gauge, 151, 150, late=0.100)

    assert gauge.base == pytest.approx(100.100)
    assert gauge.target_s == TARGET_MIN_S


@pytest.mark.parametrize("drift", [-0.01, 0.01])
def test_a_drift_of_one_percent_costs_at_most_a_few_milliseconds(drift: float) -> None:
    gauge = JitterGauge()
    arrivals(gauge, 0, 3_000, drift=drift)

    assert gauge.target_s <= TARGET_MIN_S + 0.010
    assert gauge.base == pytest.approx(100 + 60 * drift, abs=0.025)


def test_a_new_clock_keeps_what_was_learned_of_the_network() -> None:
    gauge = JitterGauge()
    arrivals(gauge, 0, 100)
    arrivals(gauge, 100, 1, late=0.080)
    high = gauge.target_s
    gauge.restart()

    assert gauge.base is None
    gauge.arrived(-5_000.0, 103.0, MARGIN_S)
    assert gauge.base == -5_000.0
    assert gauge.target_s == pytest.approx(high, abs=0.001)
