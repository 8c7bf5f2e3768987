"""The test picture: colour bars, something that moves, a running clock and a frame number.

The clock and the number are there twice: for people, and as a strip of cells for programs
(:mod:`pycall.media.testsignals.strip`). A corner flashes at the beginning of each second of wall time,
together with the beep of :mod:`pycall.media.testsignals.tones`. Everything that never changes is painted
once; a frame costs a copy of that and a few small rectangles.
"""

from __future__ import annotations

import math
import threading
import time
from itertools import pairwise
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from pycall.media.feed import Feed
from pycall.media.frames import Picture
from pycall.media.testsignals.lettering import HEIGHT, Lettering
from pycall.media.testsignals.strip import BLACK, WHITE, Plane, Region, StripWriter, luma_of
from pycall.media.testsignals.wallclock import unix_time, wall_offset
from pycall.media.worker import Worker

FLASH_S: Final = 0.1
"""How long the corner is lit after each full second, in seconds."""

_UNITS: Final = 30
_BARS_END: Final = 17
_WAVE_END: Final = 20
_PANEL_END: Final = 28
_FLASH: Final = 4
_BALL: Final = 3
"""The layout, in thirtieths of the picture's height."""

_PAPER: Final = 28
_GREY: Final = 128
_BARS: Final = ((1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0))
_TURN_MS: Final = 4000
"""Milliseconds in which the ball crosses the picture and comes back, and the wave travels once through it."""


class CardPainter:
    """Paints the test picture at one even size."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._unit = height / _UNITS
        self._image = np.full((height * 3 // 2, width), _GREY, np.uint8)
        """The three planes of yuv420p in a row, as :meth:`av.VideoFrame.from_ndarray` takes them."""
        self._luma = self._image[:height]
        self._chroma = self._image[height:].reshape(2, height // 2, width // 2)
        self._paint_bars()
        self._paint_circle()
        self._luma[self._y(_WAVE_END) : self._y(_PANEL_END)] = _PAPER
        self._wave = self._make_wave()
        self._ball = _Ball(2 * (min(self._y(_BALL), width) // 2), self._image, height)
        self._flash = (slice(0, self._y(_FLASH)), slice(width - self._y(_FLASH), width))
        self._chroma[:, : self._y(_FLASH) // 2, (width - self._y(_FLASH)) // 2 :] = _GREY
        self._strip = StripWriter(width, height)
        self._large = Lettering(max(1, min(width // 84, self._y(5) // HEIGHT)), WHITE, _PAPER)
        self._small = Lettering(max(1, min(width // 160, self._y(2) // HEIGHT)), 180, _PAPER)
        self._small.draw(self._luma, self._margin, self._small_y, "PYCALL")

    def paint(self, number: int, time_ms: int, *, flash: bool) -> av.VideoFrame:
        """Picture ``number`` at ``time_ms`` milliseconds of Unix time, as a new yuv420p frame of its own."""
        turn = time_ms % _TURN_MS / _TURN_MS
        self._luma[self._y(_BARS_END) : self._y(_WAVE_END)] = self._wave_at(turn)
        self._luma[self._flash] = WHITE if flash else BLACK
        clock = _clock(time_ms)
        self._large.draw(self._luma, (self._width - self._large.width(clock)) // 2, self._clock_y, clock)
        label = f"FRAME {number:07d}"
        left = self._width - self._margin - self._small.width(label)
        self._small.draw(self._luma, left, self._small_y, label)
        self._strip.draw(self._luma, number, time_ms)
        phase = 2 * math.pi * turn
        room_x, room_y = self._width - self._ball.size, self._y(_BARS_END) - self._ball.size
        with self._ball.at(room_x * (1 - math.cos(phase)) / 2, room_y * (2 + math.sin(2 * phase)) / 4):
            return av.VideoFrame.from_ndarray(self._image, format="yuv420p")

    @property
    def _margin(self) -> int:
        return self._y(1)

    @property
    def _clock_y(self) -> int:
        return self._y(_WAVE_END + 0.6)

    @property
    def _small_y(self) -> int:
        return self._y(_PANEL_END - 0.4) - HEIGHT * self._small.scale

    def _y(self, units: float) -> int:
        return int(units * self._unit)

    def _paint_bars(self) -> None:
        bottom = self._y(_BARS_END) // 2 * 2
        edges = [2 * round(self._width / 2 * i / len(_BARS)) for i in range(len(_BARS) + 1)]
        for (left, right), colour in zip(pairwise(edges), _BARS, strict=True):
            luma, *chroma = _bt601(*(0.75 * part for part in colour))
            self._luma[:bottom, left:right] = luma
            for plane, level in zip(self._chroma, chroma, strict=True):
                plane[: bottom // 2, left // 2 : right // 2] = level

    def _paint_circle(self) -> None:
        bottom, radius = self._y(_BARS_END), 0.46 * self._y(_BARS_END)
        y, x = np.ogrid[:bottom, : self._width]
        distance = np.hypot(x - self._width / 2 + 0.5, y - bottom / 2 + 0.5)
        self._luma[:bottom][abs(distance - radius) < max(1.0, self._unit / 8)] = WHITE

    def _make_wave(self) -> Plane:
        """A sweep of ever finer waves, twice, so that any window of the picture's width is a slice."""
        x = np.arange(self._width) / self._width
        sweep = np.sin(2 * math.pi * (4 * x + 12 * x * x))
        return np.tile(126 + 90 * sweep, 2).astype(np.uint8)

    def _wave_at(self, turn: float) -> Plane:
        start = int(turn * self._width)
        return self._wave[start : start + self._width]


