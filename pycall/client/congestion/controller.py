"""The rate at which to send, so that everything arrives and no queue stands."""

from __future__ import annotations

from typing import Final

from pycall.client.congestion.delay import Delay
from pycall.client.congestion.loss import Loss
from pycall.client.congestion.sent import Acknowledged
from pycall.client.congestion.throughput import Throughput

START: Final = 500_000
LOWEST: Final = 60_000
HIGHEST: Final = 20_000_000
"""Bit/s."""

FULL_S: Final = 0.02
"""A queue that stands longer than this is too much: less is sent until it is gone."""

EMPTY_S: Final = 0.008
"""A queue shorter than this is gone."""

DOUBLING_S: Final = 0.7
"""The rate doubles in so long while nothing is known of the way's limit."""

SLOWLY: Final = 0.1
"""Otherwise it grows by this share each second."""

UNUSED: Final = 2.0
"""The rate is never this many times what arrives: nobody knows whether the way would take it."""

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
        self._draining = False
        self._capacity: float | None = None
        self._heard_at: float | None = None
        self._before_silence: float | None = None
        self._halved_at = 0.0
        self._feedback = False
        self._rtt_s: float | None = None
        self._reported_loss = 0.0

    @property
    def target(self) -> int:
        """How much to send, bit/s."""
        return round(self._target)

    @property
    def pacing_rate(self) -> int:
        """How fast what is to be sent may leave, bit/s."""
        return round(self._target * 2.5)

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
        return self._loss.fraction(5.0) if self._feedback else self._reported_loss

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
        else:
            self._loss.add(told.results)
        self._throughput.add(told.results, gap=told.gap)
        for result in told.results:
            if result.arrived is not None and not result.repeated:
                self._delay.add(result.sent_at, result.arrived, result.size)
        if told.rtt_s is not None:
            self._rtt_s = told.rtt_s if self._rtt_s is None else min(told.rtt_s, self._rtt_s * 1.02)
        if self._before_silence is not None:
            self._target, self._before_silence = self._before_silence * 0.8, None
        self._decide(elapsed)

    def reported(self, fraction_lost: float, rtt_s: float | None, now: float) -> None:  # noqa: ARG002
        """A receiver report came: all there is towards a peer without transport-wide feedback."""
        if rtt_s is not None:
            self._rtt_s = rtt_s
        self._reported_loss = fraction_lost
        if self._feedback:
            return
        if fraction_lost > 0.1:
            self._set(self._target * (1 - fraction_lost / 2))
        elif fraction_lost < 0.02:
            self._set(self._target * 1.08)

    def estimated(self, bitrate: int, now: float) -> None:  # noqa: ARG002
        """The other end says what it can take (REMB): heeded where there is no better feedback."""
        if not self._feedback:
            self._set(min(self._target, bitrate))

    def tick(self, waiting_s: float, now: float) -> None:
        """To be called each 0.1 s or so, with :meth:`SentLog.waiting_s`: for what nobody tells."""
        if not self._feedback or waiting_s < SILENT_S or now - self._halved_at < SILENT_S:
            return
        self._halved_at = now
        if self._before_silence is None:
            self._before_silence = self._target
        self._set(self._target / 2)

    def _decide(self, elapsed: float) -> None:
        queue_s, arriving = self._delay.queue_s, self._throughput.rate
        if arriving is None:
            return
        if queue_s > (EMPTY_S if self._draining else FULL_S):
            self._draining = True
            self._capacity = self._delay.capacity or arriving
            self._set(min(self._target, self._capacity * (1 - min(max(queue_s / 0.4, 0.12), 0.5))))
            return
        if self._draining:
            assert self._capacity is not None
            self._draining = False
            self._set(self._capacity * 0.93)
            return
        if self._target > arriving * UNUSED:
            return
        if self._capacity is not None and arriving > self._capacity * 1.08:
            self._capacity = None
        if self._capacity is None:
            self._set(self._target * 2 ** (elapsed / DOUBLING_S))
        else:
            self._set(self._target * (1 + SLOWLY * elapsed))

    def _set(self, rate: float) -> None:
        self._target = min(max(rate, self._lowest), self._highest)
