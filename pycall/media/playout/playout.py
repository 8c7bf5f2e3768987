"""From sound that arrives when the network likes to sound that is there when the speaker pulls.

Between the two lies a small, adaptive delay (NetEQ in small). Sound is held on a
:class:`~pycall.media.playout.timeline.Timeline`; a
:class:`~pycall.media.playout.jitter.JitterGauge` says for how long.
When the delay is off, by a burst or by a drift of the sender's clock against the sound card's, one
pitch period is left out or repeated at a time. A gap fades out and is silent. Nothing here waits,
sleeps or reads a clock.
"""

from __future__ import annotations

import threading
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pycall.media.frames import SAMPLE_RATE, Samples
from pycall.media.playout.jitter import JitterGauge
from pycall.media.playout.splice import LONGEST, SHORTEST, best_lag, cross_fade
from pycall.media.playout.timeline import Timeline

PIECE: Final = 480
"""Samples made at a time: 10 ms."""

BOUND: Final = 19_200
"""Samples held at most: 400 ms. When more come the oldest are left out."""

RESYNC_S: Final = 1.0
"""A timestamp this far off its time is a new beginning of the sender's clock, not a delay."""

ABOVE_S: Final = 0.010
BELOW_S: Final = 0.005
"""How far the delay may be above and below its target before a period is left out or repeated. The
two are a longest period apart, so that one correction does not call for the opposite one."""

SKIP: Final = 2_880
"""Samples, 60 ms: after silence, sound later than this is not played, earlier is caught up with."""

STEER_EVERY: Final = 8
"""Pieces between two corrections: the speed changes by about an eighth."""

SMOOTHING: Final = 0.03
"""Weight of one measurement of the delay: a memory of a third of a second."""

GRIP_MAX: Final = 4_800
"""Samples, 100 ms: a sound card that takes more at one go is filling its buffer for the first time."""

FADE_IN: Final = 240
FADE_OUT: Final = 480
"""Samples: 5 ms and 10 ms."""

_SILENCE: Final[Samples] = np.zeros(PIECE, np.int16)
_NOTHING: Final[NDArray[np.bool_]] = np.zeros(PIECE, np.bool_)


