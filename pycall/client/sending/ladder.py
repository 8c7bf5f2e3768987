"""Which size and frame rate to send: as much as the path and the processor can, changed seldom.

Each change of the size costs a key picture, and what flaps is worse than what is small. So a rung is left
downwards when it does not do for a while, and upwards only when the next one would do with room to spare for
longer; each time that turns out wrong, it is waited twice as long before it is tried again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

VGA: Final = 640 * 480
VGA_LEAST: Final = 250_000
VGA_MOST: Final = 1_800_000
"""Bit/s between which 640x480 pixels gain from more: below they turn to mud, above nobody sees it."""

LEAST_GROWTH: Final = 0.89
MOST_GROWTH: Final = 0.62
"""Exponents by which these grow with the pixels: the finer a picture, the less is in each pixel."""

SCALES: Final = (3 / 4, 1 / 2, 3 / 8, 1 / 4)
"""Parts of the width and height that are sent."""

SMALLEST: Final = 320 * 180
"""Pixels: no smaller picture is made out of a larger one."""

SLOW_BELOW: Final = 100_000
"""Bit/s that any size takes: below, half the pictures are sent."""

SLOWEST: Final = 10
"""Pictures a second that are not halved any more."""

DOWN_AFTER_S: Final = 1.5
DOWN_SOON_AFTER_S: Final = 0.4
"""How long a rung may not do before it is left; soon when it lacks half of what it takes."""

UP_AFTER_S: Final = 4.0
UP_AFTER_MOST_S: Final = 64.0
"""How long a higher rung would have to do before it is tried."""

TRIAL_S: Final = 15.0
"""A higher rung that is left within this time was tried too early."""

UP_MARGIN: Final = 1.25
"""How many times its bit/s have to be there before a higher rung is tried."""

BUSY: Final = 0.8
BUSY_AFTER_UP: Final = 0.55
"""Part of the time between two pictures that encoding one may take; and would have to on a higher rung."""


@dataclass(frozen=True, slots=True)
class Rung:
    """What is sent: the size in pixels, even, and pictures a second; ``least`` is the bit/s it takes."""

    width: int
    height: int
    fps: float
    least: int


class Ladder:
    """The rungs below pictures of ``width`` by ``height`` pixels, ``fps`` a second; begins at the top."""

    def __init__(self, width: int, height: int, fps: float) -> None:
        self.rungs = rungs_of(width, height, fps)
        self._at = 0
        self._wish: tuple[bool, float] | None = None
        """Whether it is for a higher rung, and since when."""
        self._up_at: float | None = None
        """When it went up last, unless it came down since."""
        self._up_after_s = UP_AFTER_S

    @property
    def rung(self) -> Rung:
        """What is sent now."""
        return self.rungs[self._at]

    def step(self, target_bitrate: int, encode_s: float, now: float, coming: float = math.inf) -> Rung:
        """What to send, given bit/s for pictures and the seconds that encoding one took lately.

        To be called with each picture that comes, of which there are ``coming`` a second; ``now`` is
        monotonic seconds.
        """
        wanted, patience_s = self._wanted(target_bitrate, encode_s, coming)
        up = wanted < self._at
        if wanted == self._at:
            self._wish = None
        elif self._wish is None or self._wish[0] != up:
            self._wish = up, now
        elif now - self._wish[1] >= patience_s:
            self._go(wanted, now)
        return self.rung

    def _wanted(self, bitrate: int, encode_s: float, coming: float) -> tuple[int, float]:
        """The rung to go to and how long that shall have been so."""
        rung, last = self.rung, len(self.rungs) - 1
        if bitrate < rung.least:
            patience_s = DOWN_SOON_AFTER_S if bitrate < rung.least / 2 else DOWN_AFTER_S
            return next(at for at, lower in enumerate(self.rungs) if lower.least <= bitrate), patience_s
        if encode_s * min(rung.fps, coming) > BUSY and self._at < last:
            return self._at + 1, DOWN_AFTER_S
        cost_s = encode_s / (rung.width * rung.height)
        for at, higher in enumerate(self.rungs[: self._at]):
            share = cost_s * higher.width * higher.height * min(higher.fps, coming)
            if bitrate >= higher.least * UP_MARGIN and share <= BUSY_AFTER_UP:
                return at, self._up_after_s
        return self._at, 0.0

    def _go(self, wanted: int, now: float) -> None:
        if wanted < self._at:
            self._up_at = now
        elif self._up_at is not None:
            too_early = now - self._up_at < TRIAL_S
            self._up_after_s = min(2 * self._up_after_s, UP_AFTER_MOST_S) if too_early else UP_AFTER_S
            self._up_at = None
        self._at, self._wish = wanted, None


def rungs_of(width: int, height: int, fps: float) -> tuple[Rung, ...]:
    """From the whole picture down to what passes through the narrowest path; the last one takes nothing."""
    sizes = [(width, height)]
    for scale in SCALES:
        smaller = 2 * round(width * scale / 2), 2 * round(height * scale / 2)
        if smaller[0] * smaller[1] >= SMALLEST:
            sizes.append(smaller)
    rungs = [Rung(*size, fps, _least(*size)) for size in sizes]
    smallest = rungs.pop()
    if fps < 2 * SLOWEST:
        return (*rungs, replace(smallest, least=0))
    return (*rungs, smallest, replace(smallest, fps=fps / 2, least=0))


def max_bitrate(width: int, height: int, fps: float) -> int:
    """The bit/s beyond which nobody sees a difference."""
    return int(VGA_MOST * (width * height / VGA) ** MOST_GROWTH * (fps / 30) ** MOST_GROWTH)


def _least(width: int, height: int) -> int:
    return max(SLOW_BELOW, int(VGA_LEAST * (width * height / VGA) ** LEAST_GROWTH))
