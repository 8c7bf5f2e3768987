"""VP8: what follows a key picture, what is done where libvpx cannot be called, what a picture tells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.codecs.libvpx import libvpx
from pycall.codecs.vp8 import (
    BITRATE_STEPS,
    STEP_DOWN_AFTER_S,
    STEP_UP_AFTER_S,
    BitrateSteps,
    SteppingVp8Encoder,
    Vp8Encoder,
    key_picture_size,
)
from tests.codecs.scenery import is_key, moving

VGA = 640, 480


def opened(size: tuple[int, int], bitrate: int) -> Vp8Encoder:
    library = libvpx()
    assert library is not None
    return Vp8Encoder(library, *size, bitrate, 30)


@pytest.mark.parametrize("bitrate", [600_000, 1_700_000])
def test_pictures_after_a_key_picture_refine_it_bit_by_bit(bitrate: int) -> None:
    encoder, frames = opened(VGA, bitrate), moving(75, VGA)
    sizes = [len(encoder.encode(frame, key=number == 60)) for number, frame in enumerate(frames)]
    encoder.close()
    assert all(sizes)
    assert sum(sizes[60:62]) * 8 / bitrate < 0.4
    assert max(sizes[61:]) < sizes[60]


def test_where_libvpx_cannot_be_called_a_new_bit_rate_begins_with_a_key_picture() -> None:
    encoder = SteppingVp8Encoder(320, 240, 450_000, 30)
    encoder.set_bitrate(200_000)
    data = [encoder.encode(frame, key=number == 5) for number, frame in enumerate(moving(60, (320, 240)))]
    *asked, changed = [number for number, each in enumerate(data) if is_key(each)]
    assert asked == [0, 5]
    assert changed in {29, 30}  # a second later
    assert sum(map(len, data[30:])) * 8 < 250_000


def test_a_higher_bit_rate_has_to_wait_and_a_lower_one_hardly() -> None:
    steps = BitrateSteps(700_000)
    assert steps.bitrate == 600_000
    steps.wanted = 2_500_000
    assert not steps.passed(STEP_UP_AFTER_S - 0.1)
    assert steps.passed(0.1)
    assert steps.bitrate == 2_000_000
    steps.wanted = 500_000
    assert not steps.passed(STEP_DOWN_AFTER_S / 2)
    assert steps.passed(STEP_DOWN_AFTER_S / 2)
    assert steps.bitrate == 400_000
    steps.wanted = 1
    assert steps.passed(99.0)
    assert steps.bitrate == BITRATE_STEPS[0]


@given(st.lists(st.integers(0, 10_000_000), max_size=300))
def test_the_bit_rate_of_av_changes_at_most_once_a_second(wanted: list[int]) -> None:
    steps, changes = BitrateSteps(600_000), 0
    for steps.wanted in wanted:
        changes += steps.passed(0.1)
        assert steps.bitrate in BITRATE_STEPS
    assert changes <= len(wanted) / 10 / STEP_DOWN_AFTER_S + 1


def test_a_ramp_of_twenty_seconds_costs_few_key_pictures() -> None:
    steps, changes = BitrateSteps(250_000), 0
    for wanted in np.linspace(250_000, 2_400_000, 20 * 30):
        steps.wanted = int(wanted)
        changes += steps.passed(1 / 30)
    assert changes <= 5


@pytest.mark.parametrize("size", [(320, 240), (1280, 720), (64, 2_000)])
def test_the_size_of_a_key_picture_is_told(size: tuple[int, int]) -> None:
    encoder = opened(size, 500_000)
    first, second = moving(2, size)
    data = encoder.encode(first, key=True)
    assert key_picture_size(data) == size
    assert key_picture_size(data[:9]) is None
    assert key_picture_size(encoder.encode(second, key=False)) is None
    encoder.close()


def test_the_largest_size_is_told_and_its_scaling_left_out() -> None:
    assert key_picture_size(b"\x10\x00\x00\x9d\x01\x2a\xff\xff\x00\xa0") == (16_383, 8_192)


@pytest.mark.parametrize("data", [b"", b"\x10", b"\x10" * 20])
def test_what_is_no_key_picture_has_no_size(data: bytes) -> None:
    assert key_picture_size(data) is None
