"""What a link does to packets: it delays, loses, queues and cuts. No clock and no device in here."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

BUCKET_BYTES: Final = 3000
"""So much passes a limited rate at once after a pause: two full packets."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How one direction of a link treats packets; as made, it hands them on untouched.

    In this order: loss, the rate with its queue, then delay with jitter.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Uniform, in -jitter … +jitter. Without ``reorders`` a packet waits for the one before it."""
    reorders: bool = False
    loss: float = 0.0
    """The share of packets lost, each by its own chance."""
    burst_loss: float = 0.0
    """The share lost in bursts of ``burst_length`` packets on average (Gilbert-Elliott), besides ``loss``."""
    burst_length: float = 4.0
    rate_bps: float = 0.0
    """Bits of IP packets per second; 0 is unlimited."""
    queue_s: float = 0.2
    """Room before a limited rate, in seconds at that rate; what finds it full is lost."""


@dataclass(slots=True)
class Counters:
    """What happened to the packets of one direction."""

    packets: int = 0
    octets: int = 0
    lost: int = 0
    overflowed: int = 0
    cut: int = 0
    reordered: int = 0


class Direction:
    """One direction of a link. Times are seconds of one clock that only goes forward."""

    def __init__(self, seed: int | None = None) -> None:
        self.counters = Counters()
        self._random = random.Random(seed)
        self._shape = Shape()
        self._in_burst = False
        self._free_at = -math.inf
        self._last_at = -math.inf
        self._cut_until = -math.inf
        self._waiting: list[tuple[float, int, bytes]] = []

    def reshape(self, **changes: float) -> None:
        """Change fields of the shape; packets under way keep their time."""
        self._shape = replace(self._shape, **changes)  # type: ignore[arg-type]  # bool is a float here
        self._in_burst = self._in_burst and self._shape.burst_loss > 0

    def cut(self, until: float) -> None:
        """Lose every packet that comes before ``until``; a time in the past ends a cut."""
        self._cut_until = until

    def push(self, packet: bytes, now: float) -> None:
        """Take a packet; if it is not lost, :meth:`due` gives it at its time."""
        counters = self.counters
        counters.packets += 1
        counters.octets += len(packet)
        if now < self._cut_until:
            counters.cut += 1
        elif self._is_lost():
            counters.lost += 1
        elif (at := self._through_rate(len(packet), now)) is None:
            counters.overflowed += 1
        else:
            at = self._in_order(max(now, at + self._delay()))
            heapq.heappush(self._waiting, (at, counters.packets, packet))

    def due(self, now: float) -> Iterator[bytes]:
        """The packets whose time has come, in order."""
        while self._waiting and self._waiting[0][0] <= now:
            yield heapq.heappop(self._waiting)[2]

    @property
    def next_at(self) -> float:
        """When the next packet is due; infinite if none is under way."""
        return self._waiting[0][0] if self._waiting else math.inf

    def _is_lost(self) -> bool:
        shape, chance = self._shape, self._random.random
        if shape.burst_loss:
            ending = 1 / shape.burst_length
            beginning = ending * shape.burst_loss / (1 - shape.burst_loss)
            self._in_burst = chance() >= ending if self._in_burst else chance() < beginning
        return self._in_burst or (shape.loss > 0 and chance() < shape.loss)

    def _through_rate(self, octets: int, now: float) -> float | None:
        """When a packet has passed the token bucket; None if the queue before it is full."""
        rate = self._shape.rate_bps
        if not rate:
            return now
        free_at = max(self._free_at, now - BUCKET_BYTES * 8 / rate)
        if free_at - now > self._shape.queue_s:
            return None
        self._free_at = free_at + octets * 8 / rate
        return max(now, self._free_at)

    def _delay(self) -> float:
        jitter = self._shape.jitter_s
        return self._shape.delay_s + (self._random.uniform(-jitter, jitter) if jitter else 0.0)

    def _in_order(self, at: float) -> float:
        if at < self._last_at:
            if self._shape.reorders:
                self.counters.reordered += 1
            else:
                at = self._last_at
        self._last_at = max(self._last_at, at)
        return at
