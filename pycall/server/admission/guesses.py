"""How many wrong passwords there were lately: by address, and for each room.

Addresses are those of :attr:`pycall.server.admission.addresses.Visitor.network`.

Each has a budget; what is tried beyond it is not to be looked at. A window begins with the first wrong
password and ends after its time, whatever is tried meanwhile, so nobody is locked out for ever. Memory
is bounded: the oldest windows make room for new ones.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

KNOWN_S: Final = 86_400.0
"""For so long an address is known from which the password came."""

CAPACITY: Final = 50_000
"""Windows that are remembered, of addresses and rooms together; and as many addresses that are known."""


class Guesses:
    """The budgets of one server: how many in a window of ``window_s``; ``most`` None: there are none."""

    def __init__(
        self,
        most: int | None,
        window_s: float,
        *,
        capacity: int = CAPACITY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._window_s = window_s
        self._capacity = capacity
        self._clock = clock
        self._windows: OrderedDict[int | str, tuple[float, int]] = OrderedDict()
        """When each ends, and how many wrong passwords were in it; those that end first come first."""
        self._known: OrderedDict[int, float] = OrderedDict()

    def may(self, network: int, room: str) -> bool:
        """Whether a password from ``network`` for ``room`` is to be looked at.

        Where the password came from before, the budget of the room does not count: who guesses from
        elsewhere cannot keep them out.
        """
        if self._most is None:
            return True
        now = self._clock()
        if self._count(network, now) >= self._most:
            return False
        return self._known.get(network, now) > now or self._count(room, now) < self._most

    def wrong(self, network: int, room: str) -> None:
        """Count a wrong password."""
        now = self._clock()
        for key in (network, room):
            count = self._count(key, now)
            if not count:
                self._windows.pop(key, None)
                self._windows[key] = (now + self._window_s, 1)
            else:
                self._windows[key] = (self._windows[key][0], count + 1)
        while len(self._windows) > self._capacity:
            self._windows.popitem(last=False)

    def right(self, network: int) -> None:
        """Know an address by the right password."""
        self._known[network] = self._clock() + KNOWN_S
        self._known.move_to_end(network)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def _count(self, key: int | str, now: float) -> int:
        ends, count = self._windows.get(key, (now, 0))
        return count if now < ends else 0
