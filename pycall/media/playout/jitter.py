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

FALL_PER_S: Final = 0.020
"""How quickly the target comes down again, seconds per second."""

GUARD_S: Final = 0.005
"""Kept in hand above what was needed last."""


class JitterGauge:
    """Watches arrivals and says how long to hold sound.

    The *transit* of a block is its arrival on our clock minus its timestamp on the sender's; the two
    clocks have nothing in common, so only differences of transits mean anything. ``base`` is the
    smallest of the last two seconds, which follows a drift between the clocks by itself.
    ``target_s`` is the delay above ``base`` at which every recent block would have been in time.
    """

    def __init__(self) -> None:
        self.base: float | None = None
        self.target_s = TARGET_MIN_S
        self._lowest: deque[tuple[float, float]] = deque(maxlen=512)
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
            self.target_s = max(TARGET_MIN_S, self.target_s - (base - self.base))
        self.base = base
        needed = transit - base + margin + GUARD_S
        fallen = self.target_s - FALL_PER_S * max(0.0, arrival - self._seen)
        self.target_s = min(TARGET_MAX_S, max(TARGET_MIN_S, needed, fallen))
        self._seen = max(self._seen, arrival)

    def missed(self, transit: float, margin: float) -> None:
        """Sound that was lost came again, but too late: hold the next for so long that it would help.

        That is when it is not too long; a repair that takes longer is not waited for.
        """
        needed = transit - (self.base if self.base is not None else transit) + margin + GUARD_S
        if needed <= REPAIR_MAX_S:
            self.target_s = max(self.target_s, needed)

    def _follow(self, transit: float, arrival: float) -> None:
        """Keep the sliding minimum: rising transits in order of arrival, the smallest first."""
        while self._lowest and self._lowest[-1][1] >= transit:
            self._lowest.pop()
        self._lowest.append((arrival, transit))
        while arrival - self._lowest[0][0] > WINDOW_S:
            self._lowest.popleft()
