from __future__ import annotations

from dataclasses import dataclass

import pytest

from pycall.client.stages import MOST, Stages
from pycall.core.events import Latency
from pycall.core.messages import Shares


@dataclass(frozen=True)
class Held:
    """What playing adds."""

    picture_held_s: float | None = None
    picture_s: float | None = None
    sound_held_s: float = 0.0
    device_s: float = 0.0
    sound_s: float | None = None


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


def test_our_part_is_told_without_what_is_not_known() -> None:
    stages = Stages()
    stages.note("wait", 0.0123456789)
    stages.note("pace", -0.001)
    assert stages.shares() == Shares(wait_s=0.012346, pace_s=0.0)
    assert stages.shares() == Shares()


def test_the_network_is_what_is_left_of_the_way_without_the_other_ends_part() -> None:
    stages, told = Stages(), Shares(0.020, 0.001, 0.004)
    stages.note("way", 0.050)
    delays = Held(sound_held_s=0.045, device_s=0.02, sound_s=0.115)
    assert stages.latency("audio", told, delays) == Latency(
        "audio", 20.0, 1.0, 4.0, 25.0, None, None, 45.0, 20.0, 115.0
    )
    assert stages.latency("audio", told, delays).network_ms is None


def test_a_picture_has_no_device_and_what_is_not_told_is_in_the_network() -> None:
    stages = Stages()
    for stage, seconds in (("way", 0.05), ("repair", 0.001), ("decode", 0.003)):
        stages.note(stage, seconds)  # type: ignore[arg-type]
    latency = stages.latency("video", Shares(), Held(picture_held_s=0.006, picture_s=0.06, device_s=0.02))
    assert latency == Latency("video", None, None, None, 50.0, 1.0, 3.0, 6.0, None, 60.0)


def test_clocks_that_are_a_little_off_make_no_negative_network() -> None:
    stages = Stages()
    stages.note("way", 0.010)
    assert stages.latency("video", Shares(wait_s=0.011), Held()).network_ms == 0
