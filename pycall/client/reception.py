"""What comes from the other end, on its way to the media side: counted, timed, handed on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import av

from pycall.client.compat import ReceiverTap
from pycall.client.handover import Handover
from pycall.client.latency import ClockOffset, LatencyMeter
from pycall.client.stages import Kind, Stages
from pycall.client.tracks import Incoming, SoundPacket
from pycall.codecs.packets import Samples, samples_in
from pycall.core import inputs


class Reception:
    """The media of one connection; ``clock`` knows the other end's wall clock.

    ``handover`` is that of the whole call.
    """

    def __init__(
        self,
        attempt: int,
        incoming: Incoming,
        clock: ClockOffset,
        stages: Mapping[Kind, Stages],
        post: Callable[[inputs.Input], None],
        *,
        handover: Handover,
    ) -> None:
        self._attempt = attempt
        self._handover = handover
        self._incoming = incoming
        self._clock = clock
        self._stages = stages
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
        self._handover.ended(self._attempt)

    def picture_came(self, frame: av.VideoFrame, arrival: float) -> None:
        """Take a picture that was decoded at ``arrival``, monotonic seconds."""
        if not self._takes("video"):
            return
        if self.pictures == 0:
            self._post(inputs.MediaArrived(self._attempt, "video"))
        self.pictures += 1
        self.size = (frame.width, frame.height)
        captured_at = None if frame.pts is None else self._timed("video", frame.pts, arrival)
        self._incoming.picture(frame, arrival, captured_at)

    def packet_came(
        self, sequence: int, timestamp: int, payload: bytes, arrival: float, *, repaired: bool
    ) -> None:
        """Take a packet of sound as it came; see :class:`~pycall.client.tracks.SoundPacket`."""
        if not self._takes("audio"):
            return
        self._sounded(samples_in(payload))
        captured_at = self._timed("audio", timestamp, arrival)
        self._incoming.packet(SoundPacket(sequence, timestamp, payload, arrival, captured_at, repaired))

    def sound_came(self, samples: Samples, timestamp: int, arrival: float) -> None:
        """Take sound that aiortc decoded; ``timestamp`` counts samples by the sender's clock."""
        if not self._takes("audio"):
            return
        self._sounded(len(samples))
        self._timed("audio", timestamp, arrival)
        self._incoming.sound(samples, timestamp, arrival)

    def _takes(self, kind: Kind) -> bool:
        return not self._over and self._handover.takes(self._attempt, kind)

    def _sounded(self, samples: int) -> None:
        if self.samples == 0:
            self._post(inputs.MediaArrived(self._attempt, "audio"))
        self.samples += samples

    def _timed(self, kind: Kind, pts: int, arrival: float) -> float | None:
        """When what came was captured, on our monotonic clock; ``None`` while a clock is unknown."""
        captured_at, ahead_s = self.taps[kind].captured_at(pts), self._clock.seconds
        came_at, left_at = self.taps[kind].came(pts) or (arrival, None)
        if left_at is not None:
            self._stages[kind].note("repair", left_at - came_at)
            self._stages[kind].note("decode", arrival - left_at)
        if captured_at is None or ahead_s is None:
            return None
        unix_ahead_s = time.time() - time.monotonic()  # noqa: TID251  reports carry the other's wall clock
        captured_at -= ahead_s + unix_ahead_s
        self.latency[kind].add(arrival - captured_at)
        self._stages[kind].note("way", came_at - captured_at)
        return captured_at
