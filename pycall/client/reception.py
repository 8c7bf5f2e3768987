"""What comes from the other end, on its way to the media side: counted, timed, handed on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeAlias

import av

from pycall.client.compat import ReceiverTap
from pycall.client.latency import ClockOffset, LatencyMeter
from pycall.client.tracks import Incoming, Samples
from pycall.core import inputs

Kind: TypeAlias = Literal["audio", "video"]


class Reception:
    """The decoded media of one connection; ``clock`` knows the other end's wall clock."""

    def __init__(
        self, attempt: int, incoming: Incoming, clock: ClockOffset, post: Callable[[inputs.Input], None]
    ) -> None:
        self._attempt = attempt
        self._incoming = incoming
        self._clock = clock
        self._post = post
        self._over = False
        self.taps: dict[Kind, ReceiverTap] = {}
        self.pictures = 0
        self.samples = 0
        self.size: tuple[int, int] | None = None
        """Width and height of the last picture."""
        self.latency: dict[Kind, LatencyMeter] = {"audio": LatencyMeter(), "video": LatencyMeter()}

    def end(self) -> None:
        """Hand on nothing more: what is still decoded comes after the end."""
        self._over = True

    def picture_came(self, frame: av.VideoFrame, arrival: float) -> None:
        """Take a decoded picture; ``arrival`` is monotonic seconds."""
        if self._over:
            return
        if self.pictures == 0:
            self._post(inputs.MediaArrived(self._attempt, "video"))
        self.pictures += 1
        self.size = (frame.width, frame.height)
        if frame.pts is not None:
            self._measure("video", frame.pts)
        self._incoming.picture(frame, arrival)

    def sound_came(self, samples: Samples, timestamp: int, arrival: float) -> None:
        """Take decoded sound; ``timestamp`` counts samples by the sender's clock."""
        if self._over:
            return
        if self.samples == 0:
            self._post(inputs.MediaArrived(self._attempt, "audio"))
        self.samples += len(samples)
        self._measure("audio", timestamp)
        self._incoming.sound(samples, timestamp, arrival)

    def _measure(self, kind: Kind, pts: int) -> None:
        captured_at, ahead_s = self.taps[kind].captured_at(pts), self._clock.seconds
        if captured_at is not None and ahead_s is not None:
            now = time.time()  # noqa: TID251  sender reports carry the other end's wall clock
            self.latency[kind].add(now - (captured_at - ahead_s))
