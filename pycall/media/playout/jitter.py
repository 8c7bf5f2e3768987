"""How late sound comes: the shortest way it took lately, and the delay that bridges the longer ones."""

from __future__ import annotations

from collections import deque
from typing import Final

TARGET_MIN_S: Final = 0.040
"""The delay aimed for on a quiet network."""

TARGET_MAX_S: Final = 0.300
"""Above this a late block is given up rather than waited for."""

REPAIR_MAX_S: Final = 0.120
"""For a packet that was lost first and came again, sound is held this long at most."""

WINDOW_S: Final = 2.0
"""How far back the shortest transit is looked for, as in WebRTC's NetEQ."""

INTERVAL_S: Final = 0.5
KEPT: Final = 16
"""Of so many intervals it is known what was needed at most. What was needed in two of them is kept: each
change of the delay is a period of the voice cut or repeated, and what recurs should find it as it was."""

FALL_PER_S: Final = 0.020
"""How quickly the target comes down to that, seconds per second."""

GUARD_S: Final = 0.005
"""Kept in hand above what was needed last."""


class JitterGauge:
    """Watches arrivals and says how long to hold sound.

    The *transit* of a block is its arrival on our clock minus its timestamp on the sender's; the two
    clocks have nothing in common, so only differences of transits mean anything. ``base`` is the
    smallest of the last two seconds, which follows a drift between the clocks by itself.
    ``target_s`` is the delay above ``base`` at which nearly every block of the last seconds would have
    been in time.
    """

    def __init__(self) -> None:
        self.base: float | None = None
        self.target_s = TARGET_MIN_S
        self._lowest: deque[tuple[float, float]] = deque(maxlen=512)
        self._peaks: deque[tuple[int, float]] = deque(maxlen=KEPT)  # interval, what was needed + _risen
        self._risen = 0.0  # by how much the base rose in all: what was late before is less late now
        self._seen = 0.0

    def restart(self) -> None:
        """Another sender's clock begins; what was learned of the network's jitter is kept."""
        self.base = None
        self._lowest.clear()

    def arrived(self, transit: float, arrival: float, margin: float) -> None:
        """A block came at ``arrival``; ``margin`` is how much sound is taken at one go, in seconds."""
        self._follow(transit, arrival)
        base = self._lowest[0][1]
        if self.base is None:
            self._seen = arrival
        elif base > self.base:  # what was late against the old base is less late against the new
            self._risen += base - self.base
            self.target_s -= base - self.base
        self.base = base
        fallen = self.target_s - FALL_PER_S * max(0.0, arrival - self._seen)
        self._seen = max(self._seen, arrival)
        needed = transit - base + margin + GUARD_S
        self._keep(needed)
        self.target_s = min(TARGET_MAX_S, max(TARGET_MIN_S, needed, self._recurring(), fallen))

    def missed(self, transit: float, margin: float) -> None:
        """Sound that was lost came again, but too late: hold the next for so long that it would help.

        That is when it is not too long; a repair that takes longer is not waited for.
        """
        needed = transit - (self.base if self.base is not None else transit) + margin
        if needed <= REPAIR_MAX_S:
            self._keep(needed)
            self.target_s = max(self.target_s, needed)

    def _keep(self, needed: float) -> None:
        """Note what was needed now."""
        interval, level = int(self._seen / INTERVAL_S), needed + self._risen
        if self._peaks and self._peaks[-1][0] == interval:
            level = max(level, self._peaks.pop()[1])
        self._peaks.append((interval, level))
        while interval - self._peaks[0][0] >= KEPT:
            self._peaks.popleft()

    def _recurring(self) -> float:
        """What was needed in two intervals, seconds; what happened once alone is not waited for again."""
        levels = sorted(level for _, level in self._peaks)
        return levels[-2] - self._risen if len(levels) > 1 else 0.0

    def _follow(self, transit: float, arrival: float) -> None:
        """Keep the sliding minimum: rising transits in order of arrival, the smallest first."""
        while self._lowest and self._lowest[-1][1] >= transit:
            self._lowest.pop()
        self._lowest.append((arrival, transit))
        while arrival - self._lowest[0][0] > WINDOW_S:
            self._lowest.popleft()
