from __future__ import annotations

import numpy as np

from pycall.media.sources.cadence import Cadence


def kept(times: list[float], fps: int) -> list[float]:
    cadence = Cadence(fps)
    return [time for time in times if cadence.wants(time)]


def test_half_of_twice_as_many_are_kept() -> None:
    assert len(kept([n / 60 for n in range(600)], 30)) == 300


def test_two_thirds_of_half_as_many_again_are_kept() -> None:
    assert abs(len(kept([n / 45 for n in range(450)], 30)) - 300) <= 1


def test_all_are_kept_where_the_rate_is_right_or_lower_in_spite_of_jitter() -> None:
    jitter = np.random.default_rng(1).uniform(-0.004, 0.004, 300)
    for fps in (30, 25, 10):
        times = [n / fps + off for n, off in enumerate(jitter)]
        assert kept(times, 30) == times


def test_a_pause_is_not_made_up_for() -> None:
    times = [0.0, 10.0, *(10.0 + n / 60 for n in range(1, 60))]
    assert len(kept(times, 30)) == 31