class Playout:
    """One received sound stream. :meth:`push` and :meth:`pull` may be called from different threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line = Timeline()
        self._gauge = JitterGauge()
        self._shape = _GapShape()
        self._left: Samples = np.zeros(0, np.int16)  # made but not asked for yet, less than a piece
        self._at = 0  # timestamp of the next sample to be played
        self._from: int | None = None  # where the sound went on that the next piece fades away from
        self._dry = True  # nothing to play: before the first block, and after the last there was
        self._begun = False
        self._offset = 0.0  # our clock minus the sender's at the speaker, smoothed, seconds
        self._steered = 0  # pieces since the last correction
        self._pulled_at = float("-inf")
        self._grip = 0  # samples taken at one go
        self.concealed = 0
        """Samples asked for since the stream began that were not there."""

    @property
    def delay_s(self) -> float:
        """Seconds sound is held, on top of the shortest way through the network; 0 before any came."""
        with self._lock:
            return self._delay() if self._begun else 0.0

    @property
    def held_s(self) -> float:
        """Seconds of sound that came and were not played yet; at most 0.4."""
        with self._lock:
            return (self._line.end - self._at) / SAMPLE_RATE

    @property
    def target_s(self) -> float:
        """Seconds the delay is steered to."""
        return self._gauge.target_s

    def push(self, samples: Samples, timestamp: int, arrival: float) -> None:
        """Take a decoded block; keeps no reference to it.

        ``timestamp`` counts samples on the sender's clock and may jump; ``arrival`` is monotonic
        seconds. What was there already, or comes when its turn is over, is dropped.
        """
        surplus = max(0, len(samples) - BOUND)
        samples, timestamp = samples[surplus:], timestamp + surplus
        if not len(samples):
            return
        with self._lock:
            transit = arrival - timestamp / SAMPLE_RATE
            base = self._gauge.base
            if base is None or abs(transit - base) > RESYNC_S:
                self._restart(timestamp)
            elif self._line.has(timestamp, len(samples)):
                return
            self._gauge.arrived(transit, arrival, self._grip / SAMPLE_RATE)
            late = max(0, self._at - timestamp)
            if late < len(samples):
                self._line.write(timestamp + late, samples[late:])
            if self._line.end - self._at > BOUND:
                self._go(self._line.end - int(self._gauge.target_s * SAMPLE_RATE))

    def pull(self, count: int, now: float) -> Samples:
        """Exactly ``count`` samples for the speaker, which takes the first of them at ``now``."""
        with self._lock:
            at_once = now - self._pulled_at < count / SAMPLE_RATE / 2  # one pull in several parts
            self._grip = min(count + (self._grip if at_once else 0), GRIP_MAX)
            self._pulled_at = now
            pieces, made = [self._left], len(self._left)
            while made < count:
                pieces.append(self._piece(now + made / SAMPLE_RATE))
                made += PIECE
            sound = np.concatenate(pieces)
            self._left = sound[count:].copy()
            return sound[:count]

    def _restart(self, timestamp: int) -> None:
        """A new clock of the sender's begins at ``timestamp``."""
        self._gauge.restart()
        self._line.clear(timestamp)
        self._at, self._from, self._dry = timestamp, None, True

    def _delay(self) -> float:
        return self._offset - (self._gauge.base or 0.0)

    def _piece(self, now: float) -> Samples:
        """The next 10 ms, which are played at ``now``."""
        if self._dry:
            self._begin(now)
        if self._dry:
            self.concealed += PIECE if self._begun else 0
            return self._shape.apply(_SILENCE, _NOTHING)
        self._offset += SMOOTHING * (now - self._at / SAMPLE_RATE - self._offset)
        self._steer()
        samples, there = self._line.read(self._at, PIECE)
        if self._from is not None:
            before, was = self._line.read(self._from, PIECE)
            samples = np.where(was & there, cross_fade(before, samples), samples)
            self._from = None
        self._at += PIECE
        if self._at >= self._line.end:
            self._at, self._dry = self._line.end, True
        self.concealed += PIECE - int(np.count_nonzero(there))
        return self._shape.apply(samples, there)

    def _begin(self, now: float) -> None:
        """Go on from silence as soon as the sound there is has been held for the target delay."""
        if self._gauge.base is None or self._line.end <= self._at:
            return
        due = int((now - self._gauge.base - self._gauge.target_s) * SAMPLE_RATE)
        if due - self._at > SKIP:
            newest = self._line.end - int(self._gauge.target_s * SAMPLE_RATE)
            self._at = max(self._at, min(due, newest))
        if due >= self._at:
            self._dry, self._begun, self._steered = False, True, 0
            self._offset = now - self._at / SAMPLE_RATE

    def _steer(self) -> None:
        """Leave out or repeat one period when the delay is off its target."""
        self._steered += 1
        error = self._delay() - self._gauge.target_s
        if self._steered < STEER_EVERY or -BELOW_S <= error <= ABOVE_S:
            return
        first = self._at + SHORTEST if error > 0 else self._at - LONGEST
        piece, there = self._line.read(self._at, PIECE)
        around, around_there = self._line.read(first, LONGEST - SHORTEST + PIECE)
        if there.all() and around_there.all():
            self._go(first + best_lag(piece, around))
        elif not there.any():
            self._go(self._at + (PIECE if error > 0 else -PIECE))

    def _go(self, timestamp: int) -> None:
        """Play on from ``timestamp``, cross-fading into it."""
        if not self._dry:
            self._from = self._at
        self._offset -= (timestamp - self._at) / SAMPLE_RATE
        self._at, self._steered = timestamp, 0


class _GapShape:
    """Makes the edges of gaps inaudible.

    What was heard last is played backwards and faded out over 10 ms (backwards, because that goes on
    without a step), then there is silence; sound that comes back is faded in.
    """

    def __init__(self) -> None:
        self._gain = 0.0
        self._last: Samples = np.zeros(FADE_OUT, np.int16)
        self._missing = 0  # samples since the gap began

    def apply(self, samples: Samples, there: NDArray[np.bool_]) -> Samples:
        """``samples`` with what is not ``there`` concealed."""
        if self._gain == 1.0 and there.all():
            self._remember(samples)
            return samples
        edges = np.flatnonzero(np.diff(there)) + 1
        parts = zip(np.split(samples, edges), np.split(there, edges), strict=True)
        return np.concatenate([self._heard(part) if on[0] else self._gap(len(part)) for part, on in parts])

    def _heard(self, samples: Samples) -> Samples:
        self._missing = 0
        self._remember(samples)
        gain = np.minimum(1.0, self._gain + np.arange(1, len(samples) + 1) / FADE_IN)
        self._gain = float(gain[-1])
        return (samples * gain).astype(np.int16)

    def _gap(self, count: int) -> Samples:
        backwards = self._last[::-1][self._missing : self._missing + count]
        gain = np.maximum(0.0, self._gain - np.arange(1, count + 1) / FADE_OUT)
        self._missing += count
        self._gain = float(gain[-1])
        out = np.zeros(count, np.int16)
        out[: len(backwards)] = backwards * gain[: len(backwards)]
        return out

    def _remember(self, samples: Samples) -> None:
        self._last = np.concatenate((self._last, samples))[-FADE_OUT:]
