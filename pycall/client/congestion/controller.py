"""The rate at which to send, so that everything arrives and no queue stands."""

from __future__ import annotations

import math
from typing import Final

from pycall.client.congestion.delay import STANDING_S, Delay
from pycall.client.congestion.loss import Loss, Trial, Verdict
from pycall.client.congestion.sent import Acknowledged
from pycall.client.congestion.throughput import Throughput

START: Final = 500_000
LOWEST: Final = 60_000
HIGHEST: Final = 20_000_000
"""Bit/s."""

FULL_S: Final = 0.02
"""A queue that stands longer than this is too much: less is sent until it is gone."""

EMPTY_S: Final = 0.01
"""A queue shorter than this is gone."""

DOUBLING_S: Final = 0.7
"""The rate doubles in so long while nothing is known of the way's limit."""

SLOWLY: Final = 0.04
"""Otherwise it grows by this share each second."""

CRUISING: Final = 0.92
"""What is sent of what the way was found to take, once its queue is empty."""

LONGER_S: Final = 0.1
"""A time there and back so much longer than the least is a queue, where only reports tell of it."""

OVERLOADED: Final = 1.15
"""So many times as much as arrives is sent where a queue grows, or is full."""

UNEVEN: Final = 2.5
"""A queue that packets do not leave evenly may be none: it counts so many times less."""

FILLING: Final = 0.96
"""What is sent of what leaves the queue, as long as one can be seen leaving now and then."""

STUCK_S: Final = 1.0
"""A queue that does not shrink for so long, though less is sent than leaves it, is not ours: the way is
longer now, or shared with others, or uneven. It is taken for empty, and :data:`FULL_S` is doubted."""

FULLEST_S: Final = 0.08
FORGIVING_S: Final = 20.0
"""So long it takes until :data:`FULL_S` is believed again."""

UNUSED: Final = 2.0
"""The rate is never this many times what arrives: nobody knows whether the way would take it."""

GENTLY: Final = 1.6
BOLD: Final = 2.5
BOLDEST: Final = 12.0
"""What is to be sent leaves so many times faster than the rate: on a way that is known to be narrow or not
known at all, on one without a known limit, and after some time on one where nothing ever has to wait."""

OPEN: Final = 0.05
"""The share of packets that wait on such a way."""

FASTEST: Final = 50_000_000

SILENT_S: Final = 0.5
"""After so long without a word about what was sent, and again each time, the rate is halved."""


