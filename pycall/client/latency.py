"""How long media was on its way: from the other end's capture to the decoded frame here.

Three things meet: sender reports tie the sender's RTP clock to its wall clock (RFC 3550 section
6.4.1), pings tie its wall clock to ours, and each frame carries an RTP time. Nothing here does I/O
or looks at a clock.
"""

from __future__ import annotations

import statistics
from collections import deque
from typing import Final, NamedTuple

CLOCK_SAMPLES: Final = 8
"""Pings the clock offset is chosen from."""

CLOCK_AGE_S: Final = 30.0
"""Longer ago than this a ping says nothing of a clock: two drift apart by a millisecond or so meanwhile."""

SLACK_S: Final = 0.010
"""So far two pings may disagree beyond their round trips: clocks are coarse, and drift."""

MAX_CLOCK_RTT_S: Final = 5.0
"""Pings that took longer say nothing about a clock."""

LATENCY_SAMPLES: Final = 50
"""Frames a latency is the median of."""

MAX_LATENCY_S: Final = 60.0
"""A latency beyond this is a wrong clock, not a slow network."""

NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900, where NTP counts from, to 1970."""


class SenderClock:
    """Wall clock times of a sender's RTP time stamps, which count at ``rate`` per second."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._report: tuple[float, int] | None = None

    def reported(self, ntp: int, rtp: int) -> None:
        """A sender report ties both to one moment; ``ntp`` is in units of 2^-32 s, 0 says nothing."""
        if ntp:
            self._report = (ntp / 2**32 - NTP_EPOCH, rtp)

    def time_of(self, rtp: int) -> float | None:
        """The sender's Unix time at an RTP time stamp; ``None`` before the first report."""
        if self._report is None:
            return None
        unix, reported = self._report
        ahead = (rtp - reported + 2**31) % 2**32 - 2**31
        return unix + ahead / self._rate


class _Ping(NamedTuple):
    """What one says; the offset is off by half the round trip at most."""

    rtt_s: float
    offset_s: float
    back: float


class ClockOffset:
    """How far the other end's wall clock is ahead of ours, from pings (RFC 5905 section 8).

    Of the last few the one with the shortest round trip counts: it had the least room for error. Either
    clock may be set at any time; what was measured before that counts no more.
    """

    def __init__(self) -> None:
        self._samples: deque[_Ping] = deque(maxlen=CLOCK_SAMPLES)

    def add(self, asked: float, answered: float, back: float) -> None:
        """A ping left at ``asked``; its answer says ``answered`` (the other's clock) and came at ``back``."""
        newest = _Ping(back - asked, answered - (asked + back) / 2, back)
        if 0 <= newest.rtt_s <= MAX_CLOCK_RTT_S:
            agree = [ping for ping in self._samples if _agree(ping, newest)]
            self._samples = deque([*agree, newest], CLOCK_SAMPLES)

    @property
    def seconds(self) -> float | None:
        """The other's clock minus ours; ``None`` before the first answer."""
        return min(self._samples).offset_s if self._samples else None

    @property
    def rtt_s(self) -> float | None:
        """The shortest of the last round trips."""
        return min(self._samples).rtt_s if self._samples else None


def _agree(older: _Ping, newest: _Ping) -> bool:
    """Whether no clock was set between the two, as far as they can tell, and it was not long."""
    apart_s = abs(older.offset_s - newest.offset_s)
    return (
        abs(newest.back - older.back) <= CLOCK_AGE_S and apart_s <= (older.rtt_s + newest.rtt_s) / 2 + SLACK_S
    )


class LatencyMeter:
    """The median latency of the last frames of one kind."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=LATENCY_SAMPLES)

    def add(self, latency_s: float) -> None:
        """One frame's; what cannot be (a wrong clock) does not count."""
        if -1.0 < latency_s < MAX_LATENCY_S:
            self._samples.append(max(0.0, latency_s))

    @property
    def seconds(self) -> float | None:
        """The median; ``None`` before the first frame."""
        return statistics.median(self._samples) if self._samples else None
