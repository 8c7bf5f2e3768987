"""Concealing without the help of the codec: the last period of the voice again and again, fading."""

from __future__ import annotations

from typing import Final

import numpy as np

from pycall.codecs.packets import Samples

SHORTEST: Final = 120
"""Samples, 2.5 ms: a period of the highest voices (400 Hz)."""

LONGEST: Final = 960
"""Samples, 20 ms: longer than a period of the lowest voices."""

TEMPLATE: Final = 480
FADE: Final = 2_880
"""Samples until nothing is left: 60 ms. Repeated for longer a voice turns into a buzz."""

BLEND: Final = 240
"""Samples over which what is repeated passes into what came: 5 ms."""

_RISE: Final = (np.arange(BLEND) + 0.5) / BLEND


class Repetition:
    """Remembers what was heard, goes on with it where something is missing, and leads back."""

    def __init__(self) -> None:
        self._past: Samples = np.zeros(LONGEST + TEMPLATE, np.int16)
        self._period: Samples | None = None  # what is repeated just now
        self._made = 0

    def heard(self, samples: Samples) -> Samples:
        """Take what came; it is given back with its beginning led over from what was repeated."""
        if self._period is not None and len(samples):
            count = min(BLEND, len(samples))
            rise = _RISE[:count]
            old = self.conceal(count)
            samples = samples.copy()
            samples[:count] = np.rint(old * (1.0 - rise) + samples[:count] * rise).astype(np.int16)
            self._period, self._made = None, 0
        self._past = np.concatenate((self._past, samples[-len(self._past) :]))[-len(self._past) :]
        return samples

    def conceal(self, count: int) -> Samples:
        """``count`` samples that go on from what was heard last; silence after 60 ms of them."""
        period = self._period
        if period is None:
            period = self._period = self._past[-_period(self._past) :]
        at = np.arange(self._made, self._made + count)
        self._made += count
        gain = np.maximum(0.0, 1.0 - at / FADE)
        return np.rint(period[at % len(period)] * gain).astype(np.int16)


def best_lag(piece: Samples, around: Samples) -> int:
    """Where in ``around`` sound goes on most like ``piece``: an offset into ``around``.

    ``around`` must be longer than ``piece``. A cross-fade from the one to the other place is inaudible
    where both have the same phase, which in speech and tones is a whole number of periods away.
    """
    wanted = piece.astype(np.float64)
    field = around.astype(np.float64)
    likeness = np.correlate(field, wanted, "valid")
    energy = np.concatenate(([0.0], np.cumsum(field * field)))
    norm = np.sqrt(energy[len(wanted) :] - energy[: -len(wanted)]) + 1.0
    return int(np.argmax(likeness / norm))


def _period(past: Samples) -> int:
    """The lag at which the end of ``past`` is most like what was before it."""
    return len(past) - TEMPLATE - best_lag(past[-TEMPLATE:], past[:-SHORTEST])
