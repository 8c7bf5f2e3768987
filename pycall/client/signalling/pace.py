"""When to dial a server again: patient when nobody waits, and twice a second when a call is silent."""

from __future__ import annotations

import math
from typing import Final

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 5.0
"""Between the beginnings of two attempts; each pause is twice as long as the one before."""

BETWEEN_S: Final = 0.5
"""The same in a hurry.

Where packets vanish, an attempt that began before they pass again is of no use for seconds: TCP asks
again after 1, 3 and 7 s only (RFC 6298). The next attempt does not wait for that.
"""

HURRY_S: Final = 60.0
"""How long a hurry lasts: about as long as a call tries to get its media back."""


class Pace:
    """The times of attempts, from ``begin`` on: all in seconds of one monotonic clock."""

    def __init__(self, begin: float) -> None:
        self.next = begin
        self._last = -math.inf
        self._pause_s = FIRST_PAUSE_S
        self._hurried_until = -math.inf

    def hurry(self, now: float) -> None:
        """Somebody waits."""
        self._hurried_until = now + HURRY_S
        self.next = min(self.next, max(now, self._last + BETWEEN_S))

    def dialled(self, now: float, spread: float) -> None:
        """An attempt begins; ``spread``, about 1, keeps many clients of one server apart."""
        self._last = now
        if now < self._hurried_until:
            self.next = now + BETWEEN_S
        else:
            self.next = now + self._pause_s * spread
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
