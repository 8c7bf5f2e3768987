"""The queue on the way, from one-way delays: how long packets wait now, and how fast what waits leaves.

The two clocks differ by an unknown offset, which the smallest delay of the last seconds has in it just as
every other delay: the difference is what a packet waited (RFC 8698 section 4.2 does the same). That
minimum is of a sliding window, so that clocks that drift apart and ways that change do no harm.
"""

from __future__ import annotations

import math
from collections import deque
from operator import itemgetter
from typing import Final

BASE_S: Final = 8
"""The smallest delay is kept so many seconds, in pieces of one."""

STANDING_S: Final = 0.1
FEWEST: Final = 6
"""A queue stands if all packets of so long, and at least so many, waited in it: a picture that leaves at
once, jitter, and a receiver that was busy for 50 ms delay some of them only."""

BUSY_S: Final = 0.5
"""How fast the queue leaves is measured over the last so many seconds."""

ENOUGH_BUSY_S: Final = 0.03
"""So long the queue must have been seen leaving in them."""

UNEVEN: Final = 0.4
"""What leaves a queue leaves evenly: if packets took this share more or less than they should have by
their size, in the mean, it was something else that delayed them."""

MOST_KEPT: Final = 1_000
"""Packets remembered at most, whatever clock the other end claims to have."""

WAITED_S: Final = 0.002
"""A packet that waited longer found the way occupied."""


class Delay:
    """Takes each packet that left once and arrived, in the order of sending; all times are seconds."""

    def __init__(self) -> None:
        self._minima: deque[tuple[int, float]] = deque()  # second of sending, smallest delay in it
        self._recent: deque[tuple[float, float]] = deque(maxlen=MOST_KEPT)  # sent, delay
        self._busy: deque[tuple[float, float, int]] = deque(maxlen=MOST_KEPT)  # arrived, took to leave, bytes
        self._last: float | None = None
        self._base = math.inf
        self._capacity: float | None = None
        self._is_reckoned = True
        self.waited_s = 0.0
        """How long the last packet waited."""
        self.crowded = 0.0
        """Share of the last packets that found the way occupied."""

    @property
    def queue_s(self) -> float:
        """The queue that stands: the least that any of the last packets waited."""
        return max(min(self._recent, key=itemgetter(1))[1] - self._base, 0.0) if self._recent else 0.0

    @property
    def capacity(self) -> float | None:
        """Bit/s at which the queue leaves; ``None`` while none was seen for long enough."""
        if not self._is_reckoned:
            self._capacity, self._is_reckoned = self._reckon(), True
        return self._capacity

    def _reckon(self) -> float | None:
        seconds = sum(took_s for _, took_s, _ in self._busy)
        size = sum(size for *_, size in self._busy)
        if seconds < ENOUGH_BUSY_S or not size:
            return None
        byte_s = seconds / size
        if sum(abs(took_s - size * byte_s) for _, took_s, size in self._busy) > UNEVEN * seconds:
            return None
        return 8 / byte_s

    def add(self, sent_at: float, arrived: float, size: int) -> None:
        """A packet of ``size`` bytes left and arrived, each by its own clock."""
        delay = arrived - sent_at
        self._is_reckoned = False
        self._learn_base(int(sent_at), delay)
        self.waited_s = delay - self._base
        self.crowded += ((self.waited_s > WAITED_S) - self.crowded) / 64
        self._recent.append((sent_at, delay))
        while len(self._recent) > FEWEST and self._recent[0][0] < sent_at - STANDING_S:
            self._recent.popleft()
        last, self._last = self._last, arrived
        if last is not None and arrived >= last > sent_at + self._base + WAITED_S:
            self._busy.append((arrived, arrived - last, size))
        while self._busy and self._busy[0][0] < arrived - BUSY_S:
            self._busy.popleft()

    def interrupt(self) -> None:
        """A packet is missing: how long the next one took to leave the queue is unknown."""
        self._last = None

    def forget_base(self) -> None:
        """Take the least of the last delays for that of an empty way: it is another way now."""
        self._minima.clear()
        self._base = math.inf
        for sent_at, delay in self._recent:
            self._learn_base(int(sent_at), delay)

    def restart(self) -> None:
        """Nothing was heard for a while: only the base is still worth something."""
        self._recent.clear()
        self._busy.clear()
        self._is_reckoned = False
        self.interrupt()

    def _learn_base(self, second: int, delay: float) -> None:
        minima = self._minima
        if delay < self._base:
            minima.clear()
            self._base = delay
        while minima and minima[-1][1] >= delay:
            minima.pop()
        if not minima or minima[-1][0] < second:
            minima.append((second, delay))
        while minima[0][0] < second - BASE_S:
            minima.popleft()
        self._base = minima[0][1]
