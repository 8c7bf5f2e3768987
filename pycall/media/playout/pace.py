"""A schedule of steps at equal distances that does not drift."""

from __future__ import annotations

from typing import Final

LOST_S: Final = 0.5
"""Later than this (the machine slept) the schedule begins anew instead of making up for it."""


class Pace:
    """Steps ``every`` seconds. A step that comes late does not move those after it."""

    def __init__(self, every: float, first: float | None = None) -> None:
        self._every = every
        self._due = first

    def wait_s(self, now: float) -> float:
        """Seconds from ``now`` until the next step is due; 0 or less means now."""
        if self._due is None or now - self._due > LOST_S:
            self._due = now
        return max(0.0, self._due - now)

    def step(self) -> float:
        """Take the next step: the time it was due at."""
        assert self._due is not None, "wait first"
        due = self._due
        self._due += self._every
        return due
