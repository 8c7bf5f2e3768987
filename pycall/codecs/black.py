"""Pictures that show nothing."""

from __future__ import annotations

from typing import Final

import av
import numpy as np

_LEVELS: Final = (16, 128, 128)
"""Y, Cb and Cr of black in video range (ITU-R BT.601)."""


def black_frame(width: int, height: int) -> av.VideoFrame:
    """A black yuv420p frame of even size."""
    frame = av.VideoFrame(width, height, "yuv420p")
    blacken(frame)
    return frame


def blacken(frame: av.VideoFrame) -> None:
    """Make a yuv420p frame black."""
    for plane, level in zip(frame.planes, _LEVELS, strict=True):
        np.frombuffer(memoryview(plane), np.uint8).fill(level)
