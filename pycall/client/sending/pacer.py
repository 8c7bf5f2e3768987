"""When each packet leaves: sound at once, the rest spread so that no queue grows on the path.

A leaky bucket as in draft-ietf-rmcat-gcc section 4, the token bucket's twin: what was sent is a debt that
the rate pays off, and who has debts waits. Sound is never held back, but counts.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from operator import itemgetter
from typing import Final, Generic, TypeVar

BURST_S: Final = 0.005
"""What may leave in one go, in time at the rate: fewer awakenings, and less than a queue notices."""

LATE_S: Final = 0.02
"""What was held back because the event loop woke up late leaves at once, up to so much time at the rate."""

MAX_QUEUED: Final = 2_000
"""Packets that wait, of each kind; a picture that comes on top of that is refused."""

T = TypeVar("T")


class Priority(IntEnum):
    """Who leaves first."""

    SOUND = 0
    REPAIR = 1
    PICTURE = 2


class Pacer(Generic[T]):
    """Packets of ``T`` that wait for their turn; ``rate`` is bit/s and may be changed at any time."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._queues: tuple[deque[tuple[T, int]], ...] = tuple(deque() for _ in Priority)
        self._later: deque[tuple[float, T, int]] = deque()
        self._picture_bytes = 0
        self._pictures: deque[int] = deque()  # packets of each that did not begin to leave
        self._left_of_begun = 0
        self._free_at = 0.0
        self._held = False
        """Whether something had to wait for its turn when it was looked last."""

    def put(self, items: Sequence[tuple[T, int]], priority: Priority) -> bool:
        """Queue packets, each with its size in bytes; all of them, or none when too many wait already."""
        if not items:
            return True
        queue = self._queues[priority]
        if len(queue) + len(items) > MAX_QUEUED:
            return False
        queue.extend(items)
        if priority is Priority.PICTURE:
            self._picture_bytes += sum(size for _, size in items)
            self._pictures.append(len(items))
        return True

    def put_later(self, item: T, size: int, at: float) -> None:
        """Queue a repair from ``at`` on."""
        if len(self._later) < MAX_QUEUED:
            insort(self._later, (at, item, size), key=itemgetter(0))

    def due(self, now: float) -> list[T]:
        """The packets that leave now, in this order."""
        sound, repairs, pictures = self._queues
        while self._later and self._later[0][0] <= now:
            _, item, size = self._later.popleft()
            if len(repairs) < MAX_QUEUED:
                repairs.append((item, size))
        self._free_at = max(self._free_at, now - LATE_S if self._held else now)
        leaving = []
        while sound:
            leaving.append(self._take(sound))
        while repairs and self._free_at <= now + BURST_S:
            leaving.append(self._take(repairs))
        while pictures and self._free_at <= now + BURST_S:
            leaving.append(self._take_picture(pictures))
        self._held = bool(repairs or pictures)
        return leaving

    def next_at(self, now: float) -> float | None:
        """When :meth:`due` has to be asked next; ``None`` when nothing waits."""
        sound, repairs, pictures = self._queues
        if sound:
            return now
        times = [max(now, self._free_at)] if repairs or pictures else []
        if self._later:
            times.append(max(now, self._later[0][0]))
        return min(times, default=None)

    def queued_s(self, now: float) -> float:
        """How long the pictures that wait need at the rate, in seconds."""
        debt = max(0.0, self._free_at - now) if self._picture_bytes else 0.0
        return debt + self._picture_bytes * 8 / self.rate

    def drop_pictures(self) -> list[T]:
        """The packets, in order, of the pictures that did not begin to leave: they do not any more."""
        pictures = self._queues[Priority.PICTURE]
        dropped = [pictures.pop() for _ in range(len(pictures) - self._left_of_begun)]
        self._picture_bytes -= sum(size for _, size in dropped)
        self._pictures.clear()
        return [item for item, _ in reversed(dropped)]

    def _take_picture(self, queue: deque[tuple[T, int]]) -> T:
        if not self._left_of_begun:
            self._left_of_begun = self._pictures.popleft()
        self._left_of_begun -= 1
        self._picture_bytes -= queue[0][1]
        return self._take(queue)

    def _take(self, queue: deque[tuple[T, int]]) -> T:
        item, size = queue.popleft()
        self._free_at += size * 8 / self.rate
        return item
