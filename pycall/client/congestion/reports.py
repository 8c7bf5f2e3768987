"""The rate towards a peer that gives no transport-wide feedback: from its receiver reports and estimates.

Reports (RFC 3550 section 6.4) come about once a second and tell the share lost and the round trip; an
estimate (REMB, draft-alvestrand-rmcat-remb) is what the receiver believes it can be sent. Loss is judged as
in draft-ietf-rmcat-gcc-02 section 6, and the least of what both allow is sent.
"""

from __future__ import annotations

from collections import deque
from typing import Final

GROWTH: Final = 0.08
"""Share by which the rate grows each second, as long as nothing speaks against it."""

DOUBLING_S: Final = 1.0
"""It doubles in so long while the other end's estimate is more than twice as much."""

UNUSED: Final = 2.0
"""It does not grow beyond this many times what is sent: nobody knows whether the way would take it."""

MUCH: Final = 0.1
LITTLE: Final = 0.02
"""Shares lost: above the one less is sent, below the other more."""

SHORTER: Final = 0.85
LONGER_S: Final = 0.1
"""A round trip so much longer than the least one has a queue in it: less is sent, by this."""

LEAST_S: Final = 10
"""The least round trip is that of so many seconds: the way may be another one now."""

BOUND_S: Final = 10.0
"""An estimate that is not repeated is believed for so long."""

SENT_S: Final = 1.0
"""What is sent is measured over so long."""

LONGEST_S: Final = 2.0
"""Between two looks no more time is credited than this."""


class Reports:
    """Keeps what was told last; the rate is kept by whoever asks. ``now`` is monotonic seconds.

    Whatever is sent, the rate may grow to ``start``, bit/s: so much is sent to begin with.
    """

    def __init__(self, start: int) -> None:
        self.loss = 0.0
        """The share lost, 0..1."""
        self.rtt_s: float | None = None
        self._start = start
        self._least_rtts: deque[tuple[int, float]] = deque()  # second, the least round trip in it
        self._bound: tuple[float, int] | None = None  # when it came, bit/s
        self._is_new = False
        self._judged_at: float | None = None
        self._leaving: tuple[float, int] | None = None  # since when is counted what left, bytes
        self._sent: float | None = None  # bit/s

    def left(self, size: int, now: float) -> None:
        """A packet of ``size`` bytes left."""
        since, count = self._leaving or (now, 0)
        if now - since >= SENT_S:
            self._sent = count * 8 / (now - since)
            since, count = now, 0
        self._leaving = since, count + size

    def reported(self, fraction_lost: float, rtt_s: float | None, now: float) -> None:
        """A report came."""
        self.loss, self._is_new = fraction_lost, True
        if rtt_s is None:
            return
        self.rtt_s = rtt_s
        second, least = int(now), self._least_rtts
        if least and least[-1][0] == second:
            rtt_s = min(rtt_s, least.pop()[1])
        least.append((second, rtt_s))
        while least[0][0] < second - LEAST_S:
            least.popleft()

    def estimated(self, bitrate: int, now: float) -> None:
        """An estimate came, in bit/s."""
        self._bound = now, bitrate

    def judge(self, rate: float, now: float) -> float:
        """What to send instead of ``rate``, bit/s; to be called after each report and estimate."""
        elapsed = 0.0 if self._judged_at is None else min(now - self._judged_at, LONGEST_S)
        self._judged_at = now
        is_new, self._is_new = self._is_new, False
        if self._bound is not None and now - self._bound[0] > BOUND_S:
            self._bound = None
        bound = None if self._bound is None else self._bound[1]
        if self._is_longer:
            rate *= SHORTER if is_new else 1.0
        elif self.loss > MUCH:
            rate *= 1 - self.loss / 2 if is_new else 1.0
        elif self.loss < LITTLE:
            rate = max(rate, min(self._more(rate, elapsed, bound), self._allowed))
        return rate if bound is None else min(rate, bound)

    @property
    def _is_longer(self) -> bool:
        """Whether there is a queue in the round trip."""
        least_s = min((rtt_s for _, rtt_s in self._least_rtts), default=None)
        return least_s is not None and self.rtt_s is not None and self.rtt_s - least_s > LONGER_S

    @property
    def _allowed(self) -> float:
        return float("inf") if self._sent is None else max(self._sent * UNUSED, self._start)

    @staticmethod
    def _more(rate: float, elapsed: float, bound: int | None) -> float:
        """Half of what the other end believes in is soon tried, the rest slowly."""
        more = rate * (1 + GROWTH * elapsed)
        return more if bound is None else max(more, min(rate * 2 ** (elapsed / DOUBLING_S), bound / 2))
