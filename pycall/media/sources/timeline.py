"""Played samples by their number, with a note of which of them are there."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pycall.media.frames import Samples

CAPACITY: Final = 1 << 16
"""Samples held: 1.37 s, far more than two devices are apart; what was played stays for a while too."""


class Timeline:
    """A ring of samples addressed by timestamp.

    Writing may happen in any order within :data:`CAPACITY`; a timestamp is any integer, also a
    negative one. ``end`` is the timestamp after the newest sample.
    """

    def __init__(self) -> None:
        self._samples: Samples = np.zeros(CAPACITY, np.int16)
        self._there: NDArray[np.bool_] = np.zeros(CAPACITY, np.bool_)
        self.end = 0

    def clear(self, end: int) -> None:
        """Forget everything; the next sample is expected at ``end``."""
        self._there[:] = False
        self.end = end

    def write(self, timestamp: int, samples: Samples) -> None:
        """Put ``samples`` at ``timestamp``; only the last :data:`CAPACITY` of the line are kept."""
        stop = timestamp + len(samples)
        if stop > self.end:
            skipped = max(self.end, stop - CAPACITY)
            self._there[_slots(skipped, stop - skipped)] = False
            self.end = stop
        start = max(timestamp, self.end - CAPACITY)
        if start < stop:
            slots = _slots(start, stop - start)
            self._samples[slots] = samples[start - timestamp :]
            self._there[slots] = True

    def read(self, timestamp: int, count: int) -> tuple[Samples, NDArray[np.bool_]]:
        """``count`` samples from ``timestamp`` and which of them are there; the others are zero."""
        slots = _slots(timestamp, count)
        at = np.arange(timestamp, timestamp + count)
        there = self._there[slots] & (at < self.end) & (at >= self.end - CAPACITY)
        return np.where(there, self._samples[slots], np.int16(0)), there

    def has(self, timestamp: int, count: int) -> bool:
        """Whether all ``count`` samples from ``timestamp`` are there."""
        return bool(self.read(timestamp, count)[1].all())


def _slots(timestamp: int, count: int) -> NDArray[np.int64]:
    return np.arange(timestamp, timestamp + count) % CAPACITY
