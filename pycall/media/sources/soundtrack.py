"""The sound of a file as one line without holes: mono, 48 kHz, in blocks of 960."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import av
import numpy as np

from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples

TOLERANCE_S: Final = 0.04
"""Sound this little off its time is taken as following on: the times of files are rounded."""


LONGEST_HOLE_S: Final = 10.0
"""Over more than this the times have jumped; the sound goes on at its new time."""


class Soundtrack:
    """Downmixes, resamples and cuts; what is missing becomes silence, what comes twice is dropped."""

    def __init__(self) -> None:
        self._resampler = _resampler()
        self._format: tuple[str, str, int] | None = None
        self._rest: Samples = np.zeros(0, np.int16)
        self._blocks = 0

    @property
    def end_s(self) -> float:
        """Up to where the sound reaches, in seconds from the beginning."""
        return self._count / SAMPLE_RATE

    def add(self, at: float, frame: av.AudioFrame) -> Iterator[tuple[float, Samples]]:
        """The blocks that are complete with ``frame``, which begins at ``at`` seconds; each with its time."""
        samples = self._resampled(frame)
        if not len(samples):
            return
        gap = round(at * SAMPLE_RATE) - self._count
        if abs(gap) > LONGEST_HOLE_S * SAMPLE_RATE:
            self._blocks, self._rest = round(at * SAMPLE_RATE / BLOCK), self._rest[:0]
        elif gap > TOLERANCE_S * SAMPLE_RATE:
            yield from self.fill(at)
        elif gap < -TOLERANCE_S * SAMPLE_RATE:
            samples = samples[-gap:]
        yield from self._append(samples)

    def fill(self, until: float) -> Iterator[tuple[float, Samples]]:
        """Silence where nothing was added before ``until`` seconds: the blocks that are complete with it."""
        missing = round(until * SAMPLE_RATE) - self._count
        if 0 < missing <= LONGEST_HOLE_S * SAMPLE_RATE:
            yield from self._append(np.zeros(missing, np.int16))

    def _resampled(self, frame: av.AudioFrame) -> Samples:
        """``frame`` as mono of 48 kHz; a resampler knows one format, and a stream may change its own."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        made: list[av.AudioFrame] = []
        if form != self._format:
            if self._format is not None:
                made += self._resampler.resample(None)
                self._resampler = _resampler()
            self._format = form
        made += self._resampler.resample(frame)
        pieces = [each.to_ndarray().astype(np.int16, copy=False).ravel() for each in made]
        return np.concatenate([self._rest[:0], *pieces])

    @property
    def _count(self) -> int:
        return self._blocks * BLOCK + len(self._rest)

    def _append(self, samples: Samples) -> Iterator[tuple[float, Samples]]:
        line = np.concatenate((self._rest, samples))
        whole = len(line) // BLOCK * BLOCK
        self._rest = line[whole:]
        for start in range(0, whole, BLOCK):
            at = self._blocks * BLOCK / SAMPLE_RATE
            self._blocks += 1
            yield at, line[start : start + BLOCK]


def _resampler() -> av.AudioResampler:
    return av.AudioResampler("s16", "mono", SAMPLE_RATE)