class Controller:
    """Told what became of what was sent, it says how much to send. ``now`` is monotonic seconds.

    Rates are bit/s of everything on the way, in the measure of the sizes the packets were logged with.
    """

    def __init__(self, start: int = START, *, lowest: int = LOWEST, highest: int = HIGHEST) -> None:
        self._lowest, self._highest = lowest, highest
        self._target = float(start)
        self._delay, self._throughput, self._loss = Delay(), Throughput(), Loss()
        self._trial = Trial(self._loss)
        self._draining = False
        self._full_s = FULL_S
        self._before = self._target
        self._known: float | None = None
        self._full_at = self._peak_s = 0.0
        self._mark = (0.0, 0.0)
        self._by_loss = False
        self._boldness = BOLD
        self._capacity: float | None = None
        self._heard_at: float | None = None
        self._before_silence: float | None = None
        self._halved_at = 0.0
        self._feedback = False
        self._rtt_s: float | None = None
        self._reported_loss = 0.0
        self._reported_at: float | None = None
        self._least_rtt_s = math.inf
        self._bound: float | None = None

    @property
    def target(self) -> int:
        """How much to send, bit/s."""
        return round(self._target)

    @property
    def pacing_rate(self) -> int:
        """How fast what is to be sent may leave, bit/s.

        A picture leaves at once on an open way; else hardly faster than it leaves the queue: there sound
        would have to wait behind it.
        """
        leaving = self._delay.capacity
        if leaving is not None:
            factor = min(max(leaving * 1.1 / self._target, 1.25), 2.5)
        else:
            factor = GENTLY if self._capacity is not None or not self._feedback else self._boldness
        return round(min(self._target * factor, FASTEST))

    @property
    def queue_s(self) -> float:
        """How long the queue on the way is, seconds."""
        return self._delay.queue_s

    @property
    def rtt_s(self) -> float | None:
        """The time there and back, seconds."""
        return self._rtt_s

    @property
    def loss(self) -> float:
        """Share of packets that did not come in the last seconds, 0..1."""
        return self._loss.counted(self._loss.settled_at - 5.0)[1] if self._feedback else self._reported_loss

    @property
    def throughput(self) -> int | None:
        """How much arrives, bit/s."""
        rate = self._throughput.rate
        return None if rate is None else round(rate)

    def acknowledged(self, told: Acknowledged, now: float) -> None:
        """Transport-wide feedback came."""
        elapsed = 0.0 if self._heard_at is None else min(now - self._heard_at, 0.2)
        self._heard_at, self._feedback = now, True
        if self._before_silence is not None:
            self._delay.restart()
            self._throughput.restart()
            self._trial.restart(now)
        else:
            self._loss.add(told.results)
        self._throughput.add(told.results, gap=told.gap)
        for result in told.results:
            if result.arrived is None:
                self._delay.interrupt()
            elif not result.repeated:
                self._delay.add(result.sent_at, result.arrived, result.size)
        if told.rtt_s is not None:
            self._rtt_s = told.rtt_s if self._rtt_s is None else min(told.rtt_s, self._rtt_s * 1.02)
        if self._before_silence is not None:
            self._target, self._before_silence = self._before_silence * 0.8, None
        self._decide(elapsed, now)

    def reported(self, fraction_lost: float, rtt_s: float | None, now: float) -> None:
        """A receiver report came: all there is towards a peer without transport-wide feedback."""
        self._reported_loss = fraction_lost
        if self._feedback:
            return
        elapsed = min(now - self._reported_at, 5.0) if self._reported_at is not None else 0.0
        self._reported_at = now
        queue_s = 0.0
        if rtt_s is not None:
            self._rtt_s = rtt_s
            self._least_rtt_s = min(self._least_rtt_s * (1 + elapsed / 100), rtt_s)
            queue_s = rtt_s - self._least_rtt_s
        if queue_s > LONGER_S:
            self._set(self._target * 0.85)
        elif fraction_lost > 0.1:
            self._set(self._target * (1 - fraction_lost / 2))
        elif fraction_lost < 0.02 or self._bound is not None:
            self._set(self._target * (1 + 0.08 * elapsed))

    def estimated(self, bitrate: int) -> None:
        """The other end says what it can take (REMB): heeded where there is no better feedback."""
        self._bound = bitrate
        if not self._feedback:
            self._set(max(self._target, bitrate / 2))

    def tick(self, waiting_s: float, now: float) -> None:
        """To be called each 0.1 s or so, with :meth:`SentLog.waiting_s`: for what nobody tells."""
        if not self._feedback or waiting_s < SILENT_S or now - self._halved_at < SILENT_S:
            return
        self._halved_at = now
        if self._before_silence is None:
            self._before_silence = self._target
        self._set(self._target / 2)

    def _decide(self, elapsed: float, now: float) -> None:
        queue_s, arriving = self._delay.queue_s, self._throughput.rate
        if arriving is None:
            return
        self._full_s += (FULL_S - self._full_s) * elapsed / FORGIVING_S
        is_overloaded = self._throughput.overload > self._overloaded
        if self._delay.capacity is None:
            queue_s /= 1 if is_overloaded else UNEVEN
        elif is_overloaded:
            queue_s = max(queue_s, self._delay.waited_s)
        if self._delay.crowded < OPEN:
            self._boldness = min(self._boldness * (1 + elapsed), BOLDEST)
        elif self._delay.crowded > 3 * OPEN:
            self._boldness = max(self._boldness * (1 - 2 * elapsed), BOLD)
        if self._draining:
            self._drain(queue_s, arriving, now)
            self._trial.restart(now)
        elif queue_s > self._full_s:
            self._draining = True
            self._before, self._known = self._target, self._capacity
            self._full_at, self._peak_s, self._mark = now, queue_s, (now, queue_s)
            self._find(queue_s, arriving)
        elif not self._try(arriving, elapsed, now):
            self._grow(queue_s, arriving, elapsed)

    @property
    def _overloaded(self) -> float:
        return OVERLOADED / (1 - self._trial.own)

    def _find(self, queue_s: float, arriving: float) -> None:
        """A queue grows: what leaves it is what the way takes. Send less than that, until it is empty."""
        self._capacity, self._by_loss = self._delay.capacity or arriving, False
        self._set(min(self._target, self._capacity * (1 - min(max(queue_s / 0.4, 0.12), 0.5))))

    def _drain(self, queue_s: float, arriving: float, now: float) -> None:
        """Wait for the queue to be empty."""
        assert self._capacity is not None
        marked_at, marked_s = self._mark
        rtt_s = self._rtt_s or 0.0
        self._peak_s = max(self._peak_s, queue_s)
        if queue_s < EMPTY_S:
            self._draining = False
            takes_s = max(
                STANDING_S, 0.6 * self._peak_s * self._capacity / max(self._capacity - self._target, 1.0)
            )
            if now < self._full_at + rtt_s + takes_s:
                self._doubt()
            else:
                self._set(self._capacity * CRUISING)
        elif queue_s < marked_s * 0.7:
            self._mark = (now, queue_s)
        elif queue_s > marked_s + 0.01 or self._throughput.overload > self._overloaded:
            self._mark = (now, queue_s)
            self._find(queue_s, arriving)
        elif now - marked_at > STUCK_S + 2 * rtt_s:
            self._draining = False
            self._delay.forget_base()
            self._doubt()

    def _doubt(self) -> None:
        """It was no queue of ours: take it back, and take the next for one a little later."""
        self._full_s = min(self._full_s * 1.2, FULLEST_S)
        self._capacity = self._known
        self._set(self._before)

    def _try(self, arriving: float, elapsed: float, now: float) -> bool:
        """Whether it is being tried if less is lost when less is sent."""
        match self._trial.judge(elapsed, self._rtt_s or 0.0, now):
            case Verdict.TRY:
                self._before, self._known = self._target, arriving
                self._set(min(self._target, arriving * 0.9))
            case Verdict.OWN:
                self._set(self._before)
            case Verdict.TOO_MUCH:
                self._capacity, self._by_loss = self._known, True
                self._set((self._known or arriving) * CRUISING)
            case None:
                pass
        return self._trial.is_on

    def _grow(self, queue_s: float, arriving: float, elapsed: float) -> None:
        known, leaving = self._capacity, self._delay.capacity
        if known is not None and arriving > known * 1.08:
            known = self._capacity = None
        if known is None and (leaving is None or self._target < leaving * 0.8):
            wanted = self._target * 2 ** (elapsed / max(DOUBLING_S, 4 * (self._rtt_s or 0.0)))
        else:
            slowly = SLOWLY
            if self._by_loss:
                slowly /= 2
            elif self._delay.crowded < 0.03:
                slowly *= 2.5
            wanted = self._target * (1 + slowly * elapsed * max(1 - queue_s / EMPTY_S, -1.0))
            if leaving is not None:
                wanted = min(wanted, max(leaving * FILLING, self._target * (1 - slowly * elapsed)))
        self._set(min(wanted, max(self._target, arriving * UNUSED)))

    def _set(self, rate: float) -> None:
        if self._bound is not None and not self._feedback:
            rate = min(rate, self._bound)
        self._target = min(max(rate, self._lowest), self._highest)
