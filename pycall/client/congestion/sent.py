"""What left for the other end and when, and what its feedback says became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from pycall.client.congestion.feedback import TICKS_PER_REFERENCE, TICKS_PER_S, Feedback

MOST_KEPT: Final = 8_192
KEPT_S: Final = 10.0
"""The fate of so many packets is awaited, and not for longer: what a message can ask for is bounded."""

_REFERENCE_S: Final = TICKS_PER_REFERENCE / TICKS_PER_S


class Result(NamedTuple):
    """What became of a packet of ``size`` bytes that left at ``sent_at`` of our clock."""

    sent_at: float
    arrived: float | None
    """By the other end's clock, in seconds; ``None`` when it did not come so far."""
    size: int
    late: bool
    """Whether it was told to be missing before: it was repaired, or overtaken by others."""
    repeated: bool
    """Whether it left more than once: then its arrival says nothing about the delay."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What one message of feedback said, in the order of sending."""

    results: tuple[Result, ...]
    rtt_s: float | None
    """From sending the newest packet of it to now, with up to an interval of the receiver's waiting."""
    gap: bool
    """Whether messages before it are missing: of packets between, nothing is known."""


class _Sent:
    """A packet under way."""

    __slots__ = ("missing", "repeated", "sent_at", "size")

    def __init__(self, sent_at: float, size: int) -> None:
        self.sent_at = sent_at
        self.size = size
        self.missing = False
        self.repeated = False


class SentLog:
    """Numbers the packets of a transport and keeps them until their fate is known; ``now`` is monotonic.

    Sizes are bytes; whoever wants the path's view adds the headers of IP and UDP to them.
    """

    def __init__(self) -> None:
        self._log: dict[int, _Sent] = {}
        self._first = self._next = 1 << 16
        self._heard = self._next - 1
        self._waiting_since: float | None = None
        self._reference: int | None = None
        self._number: int | None = None

    def waiting_s(self, now: float) -> float:
        """How long ago the first packet left that nothing was heard of, nor of any later one; 0 if none."""
        return 0.0 if self._waiting_since is None else now - self._waiting_since

    def sent(self, size: int, now: float) -> int:
        """A packet of ``size`` bytes leaves now; the 16 bit number to stamp it with."""
        number = self._next
        self._next += 1
        self._log[number] = _Sent(now, size)
        self._forget(now)
        if self._waiting_since is None:
            self._waiting_since = now
        return number & 0xFFFF

    def repeated(self, sequence: int) -> None:
        """The same packet, with the same number in it, leaves once more."""
        if (packet := self._log.get(self._unwrap(sequence))) is not None:
            packet.repeated = True

    def acknowledge(self, feedback: Feedback, now: float) -> Acknowledged:
        """Take what the other end says, in any order, twice or of packets never sent; each counts once."""
        start = self._unwrap(feedback.base)
        arrived = self._arrivals(feedback, start)
        results = []
        newest: _Sent | None = None
        for number in range(max(start, self._first), min(start + feedback.count, self._next)):
            packet = self._log.get(number)
            if packet is None:
                continue
            at = arrived.get(number)
            if at is None and packet.missing:
                continue
            results.append(Result(packet.sent_at, at, packet.size, packet.missing, packet.repeated))
            if at is None:
                packet.missing = True
                continue
            del self._log[number]
            if number > self._heard:
                self._heard, newest = number, packet
        rtt_s = None
        if newest is not None:
            rtt_s = None if newest.repeated else now - newest.sent_at
            following = self._log.get(self._heard + 1)
            self._waiting_since = None if following is None else following.sent_at
        gap = self._number is not None and (feedback.number - self._number) & 0xFF != 1
        self._number = feedback.number
        return Acknowledged(tuple(results), rtt_s, gap)

    def _forget(self, now: float) -> None:
        """Leave out what was told, is too old, or too many."""
        while self._first < self._next:
            packet = self._log.get(self._first)
            if packet is not None:
                if self._next - self._first <= MOST_KEPT and now - packet.sent_at <= KEPT_S:
                    return
                del self._log[self._first]
            self._first += 1

    def _arrivals(self, feedback: Feedback, start: int) -> dict[int, float]:
        """By our number, the seconds of the other end's clock, which goes on where 24 bits end."""
        if self._reference is None:
            self._reference = feedback.reference
        self._reference += ((feedback.reference - self._reference + 0x800000) & 0xFFFFFF) - 0x800000
        base_s = self._reference * _REFERENCE_S
        return {
            start + ((sequence - feedback.base) & 0xFFFF): base_s + seconds
            for sequence, seconds in feedback.arrivals
        }

    def _unwrap(self, sequence: int) -> int:
        """The newest of our numbers that is the same in 16 bits."""
        last = self._next - 1
        return last - ((last - sequence) & 0xFFFF)
