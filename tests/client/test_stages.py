from __future__ import annotations

import pytest

from pycall.client.stages import MOST, Stages


def test_a_stage_tells_the_median_of_what_was_noted_since_it_was_last_taken() -> None:
    stages = Stages()
    for seconds in (0.001, 0.002, 0.5):
        stages.note("encode", seconds)
    stages.note("pace", 0.004)
    assert stages.take("wait", "encode") == {"encode": 0.002}
    assert stages.take("encode", "pace") == {"pace": 0.004}
    assert stages.take("pace") == {}


def test_only_the_newest_values_are_kept() -> None:
    stages = Stages()
    for seconds in (*[1.0] * 1_000, *[0.01] * MOST):
        stages.note("way", seconds)
    assert stages.take("way") == {"way": pytest.approx(0.01)}
