"""Which lost packets are asked for, and when (RFC 4585 section 6.2.1).

Each is asked for at once, and again as soon as the answer is overdue, while it can still be of use; every
question leaves twice. Where packets overtake each other, asking waits as long as that has made others late.
"""

from __future__ import annotations

import enum
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FIRST_RTT_S: Final = 0.1
"""Taken for the round trip until one is known."""

SHORTEST_WAIT_S: Final = 0.02
"""Between two questions for one packet, however short the round trip."""

OVERDUE: Final = 1.2
"""Round trips after which an answer will not come any more."""

POSSIBLE: Final = 0.75
PROCESSING_S: Final = 0.002
"""What comes sooner than so much of the shortest round trip, measured through so much processing, cannot be
an answer: the packet itself was late."""

TWICE_S: Final = 0.01
"""Each question is asked a second time so soon: waiting because one was lost costs a round trip."""

LONGEST_REORDERING_S: Final = 0.02
LESS_REORDERING: Final = 0.9

MOST_QUESTIONS: Final = 10
"""For one packet, each of them asked twice."""

MOST_MISSING: Final = 256
"""Packets waited for; of more, the oldest are given up."""

OVERTAKEN: Final = 16
"""So many packets may have been overtaken by the first that came."""

MOST_AT_ONCE: Final = 128
"""Packets in one message: at most half a kilobyte of it."""

_PAIR: Final = struct.Struct("!HH")


class Receipt(enum.Enum):
    """What the coming of a packet means."""

    NEW = enum.auto()
    """It is the newest so far."""
    LATE = enum.auto()
    """Others overtook it."""
    REPAIRED = enum.auto()
    """It was lost and came when it was asked for again."""
    REPEATED = enum.auto()
    """It came before, or was given up."""


@dataclass(slots=True)
class _Missing:
    since: float
    ask_at: float
    asked_at: float | None = None
    questions: int = 0
    to_repeat: bool = False


class NackSchedule:
    """What is missing of one stream of unwrapped numbers.

    ``use_s`` is how long after the packet behind it a repair is still of use, and ``most`` how many
    packets of one hole, the last ones, are worth asking for. The memory is bounded.
    """

    def __init__(self, use_s: float, most: int = MOST_MISSING) -> None:
        self.rtt_s = FIRST_RTT_S
        """The round trip to the sender as it is now, with what queues there are; to be kept up to date."""
        self.least_rtt_s = FIRST_RTT_S
        """The shortest it may take; to be kept up to date as well."""
        self.asks = True
        """Whether the sender repairs; otherwise nothing is asked for, and what comes late was overtaken."""
        self._use_s, self._most = use_s, most
        self._missing: dict[int, _Missing] = {}
        self._first = self._newest = -1
        self._reordering_s = 0.0

    @property
    def waiting(self) -> bool:
        """Whether anything is missing that may be asked for."""
        return self.asks and bool(self._missing)

    def received(self, number: int, now: float, *, again: bool = False) -> Receipt:
        """A packet came; ``again`` if its sender says that it had sent it before."""
        if self._newest < 0:
            self._first = self._newest = number
            return Receipt.NEW
        if number > self._newest:
            self._miss(range(max(self._newest + 1, number - self._most), number), now)
            self._newest = number
            return Receipt.REPAIRED if again else Receipt.NEW
        if self._first - OVERTAKEN <= number < self._first:
            self._miss(range(number + 1, self._first), now)
            self._first = number
            return Receipt.LATE
        missing = self._missing.pop(number, None)
        if missing is None:
            return Receipt.REPEATED
        possible_s = POSSIBLE * self.least_rtt_s - PROCESSING_S
        if again or (missing.asked_at is not None and now - missing.asked_at >= possible_s):
            self._reordering_s *= LESS_REORDERING
            return Receipt.REPAIRED
        self._reordering_s = min(LONGEST_REORDERING_S, max(self._reordering_s, now - missing.since))
        return Receipt.LATE

    def due(self, now: float) -> list[int]:
        """The numbers to ask for now, oldest first; they count as asked for."""
        due: list[int] = []
        for number, missing in list(self._missing.items()):
            useful_until = missing.since + self._use_s
            if now > useful_until:
                del self._missing[number]
            elif (
                self.asks
                and now >= missing.ask_at
                and now + self.rtt_s <= useful_until
                and len(due) < MOST_AT_ONCE
            ):
                due.append(number)
                self._asked(missing, now)
        return sorted(due)

    def forget(self, below: int) -> None:
        """Ask no more for what is numbered below."""
        for number in [number for number in self._missing if number < below]:
            del self._missing[number]

    def _asked(self, missing: _Missing, now: float) -> None:
        if missing.asked_at is None:
            missing.asked_at = now
        missing.to_repeat = not missing.to_repeat
        if missing.to_repeat:
            missing.questions += 1
            missing.ask_at = now + TWICE_S
        elif missing.questions < MOST_QUESTIONS:  # the first of the two is the one that is answered
            wait_s = max(SHORTEST_WAIT_S, OVERDUE * self.rtt_s) - TWICE_S
            missing.ask_at = max(now, missing.ask_at + wait_s)
        else:
            missing.ask_at = math.inf

    def _miss(self, numbers: range, now: float) -> None:
        for number in numbers:
            self._missing[number] = _Missing(now, now + self._reordering_s)
        for number in list(self._missing)[: max(0, len(self._missing) - MOST_MISSING)]:
            del self._missing[number]


def pack_lost(numbers: Sequence[int]) -> bytes:
    """The body of a message that asks for ``numbers``, which grow: pairs of a first one and 16 bits more."""
    body = b""
    first, following = None, 0
    for number in numbers:
        if first is not None and number - first <= 16:
            following |= 1 << (number - first - 1)
            continue
        if first is not None:
            body += _PAIR.pack(first & 0xFFFF, following)
        first, following = number, 0
    return body if first is None else body + _PAIR.pack(first & 0xFFFF, following)
