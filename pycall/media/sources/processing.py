"""What is done to the microphone's sound before it is sent: no echo, less noise, an even level.

WebRTC's own audio processing (AEC3, noise suppression, AGC2) in the wheel ``pywebrtc-audio``. It must be
told what the speaker plays at the moment the microphone hears it; here the two streams, which come
from different devices and threads, are brought side by side.
"""

from __future__ import annotations

import threading
from typing import Final

import numpy as np
from pywebrtc_audio import AudioProcessor

from pycall.media.frames import SAMPLE_RATE, Samples, Sound
from pycall.media.sampleclock import SampleClock
from pycall.media.sources.timeline import Timeline

LEAD: Final = 960
"""Samples, 20 ms: the far sound is shown to the canceller this much early, as an echo can be cancelled
only from what was before it, and the two devices' notions of the time may be off by some milliseconds."""

JUMP: Final = 240
SLACK: Final = 96
"""Samples, 5 ms and 2 ms. An alignment that is off by more than the first is set anew, and the canceller
learns again; between the two it is moved by one sample each block, which a drift of the sound cards against
each other calls for and the canceller does not notice."""

NOISE_LEVEL: Final = 1
"""Noise suppression by up to 12 dB; stronger levels take away from speech and no more echo."""

TRIM_DB: Final = -6.0
"""AGC2 behind the canceller brings a voice to -12 dBFS, where its limiter is heard; this makes it -18."""

MAX_GAIN_DB: Final = 12.0
"""How much a quiet voice is raised at most."""

FLOOR_DBFS: Final = -65.0
"""Sound below this is not a voice and is not raised."""

ECHO_DB: Final = 10.0
"""A block the canceller took this much from was mostly echo and is not raised."""

CLOSING: Final = 0.1
"""How quickly the gain is taken back when the voice pauses: share of it each block of 20 ms."""


class VoiceProcessing:
    """Between one microphone and one speaker. :meth:`far` and :meth:`near` may come from two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line = Timeline()
        self._far_clock = SampleClock()
        self._near_clock = SampleClock()
        self._shift: int | None = None  # far sample number minus near sample number, at one moment
        self._voice = AudioProcessor(
            SAMPLE_RATE,
            1,
            echo_cancellation=True,
            noise_suppression=True,
            high_pass_filter=True,
            ns_level=NOISE_LEVEL,
            auto_gain_control=True,
            agc_gain_db=TRIM_DB,
            agc_max_gain_db=MAX_GAIN_DB - TRIM_DB,
        )
        self._level = _Level()

    def far(self, sound: Sound) -> None:
        """Take what the speaker plays; ``sound.time`` is when it comes out."""
        with self._lock:
            self._far_clock.stamp(len(sound.samples), sound.time)
            self._line.write(self._far_clock.count - len(sound.samples), sound.samples)

    def near(self, sound: Sound) -> Sound:
        """What the microphone heard, cleaned; of the same length and time. One thread only."""
        with self._lock:
            heard = self._far_at(len(sound.samples), sound.time)
        clean = self._voice.process(sound.samples, heard)
        return Sound(self._level.even(sound.samples, clean, self._voice.gain_db), sound.time)

    def _far_at(self, count: int, time: float) -> Samples:
        """The far samples beside the next ``count`` near ones, which were heard from ``time`` on."""
        self._near_clock.stamp(count, time)
        first = self._near_clock.count - count
        if self._far_clock.origin is None or self._near_clock.origin is None:
            return np.zeros(count, np.int16)
        wanted = round((self._near_clock.origin - self._far_clock.origin) * SAMPLE_RATE) + LEAD
        if self._shift is None or abs(wanted - self._shift) > JUMP:
            self._shift = wanted
        elif abs(wanted - self._shift) > SLACK:
            self._shift += 1 if wanted > self._shift else -1
        return self._line.read(first + self._shift, count)[0]


class _Level:
    """Takes the gain control's gain back where there is no voice.

    AGC2 begins with 15 dB and keeps its gain while nobody speaks; what is left of an echo or of noise would
    be raised by as much.
    """

    def __init__(self) -> None:
        self._open = 0.0  # share of the gain (in dB) that is in effect

    def even(self, before: Samples, raised: Samples, gain_db: float) -> Samples:
        """``before`` is what the microphone heard, ``raised`` the same block cleaned and raised."""
        level = _dbfs(raised) - gain_db
        voice = level > FLOOR_DBFS and _dbfs(before) - level < ECHO_DB
        was, self._open = self._open, 1.0 if voice else max(0.0, self._open - CLOSING)
        if was == self._open == 1.0:
            return raised
        share = np.linspace(was, self._open, len(raised))
        return (raised * 10 ** (gain_db * (share - 1.0) / 20)).astype(np.int16)


def _dbfs(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) / 32768**2 + 1e-12))
