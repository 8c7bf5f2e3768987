"""The time of samples that are counted: a count is steady, the moments at which blocks come are not."""

from __future__ import annotations

from typing import Final

from pycall.media.frames import SAMPLE_RATE

PAUSE_S: Final = 0.1
"""A block this far off its time follows a pause."""

STEP_S: Final = 0.004
"""When blocks are this much off on average, the device was late once and stays so."""

QUICK: Final = 16
"""Blocks over which that average is taken."""

SLOW: Final = 200
"""Blocks over which a device's own rate is learned: four seconds."""


class SampleClock:
    """Learns where on :func:`time.monotonic` the samples of a device lie.

    It follows the device's own rate, which is off by some 0.01 %, and averages out the jitter of the
    thread that hands over the blocks.
    """

    def __init__(self) -> None:
        self.count = 0
        """Samples seen, including those of pauses."""
        self.origin: float | None = None
        """The time of sample number 0, were the device exact since then; ``None`` before any block."""
        self._blocks = 0  # since the clock was set
        self._off = 0.0  # how far the last blocks were off, on average

    def stamp(self, samples: int, time: float) -> float:
        """Count a block of ``samples`` said to begin at ``time``; returns when it really begins."""
        if self.origin is None:
            self.origin = time
        error = time - (self.origin + self.count / SAMPLE_RATE)
        if abs(error) > PAUSE_S:
            self.count += max(0, round(error * SAMPLE_RATE))
            self.origin += min(0.0, error)
            self._blocks, self._off, error = 0, 0.0, 0.0
        self._blocks += 1
        self._off += (error - self._off) / min(QUICK, self._blocks)
        if self._blocks >= QUICK and abs(self._off) > STEP_S:
            self._blocks, self._off = 1, 0.0
        self.origin += error / min(SLOW, self._blocks)
        start = self.origin + self.count / SAMPLE_RATE
        self.count += samples
        return start
