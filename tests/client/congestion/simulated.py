"""A call over a simulated link, in simulated time: pictures that follow the target, sound, and feedback."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean, quantiles
from typing import Final

from pycall.client.congestion.arrivals import Arrivals
from pycall.client.congestion.controller import Controller
from pycall.client.congestion.feedback import parse
from pycall.client.congestion.sent import SentLog
from pycall.client.sending.ladder import Ladder
from pycall.client.sending.line import MAX_QUEUED_S, SHORTEST_SLEEP_S
from pycall.client.sending.pacer import Pacer, Priority

STEP_S: Final = 0.001
HEADERS: Final = 28 + 12 + 8 + 16
"""Bytes of IP, UDP, RTP with its extensions, and the authentication tag."""
SOUND_BYTES: Final = 80
FULL_BYTES: Final = 1_100


@dataclass
class Link:
    """What is between the two ends; it may be changed while the call is on."""

    rate: float = 0.0
    """Bit/s; 0 is unlimited."""
    queue_s: float = 0.2
    bucket: int = 3_000
    """Bytes that pass at once after a pause."""
    delay_s: float = 0.025
    loss: float = 0.0
    burst_loss: float = 0.0
    """In fours."""
    jitter_s: float = 0.0
    reorders: bool = False
    is_cut: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._free_at = 0.0
        self._last = 0.0
        self._in_burst = False
        self._bursts = random.Random(self.seed + 1)

    def pass_through(self, size: int, now: float) -> tuple[float, float] | None:
        """When a packet arrives and how long it queued; ``None`` if it does not."""
        if self.is_cut or self._is_lost():
            return None
        at = now
        if self.rate:
            free_at = max(self._free_at, now - self.bucket * 8 / self.rate)
            if free_at - now > self.queue_s:
                return None
            self._free_at = free_at + size * 8 / self.rate
            at = max(now, self._free_at)
        waited = at - now
        at += max(self.delay_s + self.random.uniform(-self.jitter_s, self.jitter_s), 0.0)
        if not self.reorders:
            at = self._last = max(at, self._last)
        return at, waited

    def _is_lost(self) -> bool:
        if self.burst_loss:
            chance = self._bursts.random()
            begins = 0.25 * self.burst_loss / (1 - self.burst_loss)
            self._in_burst = chance >= 0.25 if self._in_burst else chance < begins
        return (self.burst_loss > 0 and self._in_burst) or self.random.random() < self.loss


@dataclass
class Source:
    """A camera and its encoder, which follows the target with a lag and never exactly."""

    most: float = 1_800_000.0
    """Bit/s of pictures; more is of no use to it."""
    spread: float = 0.25
    lag: float = 0.4
    """Of a difference to the target, this share stays after each picture."""
    keys_each_s: float = 0.0
    """How often the other end asks for a key picture; 0 is never but at first."""
    is_off: bool = False
    """Whether there is but sound."""
    seed: int = 2
    rate: float = 0.0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._key_at = 0.0

    def picture(self, target: float, now: float) -> int:
        """Bytes of the next picture."""
        wanted = min(for_pictures(target), self.most)
        self.rate = wanted + (self.rate - wanted) * self.lag if self.rate else wanted
        size = self.rate / 8 / 30 * max(self._random.gauss(1, self.spread), 0.3)
        if now >= self._key_at:
            self._key_at = now + self._random.expovariate(1 / self.keys_each_s) if self.keys_each_s else 1e9
            size *= 4
        return max(int(size), 100)


class Slide(Source):
    """A picture that does not move: hardly anything is sent of it, and the more of that the larger it is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ladder = Ladder(1280, 720, 30)
        self.size = (0, 0)

    def picture(self, target: float, now: float) -> int:
        """Bytes of the next picture: the whole of it when it is of another size than the last one."""
        rung = self.ladder.step(int(for_pictures(target)), 0.001, now)
        size, self.size = self.size, (rung.width, rung.height)
        pixels = rung.width * rung.height
        return int(pixels * 0.03 if size != self.size else max(pixels * 0.03 / 30, 100))


def for_pictures(target: float) -> float:
    """What sound leaves of a target, without headers, bit/s."""
    return max(target - 50 * (SOUND_BYTES + HEADERS) * 8, 20_000) * 0.92


@dataclass
class Log:
    """What happened, by seconds."""

    targets: list[tuple[float, int]] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)
    delivered: list[tuple[float, int]] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    pictures: list[tuple[float, float]] = field(default_factory=list)

    def queue_ms(self, begin: float, end: float) -> tuple[float, float]:
        """Mean and p95 of what packets waited at the bottleneck."""
        waits = [wait * 1000 for at, wait in self.waits if begin <= at < end]
        return fmean(waits), quantiles(waits, n=20)[-1]

    def picture_ms(self, begin: float, end: float) -> float:
        """The p95 of what pictures took from the encoder to the other end."""
        return quantiles([took * 1000 for at, took in self.pictures if begin <= at < end], n=20)[-1]

    def rate(self, begin: float, end: float) -> float:
        """Bit/s that arrived."""
        return sum(size for at, size in self.delivered if begin <= at < end) * 8 / (end - begin)

    def target(self, begin: float, end: float) -> float:
        """The mean target."""
        return fmean(target for at, target in self.targets if begin <= at < end)

    def reached(self, rate: float, begin: float = 0.0) -> float:
        """Seconds from ``begin`` until the target was ``rate``; infinite if never."""
        return next(
            (at - begin for at, target in self.targets if at >= begin and target >= rate), float("inf")
        )

    def loss(self, begin: float, end: float) -> float:
        """Share lost."""
        lost = sum(begin <= at < end for at in self.lost)
        return lost / max(lost + sum(begin <= at < end for at, _ in self.delivered), 1)


