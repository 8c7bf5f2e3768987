"""Figures of a call: what a connection has counted, and what a second of it looked like.

Nothing here does I/O or looks at a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pycall.core.events import Stats

SHORTEST_S: Final = 0.001
"""Of less time there are no rates worth telling."""


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

    def update(self, counters: Counters, now: float, *, playout_s: float | None = None) -> Stats | None:
        """The figures since the last call; ``None`` the first time, or at once. ``now`` is monotonic seconds.

        ``playout_s`` is what the playout of sound holds back; it belongs to the latency of sound.
        """
        last, self._last = self._last, (now, counters)
        if last is None or now - last[0] < SHORTEST_S:
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


def _kbps(octets: int, seconds: float) -> float:
    return round(octets * 8 / 1000 / seconds, 1)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
