"""The figures of a call come right from two looks at the counters."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pycall.client.stats import Counters, StatsMeter
from pycall.core.events import Stats


def test_the_first_look_says_nothing_and_the_second_says_all() -> None:
    meter = StatsMeter()
    assert meter.update(Counters(bytes_sent=1_000, frames_received=10, packets_received=1), 5.0) is None
    later = Counters(
        bytes_sent=126_000,
        bytes_received=250_000,
        packets_received=99,
        packets_lost=3,
        frames_received=40,
        width=640,
        height=480,
        jitter_s=0.0042,
        rtt_s=0.0501,
        audio_latency_s=0.03,
        video_latency_s=0.045,
    )
    assert meter.update(later, 6.0, playout_s=0.04) == Stats(
        sent_kbps=1_000.0,
        received_kbps=2_000.0,
        fps=30.0,
        width=640,
        height=480,
        packets_lost=3,
        jitter_ms=4.2,
        rtt_ms=50.1,
        audio_latency_ms=70.0,
        video_latency_ms=45.0,
    )


def test_what_is_not_known_stays_unknown() -> None:
    meter = StatsMeter()
    meter.update(Counters(), 1.0)
    stats = meter.update(Counters(), 2.0, playout_s=0.04)
    assert stats == Stats(0.0, 0.0, 0.0, None, None, 0, None, None, None, None)


def test_rates_are_per_second_whatever_the_interval() -> None:
    meter = StatsMeter()
    meter.update(Counters(), 1.0)
    stats = meter.update(Counters(bytes_sent=1_000, frames_received=15), 1.5)
    assert stats is not None
    assert stats.sent_kbps == 16.0
    assert stats.fps == 30.0


@example([(0.0, 500, 0), (2.2e-308, 0, 0)])
@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 10**12), st.integers(0, 10**9)), max_size=20))
def test_no_order_of_looks_makes_the_meter_fail(looks: list[tuple[float, int, int]]) -> None:
    meter = StatsMeter()
    for now, octets, packets in looks:
        stats = meter.update(Counters(bytes_sent=octets, packets_received=packets), now)
        assert stats is None or math.isfinite(stats.sent_kbps)


def test_a_look_at_the_same_moment_says_nothing() -> None:
    meter = StatsMeter()
    meter.update(Counters(), 1.0)
    assert meter.update(Counters(), 1.0) is None


@pytest.mark.parametrize("playout_s", [None, 0.0])
def test_a_latency_of_sound_is_there_without_a_playout(playout_s: float | None) -> None:
    meter = StatsMeter()
    meter.update(Counters(), 1.0)
    stats = meter.update(Counters(audio_latency_s=0.02), 2.0, playout_s=playout_s)
    assert stats is not None
    assert stats.audio_latency_ms == 20.0
