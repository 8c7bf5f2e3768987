"""What arrives is measured over what is known, and nothing else."""

from __future__ import annotations

import pytest

from pycall.client.congestion.sent import Result
from pycall.client.congestion.throughput import Throughput


def packets(begin: float, count: int, step: float = 0.01, size: int = 125) -> list[Result]:
    return [
        Result(begin + n * step, 7.0 + begin + n * step, size, late=False, repeated=False)
        for n in range(count)
    ]


def test_nothing_is_known_at_first() -> None:
    throughput = Throughput()
    assert throughput.rate is None

    throughput.add(packets(0.0, 5), gap=False)

    assert throughput.rate is None


def test_the_rate_is_that_of_the_last_half_second() -> None:
    throughput = Throughput()
    for n in range(20):
        throughput.add(packets(n * 0.05, 5), gap=False)
    assert throughput.rate == pytest.approx(100_000)

    for n in range(20, 40):
        throughput.add(packets(n * 0.05, 5, size=250), gap=False)

    assert throughput.rate == pytest.approx(200_000, rel=0.02)


def test_what_lost_feedback_was_about_is_left_out() -> None:
    throughput = Throughput()
    for n in range(40):
        if n % 4:
            throughput.add(packets(n * 0.05, 5), gap=n % 4 == 1)

    assert throughput.rate == pytest.approx(100_000)


def test_a_pause_counts_as_time_in_which_nothing_came() -> None:
    throughput = Throughput()
    throughput.add(packets(0.0, 50), gap=False)
    throughput.add(packets(1.0, 1), gap=False)

    assert throughput.rate is not None
    assert throughput.rate < 10_000
