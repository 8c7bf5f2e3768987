"""Which invites for one person have been used, and by whom."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final, Protocol

MOST: Final = 100_000
"""Used invites that are remembered; while there are so many, no other one is taken."""


class Spending(Protocol):
    """Gives each invite to the first one who shows it."""

    async def spend(self, id_: str, owner: str, until: float) -> bool:
        """Whether the invite ``id_`` is ``owner``'s: nobody else has shown it before.

        It is remembered ``until`` then (Unix seconds), when the invite has long expired everywhere.
        """
        ...


class MemorySpending:
    """The used invites of one process; ``clock`` tells Unix seconds."""

    def __init__(self, clock: Callable[[], float], *, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._owners: dict[str, str] = {}
        self._ends: list[tuple[float, str]] = []

    async def spend(self, id_: str, owner: str, until: float) -> bool:
        """See :meth:`Spending.spend`; never suspends."""
        now = self._clock()
        while self._ends and self._ends[0][0] <= now:
            del self._owners[heapq.heappop(self._ends)[1]]
        if id_ not in self._owners:
            if len(self._owners) >= self._most:
                return False
            self._owners[id_] = owner
            heapq.heappush(self._ends, (until, id_))
        return self._owners[id_] == owner
