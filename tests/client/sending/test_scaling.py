"""A picture is made smaller and stays the picture it was."""

from __future__ import annotations

import av
import numpy as np
import pytest

from pycall.client.sending.scaling import Scaler


def painted(level: int) -> av.VideoFrame:
    """640x480 pixels: the left half of the brightness ``level``, the right half dark."""
    planes = np.full((720, 640), 128, np.uint8)
    planes[:480, :320], planes[:480, 320:] = level, 30
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


@pytest.mark.parametrize("size", [(480, 360), (320, 240), (640, 480)])
def test_a_smaller_picture_shows_the_same(size: tuple[int, int]) -> None:
    frame = painted(200)
    frame.pts = 7
    smaller = Scaler().scale(frame, *size)
    assert (smaller.width, smaller.height, smaller.format.name, smaller.pts) == (*size, "yuv420p", 7)
    luma = smaller.to_ndarray()[: size[1]]
    left, right = luma[:, : size[0] // 2].mean(), luma[:, size[0] // 2 :].mean()
    assert (left, right) == pytest.approx((200, 30), abs=2)


def test_a_picture_of_that_size_is_not_copied() -> None:
    frame = painted(200)
    assert Scaler().scale(frame, 640, 480) is frame


def test_a_picture_of_another_kind_comes_out_as_encoders_take_it() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((480, 640, 3), 255, np.uint8), format="rgb24")
    scaled = Scaler().scale(frame, 320, 240)
    assert scaled.format.name == "yuv420p"
    assert abs(int(scaled.to_ndarray()[10, 10]) - 235) <= 1


def test_one_scaler_serves_one_size_after_another() -> None:
    scaler = Scaler()
    for width, height in [(640, 480), (480, 360), (320, 240), (480, 360)]:
        assert scaler.scale(painted(90), width, height).width == width
