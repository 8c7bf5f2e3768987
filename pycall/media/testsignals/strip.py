"""A frame number and a time of day drawn into a picture so that a program can read them back.

The strip is the lowest fifteenth of the picture: two rows of forty cells, black or white. They carry, most
significant bit first, 22 bits of frame number, 42 bits of Unix time in milliseconds and a CRC-16
of both. A cell of a 640x480 picture is 16x16 pixels, one macroblock of VP8, so the strip outlives low bit
rates and scaling; the checksum tells a damaged strip from a right one.
"""

from __future__ import annotations

import binascii
from itertools import pairwise
from typing import Final, TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.uint8]
"""Brightness, shape ``(height, width)``."""

Region: TypeAlias = tuple[float, float, float, float]
"""Where a picture lies inside another: x, y, width, height in pixels."""

BLACK: Final = 16
WHITE: Final = 235
"""Black and white of limited-range video (ITU-R BT.601)."""

ROWS: Final = 2
COLUMNS: Final = 40
HEIGHT: Final = 1 / 15
"""The strip's share of the picture's height."""

_NUMBER_BITS: Final = 22
_TIME_BITS: Final = 42
_BYTES: Final = (_NUMBER_BITS + _TIME_BITS) // 8
_CONTRAST: Final = 40
_PROBES: Final = np.array([0.3, 0.4, 0.5, 0.6, 0.7])


class StripWriter:
    """Draws the strip into pictures of one size."""

    def __init__(self, width: int, height: int) -> None:
        edges = np.round(height * (1 - HEIGHT + HEIGHT / ROWS * np.arange(ROWS + 1))).astype(int)
        self._rows = [slice(top, bottom) for top, bottom in pairwise(edges)]
        self._column_of_x = np.arange(width) * COLUMNS // width

    def draw(self, luma: Plane, number: int, time_ms: int) -> None:
        """Write ``number`` and ``time_ms`` into the brightness plane; both wrap at their size."""
        levels = np.where(_encode(number, time_ms), WHITE, BLACK).astype(np.uint8)
        for row, cells in zip(self._rows, levels.reshape(ROWS, COLUMNS), strict=True):
            luma[row] = cells[self._column_of_x]


def read_strip(picture: Plane | av.VideoFrame, region: Region | None = None) -> tuple[int, int] | None:
    """Read back ``(number, time_ms)``, or ``None`` where no undamaged strip is.

    ``region`` is where the test picture lies inside ``picture``; without it, it fills it.
    """
    luma = luma_of(picture)
    x, y, width, height = region or (0.0, 0.0, float(luma.shape[1]), float(luma.shape[0]))
    rows = y + height * (1 - HEIGHT + HEIGHT / ROWS * (np.arange(ROWS)[:, None] + _PROBES))
    columns = x + width / COLUMNS * (np.arange(COLUMNS)[:, None] + _PROBES)
    at_rows, at_columns = rows.astype(int), columns.astype(int)
    if at_rows.min() < 0 or at_columns.min() < 0:
        return None
    if at_rows.max() >= luma.shape[0] or at_columns.max() >= luma.shape[1]:
        return None
    cells = luma[at_rows[:, :, None, None], at_columns[None, None]].mean(axis=(1, 3)).ravel()
    darkest, brightest = float(cells.min()), float(cells.max())
    if brightest - darkest < _CONTRAST:
        return None
    return _decode(cells > (darkest + brightest) / 2)


def luma_of(picture: Plane | av.VideoFrame) -> Plane:
    """The brightness plane of a picture, without a copy where its format has one."""
    if not isinstance(picture, av.VideoFrame):
        return picture
    if not picture.format.name.startswith(("yuv", "gray8", "nv12")):
        return picture.to_ndarray(format="gray").astype(np.uint8, copy=False)
    plane = picture.planes[0]
    rows: Plane = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: picture.height, : picture.width]


def _encode(number: int, time_ms: int) -> NDArray[np.uint8]:
    payload = (number % (1 << _NUMBER_BITS)) << _TIME_BITS | time_ms % (1 << _TIME_BITS)
    data = payload.to_bytes(_BYTES, "big")
    data += binascii.crc_hqx(data, 0xFFFF).to_bytes(2, "big")
    return np.unpackbits(np.frombuffer(data, np.uint8))


def _decode(bits: NDArray[np.bool_]) -> tuple[int, int] | None:
    data = np.packbits(bits).tobytes()
    if binascii.crc_hqx(data[:_BYTES], 0xFFFF) != int.from_bytes(data[_BYTES:], "big"):
        return None
    payload = int.from_bytes(data[:_BYTES], "big")
    return payload >> _TIME_BITS, payload & ((1 << _TIME_BITS) - 1)
