"""Tracks between the call's media and a peer connection.

Outgoing tracks are proxies: they end with their peer connection and leave the source alone, never
raise while it lives, and hand out frames of their own, since an encoder changes the frame it is given.
Incoming tracks are emptied as fast as frames come, so that no queue grows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Generic, Protocol, TypeVar

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.video.frame import PictureType
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from pycall.codecs.black import blacken
from pycall.codecs.packets import Samples

logger = logging.getLogger(__name__)

SAMPLE_RATE: Final = 48_000
BLOCK: Final = 960
"""Samples of one packet of sound: 20 ms."""

PICTURE_CLOCK: Final = 90_000
"""Ticks per second of a picture's RTP clock (RFC 7741 section 4.1)."""

SOUND_DEPTH: Final = 8
"""Blocks of sound that may wait while the event loop is late."""

SOUND_GAP_S: Final = 0.08
"""A block this much later than its samples say comes after a gap of the source."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Picture(Protocol):
    """A captured picture: yuv420p, even size; never changed."""

    @property
    def frame(self) -> av.VideoFrame:
        """The picture."""

    @property
    def time(self) -> float:
        """When it was captured, monotonic seconds."""


class Sound(Protocol):
    """A captured block of mono sound, 960 samples at 48 kHz."""

    @property
    def samples(self) -> Samples:
        """The samples."""

    @property
    def time(self) -> float:
        """When its first sample was captured, monotonic seconds."""


class Reader(Protocol[T_co]):
    """One reader's place at a feed."""

    async def next(self) -> T_co | None:
        """The next item; ``None`` when nothing more comes."""

    def close(self) -> None:
        """Give the place up."""


class SourceFeed(Protocol[T_co]):
    """Where captured media is published; :class:`pycall.media.feed.Feed`."""

    def subscribe(self, depth: int = 1) -> Reader[T_co]:
        """A new reader that keeps the newest ``depth`` items."""


@dataclass(frozen=True, slots=True)
class SoundPacket:
    """Encoded sound, as it came."""

    sequence: int
    """Its place among those sent; counts on without wrapping around."""
    timestamp: int
    """Of its first sample, in samples at 48 kHz on the sender's clock; does not wrap around either."""
    payload: bytes
    """A packet of Opus; may be anything."""
    arrival: float
    """When it came, monotonic seconds."""
    captured_at: float | None
    """When its first sample was captured, on our monotonic clock; ``None`` while that is unknown."""
    repaired: bool
    """Whether it was lost first and came when it was asked for again."""


class Incoming(Protocol):
    """Who takes the other end's media; called on the event loop, returns at once."""

    def picture(self, frame: av.VideoFrame, arrival: float, captured_at: float | None) -> None:
        """A picture was decoded at ``arrival``, monotonic seconds.

        ``captured_at`` is when the other end captured it, on our monotonic clock; ``None`` while unknown.
        """

    def packet(self, packet: SoundPacket) -> None:
        """Encoded sound came, in whatever order."""

    def sound(self, samples: Samples, timestamp: int, arrival: float) -> None:
        """Sound came decoded, where aiortc receives it its own way.

        It is mono; ``timestamp`` counts samples by the sender's clock.
        """


@dataclass(slots=True)
class Hold:
    """Whether black and silence are sent in place of camera and microphone."""

    is_on: bool = False


class _OutgoingTrack(MediaStreamTrack, Generic[T]):
    """Common to both kinds: reads a feed until stopped; silent, not ended, when the feed closes."""

    def __init__(self, feed: SourceFeed[T], depth: int, hold: Hold | None) -> None:
        super().__init__()
        self._feed = feed
        self._hold = hold or Hold()
        self._depth = depth
        self._reader: Reader[T] | None = None
        self._taken: deque[tuple[float, float]] = deque(maxlen=2)
        self._stopped = asyncio.Event()
        self.frames = 0
        """Frames handed to the encoder."""

    async def _next(self) -> T:
        if self._reader is None:  # at the first use: what was captured before is of no interest
            self._reader = self._feed.subscribe(self._depth)
        item = None if self._stopped.is_set() else await self._reader.next()
        if item is None:
            await self._stopped.wait()
            raise MediaStreamError
        return item

    def _took(self, captured_at: float) -> None:
        self._taken.append((time.monotonic(), captured_at))
        self.frames += 1

    def captured_at(self, sent_at: float) -> float | None:
        """When the frame was captured that was last taken before ``sent_at``; monotonic seconds."""
        return next((captured for taken, captured in reversed(self._taken) if taken <= sent_at), None)

    def stop(self) -> None:
        """Leave the feed; the source goes on."""
        super().stop()
        self._stopped.set()
        if self._reader is not None:
            self._reader.close()


