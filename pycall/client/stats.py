"""Figures of a call: what a connection has counted, and what a second of it looked like.

Nothing here does I/O or looks at a clock.
"""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass
from typing import Final

from pycall.core.events import Stats

CLOCK_SAMPLES: Final = 8
"""Pings the clock offset is chosen from."""

MAX_CLOCK_RTT_S: Final = 5.0
"""Pings that took longer say nothing about a clock."""

LATENCY_SAMPLES: Final = 50
"""Frames a latency is the median of."""

MAX_LATENCY_S: Final = 60.0
"""A latency beyond this is a wrong clock, not a slow network."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What one connection has counted since it was opened; ``None`` is *not known*.

    ``packets_received`` counts everything of the media and data planes, so that it stands still
    only when nothing at all comes. Losses and the jitter (RFC 3550 section 6.4.1) are of what was
    received; the latencies reach from capture to the decoded frame, before any playout delay.
    """

    bytes_sent: int = 0
    bytes_received: int = 0
    packets_received: int = 0
    packets_lost: int = 0
    frames_sent: int = 0
    frames_received: int = 0
    audio_sent_s: float = 0.0
    audio_received_s: float = 0.0
    width: int | None = None
    height: int | None = None
    jitter_s: float | None = None
    rtt_s: float | None = None
    audio_latency_s: float | None = None
    video_latency_s: float | None = None


class StatsMeter:
    """Turns the counters of successive moments into :class:`~pycall.core.events.Stats`."""

    def __init__(self) -> None:
        self._last: tuple[float, Counters] | None = None
        self._heard_at = 0.0
        self.silent_s = 0.0
        """How long nothing at all had come, at the last :meth:`update`."""

    def update(self, counters: Counters, now: float, *, playout_s: float | None = None) -> Stats | None:
        """The figures since the last call; ``None`` the first time. ``now`` is monotonic seconds.

        ``playout_s`` is what the playout of sound holds back; it belongs to the latency of sound.
        """
        last, self._last = self._last, (now, counters)
        if last is None or counters.packets_received != last[1].packets_received:
            self._heard_at = now
        self.silent_s = now - self._heard_at
        if last is None or now <= last[0]:
            return None
        seconds, before = now - last[0], last[1]
        audio_s = counters.audio_latency_s
        if audio_s is not None and playout_s is not None:
            audio_s += playout_s
        return Stats(
            sent_kbps=_kbps(counters.bytes_sent - before.bytes_sent, seconds),
            received_kbps=_kbps(counters.bytes_received - before.bytes_received, seconds),
            fps=round((counters.frames_received - before.frames_received) / seconds, 1),
            width=counters.width,
            height=counters.height,
            packets_lost=counters.packets_lost,
            jitter_ms=_ms(counters.jitter_s),
            rtt_ms=_ms(counters.rtt_s),
            audio_latency_ms=_ms(audio_s),
            video_latency_ms=_ms(counters.video_latency_s),
        )


class ClockOffset:
    """How far the other end's wall clock is ahead of ours, from pings (RFC 5905 section 8).

    Of the last few the one with the shortest round trip counts: it had the least room for error.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=CLOCK_SAMPLES)

    def add(self, asked: float, answered: float, back: float) -> None:
        """A ping left at ``asked``, was answered at ``answered`` (the other's clock), was back at ``back``."""
        rtt = back - asked
        if 0 <= rtt <= MAX_CLOCK_RTT_S:
            self._samples.append((rtt, answered - (asked + back) / 2))

    @property
    def seconds(self) -> float | None:
        """The other's clock minus ours; ``None`` before the first answer."""
        return min(self._samples)[1] if self._samples else None

    @property
    def rtt_s(self) -> float | None:
        """The shortest of the last round trips."""
        return min(self._samples)[0] if self._samples else None


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


def _kbps(octets: int, seconds: float) -> float:
    return round(octets * 8 / 1000 / seconds, 1)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
