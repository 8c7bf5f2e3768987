"""Time that stands still until it is set, for what takes a clock."""

from __future__ import annotations


class Clock:
    """Monotonic seconds."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
