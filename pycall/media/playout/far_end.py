"""Where received media goes: pictures to whoever shows them, in time with the sound in the playout."""

from __future__ import annotations

import statistics
import time
from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import av

from pycall.codecs.black import black_frame
from pycall.media.feed import Feed
from pycall.media.frames import Picture, Samples
from pycall.media.playout.lips import Lips
from pycall.media.playout.packets import SoundPacket
from pycall.media.playout.playout import Playout
from pycall.media.playout.schedule import Schedule
from pycall.media.tap import Tap

LOOKAHEAD_S: Final = 0.0065
"""So much later sound leaves Opus than its time stamps say, mostly for its encoder (RFC 6716 section 2)."""

MEMORY: Final = 30
"""Pictures whose delays are told: a second."""

STARVED_S: Final = 1.0
"""After so long without a picture there are none any more, and sound is not held for them."""


class Sounding(Protocol):
    """What plays the sound; :class:`pycall.media.playout.speaker.Speaker`."""

    @property
    def latency_s(self) -> float:
        """Seconds from pulling a sample to its coming out."""


@dataclass(frozen=True, slots=True)
class Delays:
    """How long the other side's media takes, in seconds; ``None`` is *not known*."""

    picture_held_s: float | None
    """From a picture's coming to its being shown."""
    picture_s: float | None
    """From its capture to its being shown."""
    sound_held_s: float
    """How long sound that took the shortest way waits until it is pulled, with Opus' look-ahead."""
    device_s: float
    """From there to its coming out of the speaker, as that says."""
    sound_s: float | None
    """From the capture of what is heard now to its coming out."""


class _Received(NamedTuple):
    """A picture on its way to being shown, and when it came and was captured; monotonic seconds."""

    frame: av.VideoFrame
    arrival: float
    captured_at: float | None


class FarEnd:
    """The other side, as seen and heard here. It outlives every peer connection of a call.

    What is received is handed over on the event loop.
    """

    def __init__(self) -> None:
        self.shown: Feed[Picture] = Feed()
        """Pictures with the time at which they are shown."""
        self.playout = Playout()
        self.speaker: Sounding | None = None
        """What plays the sound; pictures wait for its latency too."""
        self._lips = Lips()
        self._pictured_at = float("-inf")
        self._schedule: Schedule[_Received] = Schedule(self._show)
        self._delays: deque[tuple[float, float | None]] = deque(maxlen=MEMORY)
        self._odd: Feed[Picture] = Feed()
        self._fitting: Tap[Picture] | None = None  # only where somebody sends what has to be converted
        self._size: tuple[int, int] | None = None
        self._closed = False

    def picture(self, frame: av.VideoFrame, arrival: float, captured_at: float | None = None) -> None:
        """A decoded picture; it is shown at once, or a little later so that lips fit what is heard.

        ``arrival`` is monotonic seconds, and so is ``captured_at``, when the other end took it.
        """
        self._pictured_at = arrival
        heard_s, held_s = self._heard_s(time.monotonic()), self.playout.delay_s
        at = self._lips.show_at(captured_at, arrival, heard_s=heard_s, held_s=held_s)
        self.playout.at_least_s = self._lips.floor_s
        self._schedule.add(_Received(frame, arrival, captured_at), at)

    def interrupted(self, now: float) -> None:
        """Nothing comes any more since about ``now``: what was last seen is not shown on, nor recorded."""
        self.gone()
        if self._size is not None:
            self.shown.publish(Picture(black_frame(*self._size), now))

    def gone(self) -> None:
        """The other side is not there any more: what came is shown no more, who comes next begins anew."""
        self._schedule.clear()
        self._part()

    def packet(self, packet: SoundPacket) -> None:
        """Encoded sound, as it came, in whatever order."""
        self._look_for_pictures(packet.arrival)
        self.playout.packet(packet)

    def sound(self, samples: Samples, timestamp: int, arrival: float) -> None:
        """A decoded block of mono sound; ``timestamp`` counts samples on the sender's clock."""
        self._look_for_pictures(arrival)
        self.playout.push(samples, timestamp, arrival)

    @property
    def sound_delay_s(self) -> float:
        """How long sound is held against jitter, in seconds."""
        return self.playout.delay_s

    def delays(self) -> Delays:
        """What the holding here adds up to, at the median of the last pictures."""
        shown, held_s = tuple(self._delays), self.playout.delay_s
        return Delays(
            picture_held_s=_median([held_s for held_s, _ in shown]),
            picture_s=_median([since_s for _, since_s in shown if since_s is not None]),
            sound_held_s=held_s + LOOKAHEAD_S if held_s else 0.0,
            device_s=self._device_s,
            sound_s=self._heard_s(time.monotonic()),
        )

    def close(self) -> None:
        """Show nothing more; returns within a second. May be called from any thread."""
        self._closed = True
        if self._fitting is not None:
            self._fitting.close()
        self.shown.close()

    def _look_for_pictures(self, now: float) -> None:
        if self._lips.floor_s and now - self._pictured_at > STARVED_S:
            self._part()

    def _part(self) -> None:
        """Hold neither for the other until both are known again."""
        self._lips, self.playout.at_least_s = Lips(), 0.0

    @property
    def _device_s(self) -> float:
        return 0.0 if self.speaker is None else self.speaker.latency_s

    def _heard_s(self, now: float) -> float | None:
        """How long ago what is pulled now was captured, when it comes out; ``None`` when nothing is."""
        captured_at = self.playout.capture_time_playing(now)
        return None if captured_at is None else now + LOOKAHEAD_S + self._device_s - captured_at

    def _show(self, received: _Received) -> None:
        frame, arrival, captured_at = received
        now = time.monotonic()
        self._delays.append((now - arrival, None if captured_at is None else now - captured_at))
        picture = Picture(frame, now)
        self._size = _even(frame)
        if (frame.width, frame.height, frame.format.name) == (*_even(frame), "yuv420p"):
            self.shown.publish(picture)
        elif not self._closed:
            self._fitting = self._fitting or Tap("fitting", self._odd, self._fit)
            self._odd.publish(picture)

    def _fit(self, picture: Picture) -> None:
        frame = picture.frame.reformat(*_even(picture.frame), "yuv420p")
        self.shown.publish(Picture(frame, time.monotonic()))


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def _even(frame: av.VideoFrame) -> tuple[int, int]:
    return max(2, frame.width & ~1), max(2, frame.height & ~1)
