"""The time of samples that are counted: a count is steady, the moments at which blocks come are not."""

from __future__ import annotations

from typing import Final

from pycall.media.frames import SAMPLE_RATE

RESTART_S: Final = 0.1
"""A block this far off its time follows a pause, or another device's samples."""

SMOOTHING: Final = 0.005
"""Weight of one block's time, once there were some: with blocks of 20 ms a memory of four seconds."""


class SampleClock:
    """Learns where on :func:`time.monotonic` the samples of a device lie.

    It follows the device's own rate, which is off by some 0.01 %, and averages out the jitter of the
    thread that hands over the blocks.
    """

    def __init__(self) -> None:
        self.count = 0
        """Samples seen, including those of pauses."""
        self._origin: float | None = None  # the time of sample 0
        self._blocks = 0  # since the clock was set

    @property
    def origin(self) -> float | None:
        """The time of sample number 0, were the count and the time in step; ``None`` before any block."""
        return self._origin

    def stamp(self, samples: int, time: float) -> float:
        """Count a block of ``samples`` said to begin at ``time``; returns when it really begins."""
        if self._origin is None:
            self._origin = time
        self._blocks += 1
        expected = self._origin + self.count / SAMPLE_RATE
        error = time - expected
        if abs(error) > RESTART_S:
            self._blocks = 1
            if error > 0:
                self.count += round(error * SAMPLE_RATE)
            else:
                self._origin += error
        else:
            self._origin += error * max(SMOOTHING, 1 / self._blocks)
        start = self._origin + self.count / SAMPLE_RATE
        self.count += samples
        return start
