"""What every contestant sends: a scrolling texture with a burnt-in clock, and a spoken text.

The texture is noise with about the spectrum of a photograph of leaves, harder to encode than a face. It is
periodic, so that picture ``n`` is known to whoever knows ``n``, which stands in the strip: what was received
can be compared with what was sent. There is no colour in it.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples
from pycall.media.testsignals.strip import BLACK, HEIGHT, WHITE, Plane, StripWriter

FPS: Final = 30
STEP_X: Final = 3
STEP_Y: Final = 1
"""How far the texture moves from one picture to the next, in pixels."""

SEED: Final = 5
STEEPNESS: Final = 1.2
"""The amplitude of a wave is 1/f to this power; at 1.0 Chromium hardly keeps 640x480 at 500 kbit/s."""

MEAN: Final = 126
SPREAD: Final = 40
"""Of the brightness: its mean and standard deviation."""

GREY: Final = 128
BEST_DB: Final = 60.0
"""What two equal pictures get, whose PSNR is infinite."""

TEXT: Final = (
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. "
    "It is easy to tell the depth of a well. These days a chicken leg is a rare dish. "
    "Rice is often served in round bowls. The juice of lemons makes fine punch. "
    "The box was thrown beside the parked truck."
)
"""Harvard sentences (IEEE Recommended Practice for Speech Quality Measurements, 1969)."""


def texture(width: int, height: int) -> Plane:
    """The brightness of picture 0, shape ``(height, width)``; it goes on at the other side of each edge."""
    noise = np.random.default_rng(SEED).standard_normal((height, width))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    waves = np.fft.irfft2(np.fft.rfft2(noise) / frequency**STEEPNESS, s=(height, width))
    levels: Plane = np.clip(MEAN + SPREAD * waves / waves.std(), BLACK, WHITE).astype(np.uint8)
    return levels


class Scene:
    """The source of all pictures of one size."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._tiled = np.tile(texture(width, height), (2, 2))

    def luma(self, number: int) -> Plane:
        """The brightness of a picture without its strip; not to be written to."""
        x, y = number * STEP_X % self.width, number * STEP_Y % self.height
        return self._tiled[y : y + self.height, x : x + self.width]

    def psnr(self, received: Plane, number: int) -> float:
        """How near a received picture is to the one that was sent, in dB; one of another size is scaled.

        The strip is left out.
        """
        end = int(self.height * (1 - HEIGHT))
        error = scaled(received, self.width, self.height)[:end] - self.luma(number)[:end]
        power = float(np.mean(np.square(error, out=error)))
        return min(BEST_DB, 10 * float(np.log10(255**2 / power))) if power else BEST_DB


class ScenePainter:
    """Paints the scene as :class:`~pycall.media.testsignals.testcard.CardPainter` paints its card."""

    def __init__(self, width: int, height: int) -> None:
        self._scene = Scene(width, height)
        self._strip = StripWriter(width, height)
        self._image = np.full((height * 3 // 2, width), GREY, np.uint8)
        self._luma = self._image[:height]

    def paint(self, number: int, time_ms: int, *, flash: bool = False) -> av.VideoFrame:  # noqa: ARG002
        """Picture ``number``, made at ``time_ms`` of Unix time; there is nothing that flashes."""
        self._luma[:] = self._scene.luma(number)
        self._strip.draw(self._luma, number, time_ms)
        return av.VideoFrame.from_ndarray(self._image, format="yuv420p")


def scaled(picture: Plane, width: int, height: int) -> NDArray[np.floating[Any]]:
    """A picture in this size, bilinear; what is beyond the edge is as the edge."""
    if picture.shape == (height, width):
        return picture.astype(np.float32)
    rows, down = _places(picture.shape[0], height)
    columns, across = _places(picture.shape[1], width)
    lines = picture[rows] * (1 - down)[:, None] + picture[rows + 1] * down[:, None]
    whole: NDArray[np.floating[Any]] = lines[:, columns] * (1 - across) + lines[:, columns + 1] * across
    return whole


def _places(count: int, wanted: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each wanted pixel the one before it, and how far it is on the way to the next."""
    at = np.clip((np.arange(wanted) + 0.5) * count / wanted - 0.5, 0, count - 1)
    before = np.minimum(at.astype(np.intp), count - 2)
    return before, (at - before).astype(np.float32)


def spoken(text: str = TEXT) -> Samples:
    """The text as espeak-ng says it, whole blocks of 20 ms, about as long as the window of a call."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spoken.wav")
        subprocess.run(["espeak-ng", "-s", "150", "-w", path, text], check=True)
        resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        with av.open(str(path)) as file:
            frames = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
        frames += resampler.resample(None)
    samples = np.concatenate([frame.to_ndarray().ravel() for frame in frames])
    whole: Samples = np.pad(samples // 2, (0, -len(samples) % BLOCK)).astype(np.int16)
    return whole
