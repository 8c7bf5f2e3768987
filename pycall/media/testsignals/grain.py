"""Pictures that are as hard to encode as a camera's: the test picture under the grain of a sensor.

Encoders pass over what does not change from one picture to the next; of a camera's picture all of it does.
"""

from __future__ import annotations

from typing import Final

import av
import numpy as np

from pycall.media.testsignals.testcard import CardPainter

GRAIN: Final = 3.0
"""Standard deviation of the luma, as of a webcam in a lit room."""


def grainy_pictures(size: tuple[int, int], fps: int, count: int) -> list[av.VideoFrame]:
    """``count`` yuv420p pictures of ``size`` (width, height, even), as ``fps`` of them follow each other."""
    painter = CardPainter(*size)
    dice = np.random.default_rng(seed=1)
    width, height = size
    pictures = []
    for number in range(count):
        planes = painter.paint(number, number * 1000 // fps, flash=False).to_ndarray()
        grain = dice.normal(0.0, GRAIN, (height, width))
        planes[:height] = np.clip(planes[:height] + grain, 16, 235).astype(np.uint8)
        pictures.append(av.VideoFrame.from_ndarray(planes, format="yuv420p"))
    return pictures
