"""Any picture made into one of ours: one size, yuv420p, in proportion, with black around it."""

from __future__ import annotations

from typing import Final

import av
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

_QUARTER: Final = 90


class Letterbox:
    """Fits pictures of any size and format into one even size.

    The result is always limited-range BT.601, as senders and displays take it for granted, and
    carries no picture type: an encoder would make each frame that says I a keyframe.
    """

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._reformatter = VideoReformatter()
        self._canvas = np.full((height * 3 // 2, width), 128, np.uint8)
        self._canvas[:height] = 16
        self._inside: tuple[int, int] | None = None

    def fit(self, frame: av.VideoFrame, pixel_aspect: float = 1.0) -> av.VideoFrame:
        """``frame`` as one of this size; ``pixel_aspect`` is the width of its pixels by their height."""
        turns = frame.rotation // _QUARTER % 4
        shown = (frame.width * pixel_aspect, frame.height)
        width, height = _fitted(shown[::-1] if turns % 2 else shown, self._size)
        scaled = self._scaled(frame, *((height, width) if turns % 2 else (width, height)))
        if turns or (width, height) != self._size:
            scaled = self._placed(scaled, turns)
        scaled.pict_type = PictureType.NONE
        return scaled

    def _scaled(self, frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
        return self._reformatter.reformat(
            frame,
            width,
            height,
            "yuv420p",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )

    def _placed(self, frame: av.VideoFrame, turns: int) -> av.VideoFrame:
        """``frame`` turned by ``turns`` quarters counter-clockwise in the middle of the canvas."""
        image = frame.to_ndarray().astype(np.uint8, copy=False)
        planes = [np.rot90(plane, turns) for plane in _planes(image, frame.width, frame.height)]
        inside = (planes[0].shape[0], planes[0].shape[1])
        if inside != self._inside:  # a picture of another shape leaves no edge of the one before
            self._inside = inside
            luma, *chroma = self._canvas_planes()
            luma[:] = 16
            for plane in chroma:
                plane[:] = 128
        for target, plane in zip(self._canvas_planes(), planes, strict=True):
            top = (target.shape[0] - plane.shape[0]) // 2
            left = (target.shape[1] - plane.shape[1]) // 2
            target[top : top + plane.shape[0], left : left + plane.shape[1]] = plane
        return av.VideoFrame.from_ndarray(self._canvas, format="yuv420p")

    def _canvas_planes(self) -> list[NDArray[np.uint8]]:
        return _planes(self._canvas, *self._size)


def _fitted(shown: tuple[float, float], into: tuple[int, int]) -> tuple[int, int]:
    """The largest even size with the proportions of ``shown`` that fits."""
    scale = min(into[0] / shown[0], into[1] / shown[1])
    width, height = (max(2, 2 * round(side * scale / 2)) for side in shown)
    return min(width, into[0]), min(height, into[1])


def _planes(image: NDArray[np.uint8], width: int, height: int) -> list[NDArray[np.uint8]]:
    chroma = image[height:].reshape(2, height // 2, width // 2)
    return [image[:height], chroma[0], chroma[1]]
