"""A sound device's pieces, heard or played, made into blocks of 20 ms."""

from __future__ import annotations

import numpy as np

from pycall.media.feed import Feed
from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples, Sound
from pycall.media.sampleclock import SampleClock


class Blocks:
    """Publishes pieces of whatever length as blocks of 960 samples with steady times."""

    def __init__(self, feed: Feed[Sound]) -> None:
        self._feed = feed
        self._clock = SampleClock()
        self._rest: Samples = np.zeros(0, np.int16)

    def add(self, samples: Samples, begin: float) -> None:
        """``samples`` were taken, or come out, from about ``begin`` on; that may jitter."""
        start = self._clock.stamp(len(samples), begin) - len(self._rest) / SAMPLE_RATE
        line = np.concatenate((self._rest, samples))
        whole = len(line) - len(line) % BLOCK
        for at in range(0, whole, BLOCK):
            self._feed.publish(Sound(line[at : at + BLOCK], start + at / SAMPLE_RATE))
        self._rest = line[whole:]
