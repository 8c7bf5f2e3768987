"""The receiver's part: when each packet of a transport came, told to its sender every 50 ms.

draft-holmer-rmcat-transport-wide-cc-extensions-01. What had been told as missing and came after all is
told again, with everything since, as libwebrtc does: the sender takes each packet's arrival once.
"""

from __future__ import annotations

from typing import Final

from pycall.client.congestion.feedback import LONGEST_DELTA_S, TICKS_PER_REFERENCE, TICKS_PER_S, Feedback

INTERVAL_S: Final = 0.05
"""Between two messages; twenty a second are about 15 kbit/s with their headers."""

KEPT_S: Final = 0.5
"""So long a packet that came is remembered: for duplicates, and for those that come late."""

MOST_ARRIVALS: Final = 128
"""In one message, so that it fits a packet."""

OVERTAKEN: Final = 64
"""So many packets may have been overtaken by the first that came."""

MOST_KEPT: Final = 4_096
FAR: Final = 8_192
"""A number this far off is of a sender that began anew."""


class Arrivals:
    """Takes every packet that carries a transport-wide sequence number; ``now`` is monotonic seconds."""

    def __init__(self) -> None:
        self._number = 0
        self._told_at = -INTERVAL_S
        self._begin(0)

    def _begin(self, sequence: int) -> None:
        self._times: dict[int, float] = {}  # by unwrapped number, in the order they came
        self._newest = self._base = sequence + (1 << 16)
        self._oldest = self._base - OVERTAKEN
        self._waiting = False

    def received(self, sequence: int, now: float) -> None:
        """A packet with this 16 bit number came; a second copy of one is nothing new."""
        if not self._times and not self._waiting:
            self._begin(sequence)
        number = self._newest + ((sequence - self._newest + 0x8000) & 0xFFFF) - 0x8000
        if abs(number - self._newest) > FAR or len(self._times) >= MOST_KEPT:
            self._begin(sequence)
            number = self._newest
        if number in self._times or number < self._oldest:
            return
        self._times[number] = now
        self._newest = max(self._newest, number)
        self._base = min(self._base, number)
        self._waiting = True

    @property
    def due_at(self) -> float | None:
        """When :meth:`report` has something to say, or had; ``None`` while nothing new came."""
        return self._told_at + INTERVAL_S if self._waiting else None

    def report(self, now: float) -> bytes | None:
        """The FCI of the next message, ``None`` when none is due; ask again until then."""
        if not self._waiting or now < self._told_at + INTERVAL_S:
            return None
        numbers = sorted(number for number in self._times if number >= self._base)
        first_ticks = int(self._times[numbers[0]] * TICKS_PER_S)
        reference = first_ticks // TICKS_PER_REFERENCE
        reference_s = reference * TICKS_PER_REFERENCE / TICKS_PER_S
        arrivals: list[tuple[int, float]] = []
        before = reference_s
        for number in numbers[:MOST_ARRIVALS]:
            at = self._times[number]
            if abs(at - before) >= LONGEST_DELTA_S:
                break
            arrivals.append((number & 0xFFFF, at - reference_s))
            before = at
        last = numbers[len(arrivals) - 1]
        message = Feedback(
            self._base & 0xFFFF, last - self._base + 1, reference & 0xFFFFFF, self._number, tuple(arrivals)
        )
        self._number = (self._number + 1) & 0xFF
        self._base = last + 1
        self._waiting = len(arrivals) < len(numbers)
        if not self._waiting:
            self._told_at = now
            self._forget(now - KEPT_S)
        return message.encode()

    def _forget(self, before: float) -> None:
        while self._times:
            number = next(iter(self._times))
            if self._times[number] >= before:
                break
            del self._times[number]
            self._oldest = max(self._oldest, number + 1)
