"""The test sound: a melody in step with wall time, and a beep at the beginning of each second.

The melody changes its note every half second and repeats after eight seconds; what sounds at a moment
depends only on the time of day, so two ends and their recordings can be compared. The beep begins
together with the flash of :mod:`pycall.media.testsignals.testcard`: the pair is a measure of lip sync.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pycall.media.feed import Feed
from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples, Sound
from pycall.media.testsignals.wallclock import wall_offset
from pycall.media.worker import Worker

NOTES_HZ: Final = (
    261.63, 329.63, 392.00, 440.00, 523.25, 440.00, 392.00, 329.63,
    293.66, 392.00, 440.00, 587.33, 659.26, 523.25, 392.00, 293.66,
)  # fmt: skip
"""The melody, C major pentatonic, one note each :data:`NOTE_S`."""

NOTE_S: Final = 0.5
BEEP_HZ: Final = 2000.0
BEEP_S: Final = 0.04

_LEVEL: Final = 10 ** (-18 / 20) * 32767
"""Peak of the melody: a sine of -18 dBFS, the alignment level of EBU R 68."""
_EDGE_S: Final = 0.01
_DECAY_S: Final = 0.25


def melody() -> Samples:
    """One round of the test sound, 8 s; sample 0 belongs to every Unix time divisible by 8 s."""
    notes = np.concatenate([_note(hertz) for hertz in NOTES_HZ])
    beep = _tone(BEEP_HZ, BEEP_S) * _fade(round(BEEP_S * SAMPLE_RATE), edge_s=0.002)
    for start in range(0, len(notes), SAMPLE_RATE):
        notes[start : start + len(beep)] += 2 * beep
    return (notes * _LEVEL).astype(np.int16)


def sound_at(melody_round: Samples, index: int, count: int) -> Samples:
    """``count`` samples from sample number ``index`` since the Unix epoch on, out of :func:`melody`."""
    start = index % len(melody_round)
    block = melody_round[start : start + count]
    if len(block) < count:
        block = np.concatenate([block, melody_round[: count - len(block)]])
    return block


class ToneSource:
    """The test sound as a microphone: blocks of 20 ms, on the grid of wall time."""

    is_microphone = False

    def __init__(self) -> None:
        self.feed: Feed[Sound] = Feed()
        self.label = "test tones"
        self._melody = melody()
        self._worker = Worker("tones", self._run)

    def start(self, _cancelled: threading.Event | None = None, /) -> None:
        """Begin to publish."""
        self._worker.start()

    def close(self) -> None:
        """Stop and close the feed; returns within a second."""
        self._worker.close()
        self.feed.close()

    def _run(self, stop: threading.Event) -> None:
        to_wall = wall_offset()
        block = math.ceil((time.monotonic() + to_wall) * SAMPLE_RATE / BLOCK)
        while True:
            begin = block * BLOCK / SAMPLE_RATE - to_wall
            end = begin + BLOCK / SAMPLE_RATE
            if stop.wait(max(0.0, end - time.monotonic())):  # as from a sound card: when its end is there
                return
            self.feed.publish(Sound(sound_at(self._melody, block * BLOCK, BLOCK), begin))
            block += 1


def _note(hertz: float) -> NDArray[np.float64]:
    count = round(NOTE_S * SAMPLE_RATE)
    decay = np.exp(-np.arange(count) / SAMPLE_RATE / _DECAY_S)
    return _tone(hertz, NOTE_S) * decay * _fade(count, edge_s=_EDGE_S)


def _tone(hertz: float, seconds: float) -> NDArray[np.float64]:
    return np.sin(2 * math.pi * hertz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def _fade(count: int, *, edge_s: float) -> NDArray[np.float64]:
    """Up and down again within ``edge_s``, so that nothing clicks."""
    distance = np.minimum(np.arange(count), np.arange(count)[::-1]) / SAMPLE_RATE
    return np.clip(distance / edge_s, 0.0, 1.0)
