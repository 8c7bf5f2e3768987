"""Numbers that count on where those of RTP begin again at 0 (RFC 3550 section 5.1)."""

from __future__ import annotations


class Unwrapper:
    """Makes integers that only grow with the stream of counters of ``bits`` bits.

    A counter that seems to be at most ``behind`` the newest one was overtaken; any other is ahead of it, so
    that numbers go on when a sender begins anew.
    """

    def __init__(self, bits: int, behind: int) -> None:
        self._range, self._behind = 1 << bits, behind
        self._newest: int | None = None

    def unwrap(self, counter: int) -> int:
        """The number of a counter; never negative."""
        if self._newest is None:
            self._newest = counter + self._range  # room below for what was overtaken by the first
            return self._newest
        oldest = self._newest - self._behind
        number = oldest + (counter - oldest) % self._range
        self._newest = max(self._newest, number)
        return number
