"""Latency comes right although clocks differ, wrap and are set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.latency import (
    CLOCK_AGE_S,
    CLOCK_SAMPLES,
    NTP_EPOCH,
    ClockOffset,
    LatencyMeter,
    SenderClock,
)


def ntp(unix: float) -> int:
    return int((unix + NTP_EPOCH) * 2**32)


@given(st.integers(0, 2**32 - 1), st.floats(-100, 100), st.sampled_from([48_000, 90_000]))
def test_an_rtp_time_near_a_report_has_a_wall_clock_time(rtp: int, away_s: float, rate: int) -> None:
    clock = SenderClock(rate)
    clock.reported(ntp(1_700_000_000.5), rtp)
    at = clock.time_of((rtp + round(away_s * rate)) % 2**32)
    assert at == pytest.approx(1_700_000_000.5 + away_s, abs=1e-3)


def test_before_a_report_nothing_is_known() -> None:
    clock = SenderClock(48_000)
    clock.reported(0, 77)  # what a sender says before it has sent anything
    assert clock.time_of(77) is None


def test_the_offset_is_that_of_the_quickest_ping() -> None:
    clock = ClockOffset()
    assert clock.seconds is None
    assert clock.rtt_s is None
    clock.add(100.0, 160.4, 100.8)  # slow there: looks like 60 s minus 0.0
    clock.add(101.0, 161.06, 101.02)
    clock.add(102.0, 162.3, 102.5)
    assert clock.seconds == pytest.approx(60.05)
    assert clock.rtt_s == pytest.approx(0.02)


@pytest.mark.parametrize("step", [-100.0, -0.3, 0.3, 100.0])
def test_the_other_clock_that_was_set_is_believed_at_once(step: float) -> None:
    clock = ClockOffset()
    clock.add(0.0, 50.0, 0.001)
    clock.add(1.0, 51.05 + step, 1.1)
    assert clock.seconds == pytest.approx(50.0 + step)
    assert clock.rtt_s == pytest.approx(0.1)


@pytest.mark.parametrize("step", [-3_600.0, -0.5, 0.5, 3_600.0])
def test_our_clock_that_was_set_is_believed_at_once(step: float) -> None:
    clock = ClockOffset()
    for second in range(CLOCK_SAMPLES):
        clock.add(second, second + 50.01, second + 0.02)
    for second in range(9, 12):
        clock.add(second + step, second + 50.05, second + step + 0.1)
        assert clock.seconds == pytest.approx(50.0 - step)


def test_a_slow_ping_does_not_unsettle_the_clock() -> None:
    clock = ClockOffset()
    clock.add(0.0, 50.01, 0.02)
    clock.add(1.0, 51.9, 1.9)  # all of it on the way there
    clock.add(2.0, 52.0, 2.8)  # and back
    assert clock.seconds == pytest.approx(50.0)


def test_a_ping_of_long_ago_says_nothing_of_a_clock_that_drifts() -> None:
    clock = ClockOffset()
    clock.add(0.0, 50.001, 0.002)
    clock.add(CLOCK_AGE_S + 1, CLOCK_AGE_S + 51.05, CLOCK_AGE_S + 1.1)
    assert clock.rtt_s == pytest.approx(0.1)


@pytest.mark.parametrize("back", [99.9, 105.5])
def test_a_ping_that_ran_backwards_or_for_ever_does_not_count(back: float) -> None:
    clock = ClockOffset()
    clock.add(100.0, 100.0, back)
    assert clock.seconds is None


def test_a_latency_is_the_median_and_never_negative() -> None:
    meter = LatencyMeter()
    assert meter.seconds is None
    for latency_s in (0.02, 0.03, 5.0, -0.001, 0.025, 1e9, -50.0):
        meter.add(latency_s)
    assert meter.seconds == 0.025
