"""The rate at which to send, so that everything arrives and no queue stands.

In the manner of draft-ietf-rmcat-gcc-02, with what transport-wide feedback tells beyond a gradient: how long
the queue is (:mod:`~pycall.client.congestion.delay`), and how fast packets leave it. The rate doubles and
doubles while nothing is known of the way's limit; media itself is the probe. When a queue stands, less is
sent than leaves it until it is empty, then nearly as much. Loss alone lowers the rate only if less is lost
when less is sent (:mod:`~pycall.client.congestion.loss`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pycall.client.congestion.delay import STANDING_S, Delay
from pycall.client.congestion.loss import Loss, Trial, Verdict
from pycall.client.congestion.reports import Reports
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

SLOWLY: Final = 0.03
"""Otherwise it grows by this share each second."""

CRUISING: Final = 0.92
"""What is sent of what the way was found to take, once its queue is empty."""

OVERLOADED: Final = 1.15
"""So many times as much as arrives is sent where a queue grows, or is full."""

UNEVEN: Final = 2.5
"""A queue that packets do not leave evenly may be none: it counts so many times less."""

FILLING: Final = 0.96
"""What is sent of what leaves the queue, as long as one can be seen leaving now and then."""

DRAINED_S: Final = 0.25
LEAST_LESS: Final = 0.2
MOST_LESS: Final = 0.5
"""A queue is to be gone after so long: by as much less is sent than leaves it, within these shares of it."""

TRYING: Final = 0.9
"""What is sent of what arrives while it is tried if less is lost then."""

STUCK_S: Final = 1.0
"""A queue that does not shrink for so long, though less is sent than leaves it, is not ours: the way is
longer now, or shared with others, or uneven. It is taken for empty, and :data:`FULL_S` is doubted."""

FULLEST_S: Final = 0.08
FORGIVING_S: Final = 20.0
"""So long it takes until :data:`FULL_S` is believed again."""

BETTER: Final = 1.08
"""If so many times more arrives than the way was found to take, its limit is unknown again."""

UNUSED: Final = 2.0
"""The rate does not grow beyond this many times what arrives: nobody knows whether the way would take it."""

UNPROVEN: Final = 1_000_000
"""Bit/s beyond what arrives that it may grow to anyway where nothing waits and no limit is known: else what
needs little, as a picture that does not move, would never be told that it may need more."""

UNUSED_S: Final = 15.0
UNUSED_MOST_S: Final = 60.0
"""So long the way has to be used little, and nothing to wait, for its limit to be unknown again: twice as
long each time that it turns out to be the same."""

BOLDLY: Final = 0.1
"""The share by which the rate grows each second where only little is sent, if a limit was once known."""

LEAST_FASTER: Final = 1.1
GENTLY: Final = 1.4
BOLD: Final = 2.5
BOLDEST: Final = 12.0
"""What is to be sent leaves so many times faster than the rate: at least; on a way that is known to be narrow
or not known at all; on one without a known limit; after some time on one where nothing ever has to wait."""

OPEN: Final = 0.05
"""The share of packets that wait on such a way."""

FASTEST: Final = 50_000_000

LOSS_S: Final = 5.0
"""The loss that is told is that of so long."""

SILENT_S: Final = 0.5
"""After so long without a word about what was sent, and again each time, the rate is halved."""

RESUMING: Final = 0.85
"""What is sent of what was sent before, when something is heard again."""

LONGEST_S: Final = 0.3
"""Between two messages of feedback no more time is credited than this."""


@dataclass(slots=True)
class _Queue:
    """A queue that was found, and is waited for to be empty."""

    since: float
    target: float
    """What was sent before, bit/s."""
    known: float | None
    """What the way was believed to take before, bit/s."""
    peak_s: float
    marked_at: float
    marked_s: float
    """How long it was when it was looked at last to see if it shrinks."""


class Controller:
    """Told what became of what was sent, it says how much to send. ``now`` is monotonic seconds.

    Rates are bit/s of everything on the way, in the measure of the sizes the packets were logged with.
    """

    def __init__(self, start: int = START, *, lowest: int = LOWEST, highest: int = HIGHEST) -> None:
        self._lowest, self._highest = lowest, highest
        self._target = float(start)
        self._delay, self._throughput, self._loss = Delay(), Throughput(), Loss()
        self._trial, self._reports = Trial(self._loss), Reports(start)
        self._capacity: float | None = None  # what the way takes, while it is known
        self._by_loss = False  # whether it is known by what was lost, so that no queue will tell of more
        self._queue: _Queue | None = None
        self._limit: float | None = None  # what the way took when that was known last
        self._used_at = 0.0  # when the way was last used for about as much as it may be
        self._unused_s = UNUSED_S
        self._full_s = FULL_S
        self._tried = (0.0, 0.0)  # what was sent, and what arrived, when the trial began
        self._boldness = BOLD
        self._rtt_s = 0.0
        self._heard_at: float | None = None
        self._before_silence: float | None = None
        self._halved_at = 0.0

    @property
    def target(self) -> int:
        """How much to send, bit/s."""
        return round(self._target)

    @property
    def pacing_rate(self) -> int:
        """How fast what is to be sent may leave, bit/s.

        A picture leaves at once on an open way; else hardly faster than it leaves the queue, where sound
        would have to wait behind it: here it need not.
        """
        leaving = self._delay.capacity
        if leaving is not None:
            factor = min(max(leaving / self._target, LEAST_FASTER), BOLD)
        elif self._capacity is not None or self._heard_at is None:
            factor = GENTLY
        else:
            factor = self._boldness
        return round(min(self._target * factor, FASTEST))

    @property
    def is_silent(self) -> bool:
        """Whether nothing is heard of what is sent: the target is low for that alone, and will be back."""
        return self._before_silence is not None

    @property
    def rtt_s(self) -> float | None:
        """The time there and back, seconds."""
        return self._reports.rtt_s if self._heard_at is None else self._rtt_s

    @property
    def loss(self) -> float:
        """Share of packets that did not come in the last seconds, 0..1."""
        if self._heard_at is None:
            return self._reports.loss
        return self._loss.counted(self._loss.settled_at - LOSS_S)[1]

    @property
    def clustering(self) -> float:
        """By how much more the number of losses varies than if each came alone."""
        return self._loss.clustering

    def acknowledged(self, told: Acknowledged, now: float) -> None:
        """Transport-wide feedback came."""
        self._loss.add(told.results)
        if all(result.arrived is None for result in told.results):
            return  # it may have waited for long: only what arrives says that the way is there
        heard_at, self._heard_at = self._heard_at, now
        elapsed = 0.0 if heard_at is None else min(now - heard_at, LONGEST_S)
        if heard_at is not None and self._before_silence is not None:
            self._loss.leave_out(heard_at - self._rtt_s, now)
            self._rtt_s = told.rtt_s or self._rtt_s  # it may be another way
            self._resume(now)
        self._throughput.add(told.results, gap=told.gap)
        for result in told.results:
            if result.arrived is None:
                self._delay.interrupt()
            elif not result.repeated:
                self._delay.add(result.sent_at, result.arrived, result.size)
        if told.rtt_s is not None:  # its least of about a second: most of the rest is the receiver waiting
            self._rtt_s = min(told.rtt_s, self._rtt_s * 1.02) if self._rtt_s else told.rtt_s
        arriving = self._throughput.rate
        if arriving is not None:
            self._decide(arriving, elapsed, now)

    def left(self, size: int, now: float) -> None:
        """A packet of ``size`` bytes left: counts where there is no transport-wide feedback."""
        if self._heard_at is None:
            self._reports.left(size, now)

    def reported(self, fraction_lost: float, rtt_s: float | None, now: float) -> None:
        """A receiver report came: used where there is no transport-wide feedback."""
        self._reports.reported(fraction_lost, rtt_s, now)
        if self._heard_at is None:
            self._set(self._reports.judge(self._target, now))

    def estimated(self, bitrate: int, now: float) -> None:
        """The other end says what it can take (REMB): used where there is no transport-wide feedback."""
        self._reports.estimated(bitrate, now)
        if self._heard_at is None:
            self._set(self._reports.judge(self._target, now))

    def tick(self, waiting_s: float, now: float) -> None:
        """To be called each 0.1 s or so, with :meth:`SentLog.waiting_s`: for what nobody tells."""
        patience_s = max(SILENT_S, 2 * self._rtt_s + 0.2)
        if self._heard_at is None or waiting_s < patience_s:
            return
        if now - max(self._heard_at, self._halved_at) < patience_s:  # what is long under way is no silence
            return
        self._halved_at = now
        if self._before_silence is None:
            self._before_silence = self._target
        self._set(self._target / 2)

    def _resume(self, now: float) -> None:
        """Something is heard again: what was lost meanwhile, and what waited, tells nothing."""
        assert self._before_silence is not None
        self._delay.restart()
        self._throughput.restart()
        self._trial.restart(now)
        self._queue = None
        self._set(self._before_silence * RESUMING)
        self._before_silence = None

    def _decide(self, arriving: float, elapsed: float, now: float) -> None:
        queue_s, is_even = self._delay.queue_s, self._delay.capacity is not None
        if self._throughput.overload > OVERLOADED / (1 - self._trial.own):
            queue_s = max(queue_s, self._delay.waited_s) if is_even else queue_s
        elif not is_even:
            queue_s /= UNEVEN
        self._full_s += (FULL_S - self._full_s) * elapsed / FORGIVING_S
        if self._delay.crowded < OPEN:
            self._boldness = min(self._boldness * (1 + elapsed), BOLDEST)
        elif self._delay.crowded > 3 * OPEN:
            self._boldness = max(self._boldness * (1 - 2 * elapsed), BOLD)
        if self._queue is not None:
            self._trial.restart(now)
            self._drain(self._queue, queue_s, arriving, now)
        elif queue_s > self._full_s:
            self._queue = _Queue(now, self._target, self._capacity, queue_s, now, queue_s)
            self._lower(queue_s, arriving)
        elif not self._try(arriving, elapsed, now):
            self._grow(queue_s, arriving, elapsed, now)

    def _lower(self, queue_s: float, arriving: float) -> None:
        """A queue stands or grows: what leaves it is what the way takes. Send less than that."""
        self._capacity, self._by_loss = self._delay.capacity or arriving, False
        share = min(max(queue_s / DRAINED_S, LEAST_LESS), MOST_LESS)
        self._set(min(self._target, self._capacity * (1 - share)))

    def _drain(self, queue: _Queue, queue_s: float, arriving: float, now: float) -> None:
        """Wait for the queue to be empty, and find out whether it is one of ours."""
        assert self._capacity is not None
        queue.peak_s = max(queue.peak_s, queue_s)
        if queue_s < EMPTY_S:
            self._queue = None
            takes_s = queue.peak_s * self._capacity / max(self._capacity - self._target, 1.0)
            if now - queue.since < self._rtt_s + max(STANDING_S, 0.6 * takes_s):
                self._doubt(queue)  # it went before less could have arrived
            else:
                self._set(self._capacity * CRUISING)
        elif queue_s > queue.marked_s + 0.01 or self._throughput.overload > OVERLOADED / (
            1 - self._trial.own
        ):
            queue.marked_at, queue.marked_s = now, queue_s
            self._lower(queue_s, arriving)
        elif queue_s < queue.marked_s * 0.7:
            queue.marked_at, queue.marked_s = now, queue_s
        elif now - queue.marked_at > STUCK_S + 2 * self._rtt_s:
            self._queue = None
            self._delay.forget_base()
            self._doubt(queue)

    def _doubt(self, queue: _Queue) -> None:
        """It was no queue of ours: take it back, and take the next for one a little later."""
        self._full_s = min(self._full_s * 1.2, FULLEST_S)
        self._capacity = queue.known
        self._set(queue.target)

    def _try(self, arriving: float, elapsed: float, now: float) -> bool:
        """Whether it is being tried if less is lost when less is sent."""
        sent, arrived = self._tried
        match self._trial.judge(elapsed, self._rtt_s, now):
            case Verdict.TRY:
                self._tried = (self._target, arriving)
                self._set(min(self._target, arriving * TRYING))
            case Verdict.OWN:
                self._set(sent)
            case Verdict.TOO_MUCH:
                self._capacity, self._by_loss = arrived, True
                self._set(arrived * CRUISING)
            case None:
                pass
        return self._trial.is_on

    def _grow(self, queue_s: float, arriving: float, elapsed: float, now: float) -> None:
        leaving = self._delay.capacity
        is_used = leaving is not None or queue_s > EMPTY_S or arriving * UNUSED > self._target
        if is_used:
            self._used_at = now
        self._doubt_limit(arriving, now)
        if self._capacity is None and (leaving is None or self._target < leaving * 0.8):
            if is_used or self._limit is None:
                wanted = self._target * 2 ** (elapsed / max(DOUBLING_S, 4 * self._rtt_s))
            else:
                wanted = self._target * (1 + BOLDLY * elapsed)
        else:
            slowly = SLOWLY * elapsed
            if self._by_loss:
                slowly /= 2
            elif self._delay.crowded < OPEN:
                slowly *= 2.5
            wanted = self._target * (1 + slowly * max(1 - queue_s / EMPTY_S, -1.0))
            if leaving is not None:
                wanted = min(wanted, max(leaving * FILLING, self._target * (1 - slowly)))
        allowed = arriving * UNUSED
        if not is_used:
            free = arriving + UNPROVEN if self._capacity is None else self._capacity * CRUISING
            allowed = max(allowed, free)
        self._set(min(wanted, max(self._target, allowed)))

    def _doubt_limit(self, arriving: float, now: float) -> None:
        """Forget what the way takes when more arrives, or when nobody has tried for long."""
        if self._capacity is not None:
            self._limit = self._capacity
        if self._limit is not None and arriving > self._limit * BETTER:
            self._capacity = self._limit = None
            self._unused_s = UNUSED_S
        elif self._capacity is not None and now - self._used_at > self._unused_s:
            self._capacity = None
            self._unused_s = min(2 * self._unused_s, UNUSED_MOST_S)

    def _set(self, rate: float) -> None:
        self._target = min(max(rate, self._lowest), self._highest)
