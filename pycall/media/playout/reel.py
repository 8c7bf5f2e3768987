"""Decoded sound in a row: what was just played, and the little that is to be played next."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pycall.codecs.repetition import best_lag
from pycall.media.frames import Samples
from pycall.media.playout.splice import LONGEST, SHORTEST, cross_fade

PIECE: Final = 480
"""Samples taken at a time: 10 ms."""

PAST: Final = LONGEST + PIECE
"""Samples that are kept after they were played."""

JOINT: Final = 240
"""Samples, 5 ms, over which sound that does not follow from what was before it is faded in."""

_RISE: Final[NDArray[np.float64]] = (np.arange(JOINT) + 0.5) / JOINT


class Reel:
    """A row of samples with the timestamp of its end; what was played stays for a moment."""

    def __init__(self) -> None:
        self.end = 0
        """The timestamp after the last sample, on the sender's clock."""
        self._row: Samples = np.zeros(PAST, np.int16)
        self._next = PAST
        self._cut = True

    @property
    def ahead(self) -> int:
        """Samples that are to be played."""
        return len(self._row) - self._next

    @property
    def timestamp(self) -> int:
        """Of the sample that is played next."""
        return self.end - self.ahead

    def append(self, samples: Samples, *, still: bool = False) -> None:
        """Put ``samples`` at the end; with ``still`` the sender's time does not pass with them."""
        if self._cut and len(samples):
            samples, self._cut = self._joined(samples), False
        self._row = np.concatenate((self._row, samples))
        self.end += 0 if still else len(samples)

    def cut(self) -> None:
        """What is appended next does not follow from what is here: make the joint inaudible."""
        self._cut = True

    def restart(self, timestamp: int) -> None:
        """Forget what is ahead; what comes next begins at ``timestamp``, wherever this was."""
        self._row = self._row[: self._next]
        self.end, self._cut = timestamp, True

    def go(self, timestamp: int) -> None:
        """Play on from ``timestamp`` (or from here, when that is over); what is before it is left out."""
        if timestamp <= self.timestamp:
            return
        kept = self._row[self._next + timestamp - self.timestamp :]
        self._row = self._row[: self._next]
        self.end = max(self.end, timestamp)
        self._cut = True
        if len(kept):
            self.append(kept, still=True)

    def take(self) -> Samples:
        """The next :data:`PIECE` samples, which must be there."""
        piece = self._row[self._next : self._next + PIECE]
        self._next += PIECE
        if self._next > 4 * PAST:
            self._row = self._row[self._next - PAST :].copy()
            self._next = PAST
        return piece

    def shorten(self) -> int:
        """Leave one period of the voice out: the samples that makes; 0 when not enough are there."""
        if self.ahead < LONGEST + PIECE:
            return 0
        return self._hop(SHORTEST)

    def lengthen(self) -> int:
        """Repeat one period of the voice: the samples that makes."""
        return -self._hop(-LONGEST)

    def _hop(self, first: int) -> int:
        """Go on up to a longest period from ``first`` (relative to the next), where it sounds alike."""
        here = self._row[self._next : self._next + PIECE]
        start = self._next + first
        lag = first + best_lag(here, self._row[start : start + LONGEST - SHORTEST + PIECE])
        there = self._next + lag
        mixed = cross_fade(here, self._row[there : there + PIECE])
        self._row = np.concatenate((self._row[: self._next], mixed, self._row[there + PIECE :]))
        return lag

    def _joined(self, samples: Samples) -> Samples:
        """``samples`` faded in, over what was last played backwards: that goes on without a step."""
        count = min(JOINT, len(samples))
        rise = _RISE[:count]
        joined = samples.copy()
        backwards = self._row[-1 : -1 - count : -1]
        joined[:count] = np.rint(backwards * (1.0 - rise) + samples[:count] * rise).astype(np.int16)
        return joined
