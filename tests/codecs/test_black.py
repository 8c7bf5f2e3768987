"""Black is black in every format, whatever was in the picture."""

from __future__ import annotations

import av
import numpy as np
import pytest

from pycall.codecs.black import black_frame, blacken


@pytest.mark.parametrize("size", [(2, 2), (322, 242), (640, 480)])
def test_a_black_frame_shows_nothing(size: tuple[int, int]) -> None:
    frame = black_frame(*size)
    assert (frame.width, frame.height, frame.format.name) == (*size, "yuv420p")
    assert frame.to_ndarray(format="rgb24").max() == 0


def test_a_picture_that_is_blackened_shows_nothing_any_more() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (363, 242), np.uint8)
    frame = av.VideoFrame.from_ndarray(noise, format="yuv420p")
    blacken(frame)
    assert set(np.unique(frame.to_ndarray()[:242])) == {16}
    assert set(np.unique(frame.to_ndarray()[242:])) == {128}
