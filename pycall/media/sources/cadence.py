"""Which pictures of a source that gives too many are passed on."""

from __future__ import annotations


class Cadence:
    """At most ``fps`` pictures a second, evenly chosen; jitter of a quarter of a picture loses none."""

    def __init__(self, fps: int) -> None:
        self._interval = 1 / fps
        self._due = float("-inf")

    def wants(self, time: float) -> bool:
        """Whether the picture of ``time`` (seconds on one clock that never goes back) is one to pass on."""
        early = self._due - time
        if early > self._interval / 4:
            return False
        self._due = time + self._interval if early < -self._interval else self._due + self._interval
        return True
