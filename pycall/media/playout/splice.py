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


def cross_fade(old: Samples, new: Samples) -> Samples:
    """From ``old`` to ``new``, which are of one length, with a sum of gains of one."""
    rise: NDArray[np.float64] = (np.arange(len(new)) + 0.5) / len(new)
    return np.rint(old * (1.0 - rise) + new * rise).astype(np.int16)