class PictureTrack(_OutgoingTrack[Picture]):
    """Pictures to send; always the newest one."""

    kind = "video"

    def __init__(self, feed: SourceFeed[Picture], origin: float, hold: Hold | None = None) -> None:
        super().__init__(feed, 1, hold)
        self._reader = feed.subscribe()  # so that the newest picture can leave at once
        self._origin = origin
        self._pts = -1
        self._copy: av.VideoFrame | None = None

    async def recv(self) -> av.VideoFrame:
        """The newest picture, stamped on the clock that began at ``origin``."""
        picture = await self._next()
        frame = self._black(picture.frame) if self._hold.is_on else self._copied(picture.frame)
        self._pts = max(self._pts + 1, round((picture.time - self._origin) * PICTURE_CLOCK))
        frame.pts, frame.time_base = self._pts, Fraction(1, PICTURE_CLOCK)
        frame.pict_type = PictureType.NONE  # what is left of the last encoding would ask for a key picture
        self._took(picture.time)
        return frame

    def _copied(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The picture in a frame of our own."""
        copy = self._own(frame)
        for mine, theirs in zip(copy.planes, frame.planes, strict=True):
            _rows(mine)[:, : mine.width] = _rows(theirs)[:, : mine.width]  # rows may be padded differently
        return copy

    def _black(self, frame: av.VideoFrame) -> av.VideoFrame:
        """A picture of the same size that shows nothing."""
        black = self._own(frame)
        blacken(black)
        return black

    def _own(self, frame: av.VideoFrame) -> av.VideoFrame:
        """A frame of this size, used again and again: the encoder is done with it by then."""
        own = self._copy
        if own is None or (own.width, own.height) != (frame.width, frame.height):
            own = self._copy = av.VideoFrame(frame.width, frame.height, "yuv420p")
        return own


class SoundTrack(_OutgoingTrack[Sound]):
    """Sound to send, in blocks of 20 ms."""

    kind = "audio"

    def __init__(self, feed: SourceFeed[Sound], origin: float, hold: Hold | None = None) -> None:
        super().__init__(feed, SOUND_DEPTH, hold)
        self._clock = StampClock(origin)

    async def recv(self) -> av.AudioFrame:
        """The next block, stamped on the clock that began at ``origin``."""
        sound = await self._next()
        while len(sound.samples) != BLOCK:  # nothing the encoder could take
            sound = await self._next()
        samples = np.zeros_like(sound.samples) if self._hold.is_on else sound.samples
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts, frame.time_base = self._clock.stamp(sound.time), Fraction(1, SAMPLE_RATE)
        self._took(sound.time)
        return frame


class StampClock:
    """Stamps blocks of sound: counts samples, and jumps only over gaps of the source.

    A sound card's clock and ours drift apart; the slow part of the difference is followed.
    """

    def __init__(self, origin: float) -> None:
        self._origin = origin
        self._next: int | None = None
        self._drift = 0.0

    def stamp(self, captured_at: float) -> int:
        """The time stamp, in samples, of a block whose first sample was captured then."""
        due = max(0, round((captured_at - self._origin) * SAMPLE_RATE))
        if self._next is None:
            self._next = due
        late = due - self._next
        self._drift += (late - self._drift) * 0.01
        if late > 0 and late - self._drift > SOUND_GAP_S * SAMPLE_RATE:
            self._next, self._drift = due, 0.0
        stamp = self._next
        self._next += BLOCK
        return stamp


def _rows(plane: VideoPlane) -> NDArray[np.uint8]:
    """A plane's memory, shape (height, bytes of a row)."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height]


async def receive_pictures(track: MediaStreamTrack, took: Callable[[av.VideoFrame, float], None]) -> None:
    """Hand every picture of ``track`` to ``took`` with its arrival, until the track ends."""
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if isinstance(frame, av.VideoFrame):
            took(frame, time.monotonic())


async def receive_sound(track: MediaStreamTrack, took: Callable[[Samples, int, float], None]) -> None:
    """Hand all sound of ``track`` to ``took``, mono, with time stamp and arrival, until the track ends."""
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if isinstance(frame, av.AudioFrame) and frame.pts is not None:
            took(mono(frame), frame.pts, time.monotonic())


def mono(frame: av.AudioFrame) -> Samples:
    """The samples of a packed 16 bit frame as one channel."""
    samples = frame.to_ndarray().astype(np.int16, copy=False).reshape(-1)
    channels = len(frame.layout.channels)
    if channels == 1:
        return samples
    mixed: Samples = samples.reshape(-1, channels).mean(axis=1, dtype=np.float32).astype(np.int16)
    return mixed
