"""Nearly ordered things put in order of time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

MOST: Final = 2000
"""Never more things wait than this, whatever their times say."""


def in_order(things: Iterable[tuple[float, T]], span_s: float) -> Iterator[tuple[float, T]]:
    """``things``, each with its time in seconds, sorted as far as they are at most ``span_s`` out of order.

    What has the same time keeps its order.
    """
    waiting: list[tuple[float, int, T]] = []
    count = itertools.count()
    newest = float("-inf")
    for at, thing in things:
        newest = max(newest, at)
        heapq.heappush(waiting, (at, next(count), thing))
        while waiting and (newest - waiting[0][0] >= span_s or len(waiting) > MOST):
            first, _, oldest = heapq.heappop(waiting)
            yield first, oldest
    while waiting:
        first, _, oldest = heapq.heappop(waiting)
        yield first, oldest
