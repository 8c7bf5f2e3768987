"""How much is lost on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from pycall.client.congestion.sent import Result

SLOT_S: Final = 0.25
KEPT_S: Final = 10.0


class Loss:
    """Counts by when packets left, so that one that was only overtaken can be counted back."""

    def __init__(self) -> None:
        self._slots: deque[list[int]] = deque()  # number, packets, lost

    def add(self, results: Sequence[Result]) -> None:
        """Take what one message said."""
        for result in results:
            slot = self._slot(int(result.sent_at / SLOT_S))
            if slot is None:
                continue
            if not result.late:
                slot[1] += 1
                slot[2] += result.arrived is None
            elif not result.repeated:
                slot[2] -= 1

    def fraction(self, seconds: float) -> float:
        """The share lost of what left in the last so many seconds that anything is known of, 0..1."""
        if not self._slots:
            return 0.0
        oldest = self._slots[-1][0] - seconds / SLOT_S
        packets = sum(slot[1] for slot in self._slots if slot[0] >= oldest)
        lost = sum(slot[2] for slot in self._slots if slot[0] >= oldest)
        return lost / packets if packets else 0.0

    def _slot(self, number: int) -> list[int] | None:
        slots = self._slots
        if not slots or number > slots[-1][0]:
            slots.append([number, 0, 0])
            while slots[0][0] < number - KEPT_S / SLOT_S:
                slots.popleft()
            return slots[-1]
        for slot in reversed(slots):
            if slot[0] == number:
                return slot
        return None
