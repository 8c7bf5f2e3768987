"""The rate towards a peer that gives no transport-wide feedback: from its receiver reports and estimates.

Reports (RFC 3550 section 6.4) come about once a second and tell the share lost and the round trip; an
estimate (REMB, draft-alvestrand-rmcat-remb) is what the receiver believes it can be sent. Loss is judged as
in draft-ietf-rmcat-gcc-02 section 6.
"""

from __future__ import annotations

import math
from typing import Final

GROWTH: Final = 0.08
"""Share by which the rate grows each second, as long as nothing speaks against it."""

MUCH: Final = 0.1
LITTLE: Final = 0.02
"""Shares lost: above the one less is sent, below the other more."""

LONGER_S: Final = 0.1
"""A round trip so much longer than the least one has a queue in it."""

LONGEST_S: Final = 2.0
"""Between two looks no more time is credited than this."""


class Reports:
    """Keeps what was told last; the rate is kept by whoever asks. ``now`` is monotonic seconds."""

    def __init__(self) -> None:
        self.loss = 0.0
        """The share lost, 0..1."""
        self.rtt_s: float | None = None
        self._least_rtt_s = math.inf
        self._bound: int | None = None
        self._is_new = False
        self._judged_at: float | None = None

    def reported(self, fraction_lost: float, rtt_s: float | None) -> None:
        """A report came."""
        self.loss, self._is_new = fraction_lost, True
        if rtt_s is not None:
            self.rtt_s = rtt_s
            self._least_rtt_s = min(self._least_rtt_s, rtt_s)

    def estimated(self, bitrate: int) -> None:
        """An estimate came, in bit/s."""
        self._bound = bitrate

    def judge(self, rate: float, now: float) -> float:
        """What to send instead of ``rate``, bit/s; to be called after each report and estimate."""
        elapsed = 0.0 if self._judged_at is None else min(now - self._judged_at, LONGEST_S)
        self._judged_at = now
        is_new, self._is_new = self._is_new, False
        if is_new and self.rtt_s is not None and self.rtt_s - self._least_rtt_s > LONGER_S:
            rate *= 0.85
        elif is_new and self.loss > MUCH and self._bound is None:
            rate *= 1 - self.loss / 2
        elif self.loss < LITTLE or self._bound is not None:
            rate *= 1 + GROWTH * elapsed
            rate = rate if self._bound is None else max(rate, self._bound / 2)
        return rate if self._bound is None else min(rate, self._bound)
