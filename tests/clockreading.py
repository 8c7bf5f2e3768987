"""How old the test pictures are that are shown, by the clock burnt into them."""

from __future__ import annotations

from collections import deque
from typing import Final

import av

from pycall.media.testsignals.strip import read_strip
from pycall.media.testsignals.wallclock import unix_time

LOOK_EVERY: Final = 5
"""Pictures; reading the clock out of every one would cost as much as the call."""

MOST: Final = 20_000
"""Ages that are kept: of an hour's pictures."""


class PictureAges:
    """The ages of the pictures since :meth:`clear`, in ms; those whose clock cannot be read are left out."""

    def __init__(self) -> None:
        self.seen = 0
        """Pictures since then."""
        self._ages: deque[float] = deque(maxlen=MOST)

    def clear(self) -> None:
        """Begin anew."""
        self.seen = 0
        self._ages.clear()

    def look(self, frame: av.VideoFrame) -> None:
        """A picture is shown now."""
        self.seen += 1
        strip = read_strip(frame) if self.seen % LOOK_EVERY == 0 else None
        if strip is not None:
            self._ages.append(unix_time() * 1000 - strip[1])

    def percentile(self, share: float) -> float:
        """The age below which this share of them lies; NaN of none."""
        ages = sorted(self._ages) or [float("nan")]
        return ages[int(len(ages) * share)]
