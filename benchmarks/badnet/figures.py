"""From what a side saw and heard to figures; no clock, no files. Times are seconds of Unix time."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

FREEZE_S: Final = 0.2
"""A longer gap between two pictures is a freeze, all of it."""


class Shown(NamedTuple):
    """A picture that was not shown before."""

    at: float
    latency_ms: float | None
    """Since it was made; unknown if its strip could not be read."""


class Heard(NamedTuple):
    """How many samples had to be played so far, and how many of them were not there."""

    at: float
    lost: float
    total: float


@dataclass(frozen=True, slots=True)
class Freezes:
    """The gaps between pictures in a window."""

    count: int
    seconds: float
    longest_s: float
    """Of all gaps, also of those that are no freeze."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which this share of all lies; nothing of nothing."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None


def freezes(times: Sequence[float], begin: float, end: float) -> Freezes:
    """The gaps of a window that begins and ends as if a picture were shown then."""
    edges = [begin, *(time for time in times if begin < time < end), end]
    gaps = [after - before for before, after in pairwise(edges)]
    long = [gap for gap in gaps if gap > FREEZE_S]
    return Freezes(len(long), sum(long), max(gaps))


def first_after(times: Sequence[float], moment: float) -> float | None:
    """How long after a moment the first of these times is."""
    return min((time - moment for time in times if time > moment), default=None)


def lost_percent(heard: Sequence[Heard]) -> float | None:
    """What of the sound between the first and the last look was not there."""
    if len(heard) < 2 or heard[-1].total <= heard[0].total:
        return None
    return 100 * (heard[-1].lost - heard[0].lost) / (heard[-1].total - heard[0].total)


def sound_after(heard: Sequence[Heard], moment: float) -> float | None:
    """How long after a moment most of what was played since the look before was there."""
    back = [
        look.at
        for before, look in pairwise(heard)
        if look.total > before.total and look.lost - before.lost < (look.total - before.total) / 2
    ]
    return first_after(back, moment)


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over several runs and sides."""

    mean: float
    lowest: float
    highest: float

    def overlaps(self, other: Spread) -> bool:
        """Whether the two may be the same but for chance."""
        return self.lowest <= other.highest and other.lowest <= self.highest


def spread(values: Sequence[float | None]) -> Spread | None:
    """The spread of those that are known."""
    known = [value for value in values if value is not None]
    return Spread(statistics.fmean(known), min(known), max(known)) if known else None