class _Ball:
    """A white disc that is laid over the picture while a frame is copied from it."""

    def __init__(self, size: int, image: NDArray[np.uint8], height: int) -> None:
        self.size = size
        width = image.shape[1]
        self._planes = (image[:height], *image[height:].reshape(2, height // 2, width // 2))
        y, x = np.ogrid[:size, :size]
        distance = np.hypot(x - size / 2 + 0.5, y - size / 2 + 0.5) / (size / 2 or 1)
        luma = np.where(distance < 0.8, WHITE, BLACK).astype(np.uint8)
        grey = np.full((size // 2, size // 2), _GREY, np.uint8)
        self._tiles = (luma, grey, grey)
        self._masks = (distance < 1, *2 * ((distance < 1)[::2, ::2],))
        self._under: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []

    def at(self, x: float, y: float) -> _Ball:
        """Place it with its upper left corner near ``x``, ``y``; leaving the context takes it away."""
        half_x, half_y = int(x) // 2, int(y) // 2
        corners = ((2 * half_y, 2 * half_x), (half_y, half_x), (half_y, half_x))
        layers = zip(self._planes, self._tiles, self._masks, corners, strict=True)
        for plane, tile, mask, (top, left) in layers:
            target = plane[top : top + tile.shape[0], left : left + tile.shape[1]]
            self._under.append((target, target.copy()))
            np.copyto(target, tile, where=mask)
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        for target, before in self._under:
            target[:] = before
        self._under.clear()


class CardSource:
    """The test picture as a camera: ``fps`` pictures a second, on the grid of wall time."""

    def __init__(self, size: tuple[int, int], fps: int) -> None:
        self.feed: Feed[Picture] = Feed()
        self.label = "test picture"
        self._fps = fps
        self._painter = CardPainter(*size)
        self._worker = Worker("testcard", self._run)

    def start(self, _cancelled: threading.Event | None = None, /) -> None:
        """Begin to publish."""
        self._worker.start()

    def close(self) -> None:
        """Stop and close the feed; returns within a second."""
        self._worker.close()
        self.feed.close()

    def _run(self, stop: threading.Event) -> None:
        to_wall = wall_offset()
        tick = math.ceil((time.monotonic() + to_wall) * self._fps)
        first = tick
        while not stop.wait(max(0.0, tick / self._fps - to_wall - time.monotonic())):
            now = time.monotonic()
            flash = tick / self._fps % 1 < FLASH_S
            frame = self._painter.paint(tick - first, int(unix_time() * 1000), flash=flash)
            self.feed.publish(Picture(frame, now))
            tick = max(tick + 1, math.ceil((now + to_wall) * self._fps))


def is_flashing(picture: Plane | av.VideoFrame, region: Region | None = None) -> bool:
    """Whether a test picture's corner is lit; ``region`` as for :func:`.strip.read_strip`."""
    luma = luma_of(picture)
    x, y, width, height = region or (0.0, 0.0, float(luma.shape[1]), float(luma.shape[0]))
    side = height * _FLASH / _UNITS
    top, left = int(y + side / 4), int(x + width - 3 * side / 4)
    return bool(luma[top : top + int(side / 2), left : left + int(side / 2)].mean() > (BLACK + WHITE) / 2)


def _clock(time_ms: int) -> str:
    seconds, milliseconds = divmod(time_ms, 1000)
    return time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{milliseconds:03d}"


def _bt601(red: float, green: float, blue: float) -> tuple[int, int, int]:
    """Parts of 0 to 1 as limited-range Y, Cb, Cr (ITU-R BT.601)."""
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    levels = (16 + 219 * luma, 128 + 224 * (blue - luma) / 1.772, 128 + 224 * (red - luma) / 1.402)
    return (round(levels[0]), round(levels[1]), round(levels[2]))
