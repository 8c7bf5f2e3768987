"""The encoders give what the decoders take, at a bit rate that changes seldom."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pycall.client.encoders import (
    BITRATE_STEPS,
    STEP_DOWN_AFTER_S,
    STEP_UP_AFTER_S,
    VOICE_BITRATE,
    BitrateSteps,
    H264PictureEncoder,
    PictureEncoder,
    VoiceEncoder,
    Vp8PictureEncoder,
)
from pycall.media.testsignals.testcard import CardPainter
from tests.client.pair import tone

VGA = 640 * 480


KINDS = [(Vp8PictureEncoder, "vp8"), (H264PictureEncoder, "h264")]
ENCODERS = [Vp8PictureEncoder, H264PictureEncoder]


def is_key(data: bytes) -> bool:
    """RFC 6386 section 9.1, or ITU-T H.264 annex B: a sequence parameter set comes first."""
    if data.startswith(b"\0\0\0\1"):
        return data[4] & 0x1F == 7
    return data[0] & 1 == 0


def moving(count: int, size: tuple[int, int] = (320, 240)) -> list[av.VideoFrame]:
    """The test card at 30 pictures a second."""
    painter = CardPainter(*size)
    frames = [painter.paint(number, number * 33, flash=False) for number in range(count)]
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = number * 3_000, Fraction(1, 90_000)
    return frames


@pytest.mark.parametrize(("kind", "codec"), KINDS)
def test_pictures_come_back_as_they_were(kind: type[PictureEncoder], codec: str) -> None:
    encoder = kind()
    decoder: Any = av.CodecContext.create(codec, "r")
    quality = []
    for number, frame in enumerate(moving(30)):
        original: NDArray[np.float64] = frame.to_ndarray()[:240].astype(np.float64)
        data = encoder.encode(frame, key=False)
        assert is_key(data) == (number == 0)
        decoded: Any
        [decoded] = decoder.decode(av.Packet(data))
        error = np.mean((original - decoded.to_ndarray()[:240]) ** 2)
        quality.append(10 * np.log10(255**2 / max(error, 1e-9)))
    assert min(quality) > 28
    assert float(np.mean(quality)) > 32


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_key_picture_comes_when_it_is_asked_for_and_once(kind: type[PictureEncoder]) -> None:
    encoder = kind()
    keys = [is_key(encoder.encode(frame, key=number == 5)) for number, frame in enumerate(moving(10))]
    assert [number for number, key in enumerate(keys) if key] == [0, 5]


@pytest.mark.parametrize("kind", ENCODERS)
def test_pictures_marked_as_key_by_their_decoder_do_not_become_key_pictures(
    kind: type[PictureEncoder],
) -> None:
    encoder = kind()
    frames = moving(6)
    for frame in frames:
        frame.pict_type = av.video.frame.PictureType.I
    assert [is_key(encoder.encode(frame, key=False)) for frame in frames] == [True] + [False] * 5


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_change_of_size_begins_with_a_key_picture(kind: type[PictureEncoder]) -> None:
    encoder = kind()
    encoder.encode(moving(1)[0], key=False)
    assert is_key(encoder.encode(moving(1, (640, 480))[0], key=False))


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_key_picture_fits_the_sockets_it_goes_through(kind: type[PictureEncoder]) -> None:
    [frame] = moving(1, (1280, 720))
    assert len(kind().encode(frame, key=True)) < 64_000


def test_h264_is_of_the_profile_that_is_negotiated_and_follows_the_bit_rate() -> None:
    encoder, size = H264PictureEncoder(), 0
    for frame in moving(60, (640, 480)):
        size += len(data := encoder.encode(frame, key=False))
        if is_key(data):
            assert data[5] == 66  # baseline
            assert data[6] & 0x40  # and constrained
    assert size * 8 / 2 < 600_000 * 1.3


@pytest.mark.parametrize(("pixels", "first"), [(VGA, 600_000), (1280 * 720, 900_000), (320 * 240, 400_000)])
def test_the_first_bit_rate_is_sharp_and_fits_the_size(pixels: int, first: int) -> None:
    assert BitrateSteps(pixels).bitrate == first


def test_a_higher_bit_rate_has_to_wait_and_a_lower_one_hardly() -> None:
    steps = BitrateSteps(1280 * 720)
    assert not steps.aim(2_500_000, 0.0)
    assert not steps.aim(2_500_000, STEP_UP_AFTER_S - 0.1)
    assert steps.aim(2_500_000, STEP_UP_AFTER_S)
    assert steps.bitrate == 1_350_000
    assert not steps.aim(500_000, STEP_UP_AFTER_S + STEP_DOWN_AFTER_S / 2)
    assert steps.aim(500_000, STEP_UP_AFTER_S + STEP_DOWN_AFTER_S)
    assert steps.bitrate == 400_000
    assert steps.aim(1, 99.0)
    assert steps.bitrate == BITRATE_STEPS[0]


@given(st.lists(st.integers(0, 10_000_000), max_size=300))
def test_the_bit_rate_changes_at_most_once_a_second(estimates: list[int]) -> None:
    steps, changes = BitrateSteps(VGA), 0
    for at, estimate in enumerate(estimates):
        changes += steps.aim(estimate, at / 10)
        assert steps.bitrate in BITRATE_STEPS
    assert changes <= len(estimates) / 10 / STEP_DOWN_AFTER_S


def test_a_ramp_of_twenty_seconds_costs_few_key_pictures() -> None:
    steps = BitrateSteps(1280 * 720)
    estimates = np.linspace(250_000, 2_400_000, 20 * 30)
    assert sum(steps.aim(int(estimate), at / 30) for at, estimate in enumerate(estimates)) <= 5


def test_a_voice_takes_about_its_bit_rate() -> None:
    encoder = VoiceEncoder()
    size = 0
    for block in range(100):
        frame = av.AudioFrame.from_ndarray(tone(300, block).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, block * 960, Fraction(1, 48_000)
        [packet] = encoder.encode(frame)
        size += len(packet)
    assert size * 8 / 2 < VOICE_BITRATE * 1.5
