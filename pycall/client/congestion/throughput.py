"""How much really arrives, by the other end's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from pycall.client.congestion.sent import Result

WINDOW_S: Final = 0.5
"""The rate is the mean over so long: more than one picture's share, and still quick."""


class Throughput:
    """The rate at which packets arrive; the times of which feedback was lost are left out."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[float, int]] = deque()  # seconds, bytes
        self._seconds = 0.0
        self._octets = 0
        self._until: float | None = None

    @property
    def rate(self) -> float | None:
        """Bit/s over the last :data:`WINDOW_S`; ``None`` until a fifth of that is known."""
        return self._octets * 8 / self._seconds if self._seconds >= WINDOW_S / 5 else None

    def restart(self) -> None:
        """Forget what was measured: it is of another time."""
        self._pieces.clear()
        self._seconds, self._octets, self._until = 0.0, 0, None

    def add(self, results: Sequence[Result], *, gap: bool) -> None:
        """Take what one message said; ``gap`` when messages before it are missing."""
        came = [(result.arrived, result.size) for result in results if result.arrived is not None]
        if not came:
            return
        octets = sum(size for _, size in came)
        last = max(at for at, _ in came)
        if gap or self._until is None:
            first, size = min(came)
            begin, octets = first, octets - size
        else:
            begin = self._until
        if last <= begin:
            if self._pieces:
                seconds, before = self._pieces.pop()
                self._pieces.append((seconds, before + octets))
                self._octets += octets
            return
        self._until = last
        self._pieces.append((last - begin, octets))
        self._seconds += last - begin
        self._octets += octets
        while self._seconds - self._pieces[0][0] >= WINDOW_S:
            seconds, octets = self._pieces.popleft()
            self._seconds -= seconds
            self._octets -= octets
