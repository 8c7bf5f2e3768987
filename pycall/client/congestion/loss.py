"""How much is lost on the way, and whether it is because too much is sent.

Loss alone says little: radio loses a tenth whatever is sent. So it is tried: when more is lost than was
found to be the way's own, less is sent for a second. If nearly as much is lost then, it is the way's own
from now on; if not, the way takes no more than what had arrived (a policer, or a queue too short to see).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum, auto
from math import sqrt
from typing import Final

from pycall.client.congestion.sent import Result

SLOT_S: Final = 0.1
KEPT_S: Final = 10.0

SETTLED_S: Final = 0.1
"""What left less than this before the newest packet heard of may yet be overtaken only."""

WINDOWS_S: Final = (1.0, 3.0)
"""Over these times what is lost is looked at."""

FEWEST: Final = 30
SUSPICIOUS: Final = 0.05
"""Packets looked at, at least, and the share of them lost beyond the way's own that makes suspicious."""

LITTLE: Final = 0.02
"""Loss beyond the way's own is taken for so much at least."""

REMAINS: Final = 0.25
SURELY: Final = 0.6
"""If a greater part of it remains in a trial it was the way's own; with the second that is clear early."""

FOLLOWING_S: Final = 0.25
"""So long an encoder takes to follow a lower rate."""

TRIAL_S: Final = (0.5, 2.5)
"""A trial takes so long at least and at most: innocence shows early, and guilt costs nothing."""

MOST_OWN: Final = 0.5
FORGETTING_S: Final = 30.0
"""So long it takes until the way's own loss is taken for as little as is lost now."""


class Loss:
    """Counts by when packets left, so that one that was only overtaken can be counted back."""

    def __init__(self) -> None:
        self._slots: deque[list[int]] = deque()  # number, packets, lost, runs of lost
        self._is_run = False

    @property
    def settled_at(self) -> float:
        """Of packets that left before this, most is known."""
        return (self._slots[-1][0] + 1) * SLOT_S - SETTLED_S if self._slots else 0.0

    def add(self, results: Sequence[Result]) -> None:
        """Take what one message said."""
        for result in results:
            slot = self._slot(int(result.sent_at / SLOT_S))
            if slot is None:
                continue
            if not result.late:
                slot[1] += 1
                is_lost = result.arrived is None
                slot[2] += is_lost
                slot[3] += is_lost and not self._is_run
                self._is_run = is_lost
            elif not result.repeated and slot[2]:
                slot[2] -= 1

    def leave_out(self, since: float, until: float) -> None:
        """Count nothing of what left between these times: nobody was heard, and it may all have been lost."""
        while self._slots and self._slots[-1][0] >= since / SLOT_S - 1:
            self._slots.pop()
        self._slot(int(until / SLOT_S))

    def counted(self, since: float) -> tuple[int, float]:
        """How many packets left since then and settled, and the share of them that is lost, 0..1."""
        begin, end = since / SLOT_S, self.settled_at / SLOT_S
        slots = [slot for slot in self._slots if begin <= slot[0] and slot[0] + 1 <= end + 1e-6]
        packets = sum(slot[1] for slot in slots)
        return packets, sum(slot[2] for slot in slots) / packets if packets else 0.0

    @property
    def clustering(self) -> float:
        """By how much more the number of losses varies than if each came alone: by the length of the runs."""
        lost, runs = sum(slot[2] for slot in self._slots), sum(slot[3] for slot in self._slots)
        return max(2 * lost / runs - 1, 1.5) if runs else 1.5

    def _slot(self, number: int) -> list[int] | None:
        slots = self._slots
        if not slots or number > slots[-1][0]:
            slots.append([number, 0, 0, 0])
            while slots[0][0] < number - KEPT_S / SLOT_S:
                slots.popleft()
            return slots[-1]
        for slot in reversed(slots):
            if slot[0] == number:
                return slot
        return None


class Verdict(Enum):
    """What to do about loss."""

    TRY = auto()
    """Send less than arrives now, for a while."""
    OWN = auto()
    """It was the way's own loss: send what was sent before."""
    TOO_MUCH = auto()
    """It came from sending too much: the way takes what arrived when it was tried."""


class Trial:
    """Tells the way's own loss from that of sending too much; ``now`` is monotonic seconds."""

    def __init__(self, loss: Loss) -> None:
        self._loss = loss
        self._since = 0.0
        self._suspected: float | None = None
        self.own = 0.0
        """The way's own loss, 0..1."""

    @property
    def is_on(self) -> bool:
        """Whether less is sent at the moment to see what happens."""
        return self._suspected is not None

    def restart(self, now: float) -> None:
        """What was lost of what left before now has another cause."""
        self._since, self._suspected = now, None

    def judge(self, elapsed: float, rtt_s: float, now: float) -> Verdict | None:
        """To be called after each feedback; what to do now, if anything."""
        if self._suspected is not None:
            return self._look(now)
        settled_at = self._loss.settled_at
        for window_s in WINDOWS_S:
            packets, share = self._loss.counted(max(self._since, settled_at - window_s))
            if packets >= FEWEST:
                deviation = sqrt(self._loss.clustering * share * (1 - share) / packets)
                if share - self.own > max(SUSPICIOUS, 2.5 * deviation):
                    _, usual = self._loss.counted(self._since)
                    self._suspected = max(min(share, usual), self.own + LITTLE)
                    self._since = now + rtt_s / 2 + FOLLOWING_S
                    return Verdict.TRY
                if share < self.own and window_s == WINDOWS_S[-1]:
                    self.own += (share - self.own) * min(elapsed / FORGETTING_S, 1.0)
        return None

    def _look(self, now: float) -> Verdict | None:
        assert self._suspected is not None
        packets, share = self._loss.counted(self._since)
        remains = (share - self.own) / (self._suspected - self.own)
        lasted_s = self._loss.settled_at - self._since
        if packets < FEWEST or not (lasted_s >= TRIAL_S[1] or (lasted_s >= TRIAL_S[0] and remains > SURELY)):
            return None
        if remains > REMAINS:
            self.own = min(max(self.own, (share + self._suspected) / 2), MOST_OWN)
        self.restart(now)
        return Verdict.OWN if remains > REMAINS else Verdict.TOO_MUCH