class Call:
    """One direction of a call.

    ``stalls_s`` is how long the receiver's loop stands still each second; the sender's wakes up later than
    it should by something between the two ``late_s``. Feedback passes through ``back``.
    """

    def __init__(
        self,
        link: Link,
        source: Source | None = None,
        *,
        drift: float = 0.0,
        stalls_s: float = 0.0,
        late_s: tuple[float, float] = (0.0, 0.0),
        back: Link | None = None,
        feedback_loss: float = 0.0,
        feedback_each_s: float = 0.05,
        controller: Controller | None = None,
    ) -> None:
        self.link, self.source = link, source or Source()
        self.controller = controller or Controller()
        self.log = Log()
        self.now = 0.0
        self._drift, self._stalls_s, self._feedback_loss = drift, stalls_s, feedback_loss
        self._feedback_each_s, self._feedback_at = feedback_each_s, 0.0
        self._sent, self._arrivals = SentLog(), Arrivals()
        self._under_way: list[tuple[float, int]] = []
        self._feedback: deque[tuple[float, bytes]] = deque()
        self._back = back or Link(delay_s=link.delay_s)
        self._pacer: Pacer[tuple[int, float | None]] = Pacer(self.controller.pacing_rate)
        self._late_s, self._wake_at = late_s, 0.0
        self._steps = 0
        self._random, self._lateness = random.Random(7), random.Random(8)

    def run(self, until: float, each: Callable[[float], None] | None = None) -> Log:
        """Go on until then; ``each`` is called with the time before every step."""
        while self.now < until:
            if each is not None:
                each(self.now)
            self._step()
            self._steps += 1
            self.now = self._steps * STEP_S
        return self.log

    def _step(self) -> None:
        now = self.now
        while self._feedback and self._feedback[0][0] <= now:
            told = self._sent.acknowledge(parse(self._feedback.popleft()[1]), now)
            self.controller.acknowledged(told, now)
        if self._steps % 100 == 0:
            self.controller.tick(self._sent.waiting_s(now), now)
            self.log.targets.append((now, self.controller.target))
        if self._steps % 20 == 0:
            self._put(SOUND_BYTES, 1, Priority.SOUND)
        if self._steps % 33 == 0 and not self.source.is_off and self._pacer.queued_s(now) <= MAX_QUEUED_S:
            size = self.source.picture(self.controller.target, now)
            count = -(-size // FULL_BYTES)
            self._put(size // count, count, Priority.PICTURE)
        if now >= self._wake_at:
            self._pace()
        self._receive()

    def _put(self, payload: int, count: int, priority: Priority) -> None:
        """Queue packets, the last of them with the time if they are a picture's."""
        size = payload + HEADERS
        ends = self.now if priority is Priority.PICTURE else None
        packets = [(size, None)] * (count - 1) + [(size, ends)]
        self._pacer.put([(packet, size) for packet in packets], priority)
        self._wake_at = self.now

    def _pace(self) -> None:
        self._pacer.rate = self.controller.pacing_rate
        for size, began in self._pacer.due(self.now):
            arrives_at = self._send(size)
            if began is not None and arrives_at is not None:
                self.log.pictures.append((began, arrives_at - began))
        next_at = self._pacer.next_at(self.now)
        if next_at is None:
            self._wake_at = float("inf")
        else:
            late_s = self._lateness.uniform(*self._late_s)
            self._wake_at = max(next_at, self.now + SHORTEST_SLEEP_S) + late_s

    def _send(self, size: int) -> float | None:
        sequence = self._sent.sent(size, self.now)
        passed = self.link.pass_through(size, self.now)
        if passed is None:
            self.log.lost.append(self.now)
            return None
        at, waited = passed
        self.log.waits.append((self.now, waited))
        self.log.delivered.append((at, size))
        heapq.heappush(self._under_way, (at, sequence))
        return at

    def _receive(self) -> None:
        now = self.now
        if now < self._feedback_at and (not self._under_way or now < self._under_way[0][0]):
            return
        if now % 1.0 < self._stalls_s:
            return
        clock = 1_000 + now * (1 + self._drift)
        while self._under_way and self._under_way[0][0] <= now:
            self._arrivals.received(heapq.heappop(self._under_way)[1], clock)
        if now < self._feedback_at:
            return
        while (fci := self._arrivals.report(clock)) is not None:
            self._feedback_at = now + self._feedback_each_s
            if not self.link.is_cut and self._random.random() >= self._feedback_loss:
                passed = self._back.pass_through(len(fci) + HEADERS, now)
                if passed is not None:
                    self._feedback.append((passed[0], fci))
