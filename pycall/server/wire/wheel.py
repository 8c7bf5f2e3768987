"""One timer for whatever thousands of connections wait for.

Times are put together in ticks, and everything in a tick is done at its beginning: up to a tick too early,
and not too late; of many others get their turn in between. After a standstill of the process, what came
meanwhile is read first.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

GRACE_TICKS: Final = 4
"""So late the process has stood still, and so long it then reads, before anybody is called silent."""

AT_ONCE: Final = 64
"""So many are looked at before the loop may do something else: about a millisecond."""


class Turning(Protocol):
    """What has something to do at a time."""

    def turn(self, until: float) -> float | None:
        """Do all that is due before ``until``; returns when the next is due, None if nothing is."""
        ...


class Wheel:
    """Looks at everything on it in time; the loop's clock counts, in seconds."""

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self._slots: dict[int, list[Turning]] = {}
        self._now = 0
        """The last tick that was done."""

        self._timer: asyncio.Handle | None = None
        self._timer_tick = 0
        self._is_catching_up = False

    def add(self, item: Turning, at: float) -> None:
        """Look at ``item`` in the tick of ``at``, or in the next one if that was done already."""
        tick = max(int(at / self._tick_s), self._now + 1)
        self._slots.setdefault(tick, []).append(item)
        if self._timer is None or tick < self._timer_tick:
            self._set_timer(tick)

    def stop(self) -> None:
        """Look at nothing more."""
        self._slots.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, tick: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        if tick <= self._now:
            self._timer_tick, self._timer = self._now, loop.call_soon(self._look)
        else:
            self._timer_tick, self._timer = tick, loop.call_at(tick * self._tick_s, self._turn)

    def _turn(self) -> None:
        loop, grace_s = asyncio.get_running_loop(), GRACE_TICKS * self._tick_s
        now_s = loop.time()
        self._is_catching_up = not self._is_catching_up and now_s > self._timer_tick * self._tick_s + grace_s
        if self._is_catching_up:
            self._timer_tick = self._now  # so that nothing added meanwhile is earlier
            self._timer = loop.call_at(now_s + grace_s, self._turn)
            return
        self._now = max(self._timer_tick, int(now_s / self._tick_s))
        self._look()

    def _look(self) -> None:
        """Look at some of those whose tick has come."""
        self._timer, self._timer_tick = None, self._now
        until, left = (self._now + 1) * self._tick_s, AT_ONCE
        try:
            for tick in sorted(tick for tick in self._slots if tick <= self._now):
                while left and self._slots.get(tick):
                    left -= 1
                    self._turn_next(self._slots[tick], until)
                if not self._slots.get(tick):
                    self._slots.pop(tick, None)
        finally:  # a bug in one item is told by the loop, and the others are looked at all the same
            if self._slots:
                self._set_timer(min(self._slots))

    def _turn_next(self, items: list[Turning], until: float) -> None:
        item = items.pop()
        at = item.turn(until)
        if at is not None:
            self._slots.setdefault(max(int(at / self._tick_s), self._now + 1), []).append(item)
