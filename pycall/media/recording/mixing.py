"""Two voices on one time line, made into one sound without gaps.

A voice is a row of blocks whose stamps jitter a little and drift slowly, because the clock of a
sound card is not that of the computer. Following every stamp would click at each block; ignoring
them would lose sync. So blocks of a voice are joined seamlessly, drift is taken up one sample per
block (0.1 % of the pitch), and only a real gap or overlap moves what follows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from statistics import median
from typing import Final

import numpy as np

from pycall.media.frames import SAMPLE_RATE, Samples, Sound

HOLD: Final = 0.4
"""Seconds the mix waits for a voice that is late before silence takes its place."""

_JUMP: Final = SAMPLE_RATE // 10
"""Samples (100 ms): one stamp that is off by more is believed at once."""

_STEP: Final = SAMPLE_RATE * 3 // 100
"""Samples (30 ms): a lasting error above it is a gap or an overlap and is corrected in one go."""

_SLEW: Final = SAMPLE_RATE // 200
"""Samples (5 ms): a lasting error above it is drift and is corrected one sample per block."""

_WINDOW: Final = 9
"""Blocks over which an error must last (their median), 180 ms."""

_CHUNK: Final = SAMPLE_RATE
"""Samples the mix gives out at once at most, so that a long gap needs no memory."""


class Voice:
    """Where on the time line the blocks of one voice belong."""

    def __init__(self) -> None:
        self.end = 0
        """The sample after the last one placed; 0 before the first."""
        self._errors: deque[int] = deque(maxlen=_WINDOW)
        self._follow = True

    def place(self, samples: Samples, stamp: int) -> tuple[int, Samples]:
        """Return where ``samples``, stamped ``stamp``, begin, and the samples to put there.

        Positions never overlap with what was placed before nor lie before 0; the samples may be one
        more or fewer than were given, or only their end when the voice had run ahead of its stamps.
        """
        position, samples = self._smooth(samples, stamp)
        overlap = max(0, self.end - position)
        samples = samples[overlap:]
        self._follow = len(samples) == 0
        if not self._follow:
            position += overlap
            self.end = position + len(samples)
        return position, samples

    def _smooth(self, samples: Samples, stamp: int) -> tuple[int, Samples]:
        error = stamp - self.end
        if self._follow or abs(error) > _JUMP:
            self._errors.clear()
            return stamp, samples
        self._errors.append(error)
        lasting = round(median(self._errors)) if len(self._errors) == _WINDOW else 0
        if abs(lasting) > _STEP:
            self._errors.clear()
            return self.end + lasting, samples
        if abs(lasting) > _SLEW:
            one = 1 if lasting > 0 else -1
            self._errors = deque((each - one for each in self._errors), maxlen=_WINDOW)
            samples = _stretched(samples, len(samples) + one)
        return self.end, samples


class Mix:
    """The sum of two voices from the time ``start`` (monotonic s) on, silence where there is none.

    Call :meth:`advance` with the newest time known and then :meth:`add`; both in one thread.
    """

    def __init__(self, start: float) -> None:
        self._start = start
        self._voices = (Voice(), Voice())
        self._settled = 0
        self._sum = np.zeros(0, np.int32)

    @property
    def settled(self) -> float:
        """The time up to which sound was given out, monotonic s."""
        return self._start + self._settled / SAMPLE_RATE

    def add(self, voice: int, sound: Sound) -> None:
        """Add a block of voice 0 or 1; what lies before :attr:`settled` is too late and left out."""
        position, samples = self._voices[voice].place(sound.samples, self._position(sound.time))
        offset = max(0, position - self._settled)
        samples = samples[max(0, self._settled - position) :]
        missing = offset + len(samples) - len(self._sum)
        if missing > 0:
            self._sum = np.concatenate((self._sum, np.zeros(missing, np.int32)))
        self._sum[offset : offset + len(samples)] += samples

    def advance(self, newest: float) -> Iterator[Samples]:
        """Give out what is complete: both voices are there, or one is late by :data:`HOLD`."""
        both = min(voice.end for voice in self._voices)
        yield from self._settle(max(both, self._position(newest - HOLD)))

    def finish(self, newest: float) -> Iterator[Samples]:
        """Give out all the rest, at least up to ``newest``."""
        yield from self._settle(max(self._settled + len(self._sum), self._position(newest)))

    def _settle(self, position: int) -> Iterator[Samples]:
        while self._settled < position:
            count = min(position - self._settled, _CHUNK)
            chunk = np.zeros(count, np.int16)
            mixed = self._sum[:count]
            chunk[: len(mixed)] = np.clip(mixed, -32768, 32767)
            self._sum = self._sum[count:]
            self._settled += count
            yield chunk

    def _position(self, time: float) -> int:
        return round((time - self._start) * SAMPLE_RATE)


def _stretched(samples: Samples, count: int) -> Samples:
    if len(samples) < 2 or count < 2:
        return samples
    where = np.linspace(0, len(samples) - 1, count)
    return np.interp(where, np.arange(len(samples)), samples).round().astype(np.int16)
