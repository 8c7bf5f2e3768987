"""Leaving out or repeating a piece of sound so that nobody hears it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pycall.media.frames import Samples

SHORTEST: Final = 120
"""Samples, 2.5 ms: a period of the highest voices (400 Hz)."""

LONGEST: Final = 720
"""Samples, 15 ms: a period of the lowest voices (67 Hz)."""


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


def cross_fade(old: Samples, new: Samples) -> Samples:
    """From ``old`` to ``new``, which are of one length, with a sum of gains of one."""
    rise: NDArray[np.float64] = (np.arange(len(new)) + 0.5) / len(new)
    return np.rint(old * (1.0 - rise) + new * rise).astype(np.int16)
