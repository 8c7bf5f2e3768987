"""How far flash and beep of the test sources are apart in a recording of what they became."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pycall.media.frames import SAMPLE_RATE
from pycall.media.testsignals.testcard import is_flashing
from pycall.media.testsignals.tones import BEEP_HZ, BEEP_S
from tests.media.recording.footage import read_back

WITHIN_S = 0.060
"""The most anybody is to see."""

SETTLED_S = 4.0
"""Until then clocks are compared, and sound is stretched or shortened by little at a time."""


def offsets(path: Path, settled_s: float = SETTLED_S) -> list[float]:
    """Of each second after ``settled_s``: how much later the beep is than the flash, in seconds."""
    footage = read_back(path)
    flashing = np.array([is_flashing(luma) for _, luma in footage.pictures])
    times = np.array([at for at, _ in footage.pictures])
    flashes = times[1:][flashing[1:] & ~flashing[:-1]]
    beeps = beginnings(footage.sound.astype(np.float64))
    pairs = [(flash, beeps[np.argmin(np.abs(beeps - flash))]) for flash in flashes if flash > settled_s]
    return [float(beep - flash) for flash, beep in pairs if abs(beep - flash) < 0.5]


def share_within(found: list[float]) -> float:
    """The share of seconds in which flash and beep were together; a busy machine is late now and then."""
    return sum(abs(each) <= WITHIN_S for each in found) / max(1, len(found))


def beginnings(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """When beeps begin: where the share of their pitch in 5 ms comes up to half of what it is in one."""
    window = int(0.005 * SAMPLE_RATE)
    turning = sound * np.exp(-2j * np.pi * BEEP_HZ * np.arange(len(sound)) / SAMPLE_RATE)
    total = np.concatenate(([0], np.cumsum(turning)))
    strength = np.abs(total[window:] - total[:-window])
    loud = strength > np.quantile(strength, 1 - BEEP_S / 4) / 2
    rises = np.flatnonzero(loud[1:] & ~loud[:-1]) + window / 2
    if not len(rises):
        return np.zeros(0)
    first = np.concatenate(([True], np.diff(rises) > 0.5 * SAMPLE_RATE))
    return np.asarray(rises[first] / SAMPLE_RATE)
