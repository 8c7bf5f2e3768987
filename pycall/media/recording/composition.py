"""The picture that is recorded: the far one, the near one, or both side by side.

Everything stays yuv420p (ITU-T H.264 table 6-1: chroma has half the width and height), so pictures
are pasted plane by plane and never converted to RGB.
"""

from __future__ import annotations

from typing import Final, Literal

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from pycall.codecs.black import black_frame
from pycall.media.frames import Picture
from pycall.media.recording.inbox import Side

Layout = Literal["together", "remote", "local"]
"""Far picture left and near picture right, or one of them alone."""

_PATIENCE: Final = 2
"""Frame intervals the output waits for a far picture before a near one drives it."""


class Composition:
    """Makes the recorded picture; each half or the whole is ``size``, letterboxed, on black.

    Each far picture gives one output. With ``together`` a near picture gives one only when the far
    side is slow, frozen or not there, so that the near half keeps moving; otherwise it is shown
    with the next far picture.
    """

    def __init__(self, layout: Layout, size: tuple[int, int], fps: int) -> None:
        """``size`` is (width, height) of one picture in pixels; odd values are rounded down."""
        width, height = size[0] & ~1, size[1] & ~1
        shown: tuple[Side, ...] = ("remote", "local") if layout == "together" else (layout,)
        self._panes = {side: _Pane(index * width, width, height) for index, side in enumerate(shown)}
        self._driver = shown[0]
        self._patience = _PATIENCE / fps
        self._driven = float("-inf")
        self.size = (width * len(shown), height)
        """Width and height of the output."""

    def show(self, side: Side, picture: Picture) -> av.VideoFrame | None:
        """Take a picture; returns the new output when this is the moment for one."""
        pane = self._panes.get(side)
        if pane is None:
            return None
        pane.hold(picture.frame)
        if side == self._driver:
            self._driven = picture.time
        elif picture.time - self._driven < self._patience:
            return None
        return self._compose()

    def black(self) -> av.VideoFrame:
        """Return a new black frame of the output's size."""
        return black_frame(*self.size)

    def _compose(self) -> av.VideoFrame:
        output = self.black()
        planes = _planes(output)
        for pane in self._panes.values():
            pane.paste(planes)
        return output


class _Pane:
    """One picture's place in the output, and its newest picture already scaled."""

    def __init__(self, left: int, width: int, height: int) -> None:
        self._left = left
        self._width = width
        self._height = height
        self._scaler = VideoReformatter()
        self._fitted: av.VideoFrame | None = None

    def hold(self, frame: av.VideoFrame) -> None:
        scale = min(self._width / frame.width, self._height / frame.height)
        self._fitted = self._scaler.reformat(
            frame,
            width=max(2, round(frame.width * scale) & ~1),
            height=max(2, round(frame.height * scale) & ~1),
            format="yuv420p",
            threads=1,
        )

    def paste(self, planes: tuple[NDArray[np.uint8], ...]) -> None:
        if self._fitted is None:
            return
        left = self._left + ((self._width - self._fitted.width) // 2 & ~1)
        top = (self._height - self._fitted.height) // 2 & ~1
        for plane, source, half in zip(planes, _planes(self._fitted), (1, 2, 2), strict=True):
            height, width = source.shape
            plane[top // half : top // half + height, left // half : left // half + width] = source


def _planes(frame: av.VideoFrame) -> tuple[NDArray[np.uint8], ...]:
    """Y, Cb and Cr of a yuv420p frame as arrays (rows, columns) over its own memory."""
    return tuple(
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    )
