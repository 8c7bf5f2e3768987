"""Steps at equal distances."""

from __future__ import annotations

from random import Random

import pytest

from pycall.media.playout.pace import LOST_S, Pace


def test_steps_stay_on_the_schedule_however_late_each_is_taken() -> None:
    pace, now, random = Pace(0.020), 50.0, Random(1)
    dues = []
    for _ in range(1_000):
        now += pace.wait_s(now) + random.uniform(0, 0.030)
        dues.append(pace.step())

    assert dues == pytest.approx([50.0 + 0.020 * step for step in range(1_000)])


def test_the_first_step_is_due_when_it_is_said_or_at_once() -> None:
    assert Pace(0.020).wait_s(7.0) == 0.0
    assert Pace(0.020, 7.5).wait_s(7.0) == pytest.approx(0.5)


def test_after_a_long_sleep_nothing_is_made_up_for() -> None:
    pace = Pace(0.020)
    pace.wait_s(10.0)
    pace.step()
    now = 10.0 + LOST_S + 1.0

    assert pace.wait_s(now) == 0.0
    assert pace.step() == now
    assert pace.wait_s(now) == pytest.approx(0.020)
