from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from pycall.codecs.pictures import open_picture_encoder
from pycall.media.testsignals.strip import luma_of, read_strip
from pycall.media.testsignals.testcard import CardPainter

TIME_MS = 1_800_000_123_456


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080), (320, 240), (160, 120), (180, 320)])
def test_number_and_time_are_read_back_at_every_size(size: tuple[int, int]) -> None:
    painter = CardPainter(*size)
    for number in (0, 1, 99_999, (1 << 22) - 1):
        assert read_strip(painter.paint(number, TIME_MS + number, flash=False)) == (number, TIME_MS + number)


def test_the_strip_is_found_inside_another_picture() -> None:
    card = CardPainter(640, 360).paint(7, TIME_MS, flash=False)
    both = np.full((480, 1280), 128, np.uint8)
    both[60:420, 640:] = luma_of(card)
    assert read_strip(both) is None
    assert read_strip(both, (640, 60, 640, 360)) == (7, TIME_MS)
    assert read_strip(both, (1000, 60, 640, 360)) is None


def test_scaling_and_colour_formats_do_no_harm() -> None:
    card = CardPainter(1280, 720).paint(7, TIME_MS, flash=False)
    for width, height in ((640, 360), (426, 240), (1920, 1080)):
        assert read_strip(card.reformat(width, height)) == (7, TIME_MS)
    for name in ("rgb24", "bgr24", "nv12", "yuvj420p", "yuyv422"):
        assert read_strip(card.reformat(format=name)) == (7, TIME_MS)


def test_vp8_at_its_lowest_bit_rate_leaves_it_readable() -> None:
    frames = [CardPainter(640, 480).paint(number, TIME_MS + 33 * number, flash=False) for number in range(60)]
    assert [read_strip(frame) for frame in _through_vp8(frames, 250_000)] == [
        (number, TIME_MS + 33 * number) for number in range(60)
    ]


def test_damage_is_noticed() -> None:
    luma = luma_of(CardPainter(640, 480).paint(7, TIME_MS, flash=False)).copy()
    luma[448:464, 96:112] = 251 - luma[448:464, 96:112]
    assert read_strip(luma) is None


def test_other_pictures_have_no_strip() -> None:
    random = np.random.default_rng(1)
    for _ in range(50):
        assert read_strip(random.integers(0, 255, (240, 320), np.uint8)) is None
    assert read_strip(np.zeros((240, 320), np.uint8)) is None
    assert read_strip(np.zeros((1, 1), np.uint8)) is None


def _through_vp8(frames: list[av.VideoFrame], bit_rate: int) -> list[av.VideoFrame]:
    encoder = open_picture_encoder("VP8", frames[0].width, frames[0].height, bit_rate, 30)
    decoder = av.CodecContext.create("vp8", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoded = []
    for frame in frames:
        decoded += decoder.decode(av.Packet(encoder.encode(frame, key=False)))
    encoder.close()
    return decoded
