"""A file or a stream from the network as camera, as microphone, or as both at once and in sync.

A file is played in real time, again and again. Its packets are put in order of time a little ahead, decoded
when they are due, and published at their moment; pictures and sound are stamped by one clock. A live
stream is passed on as it comes, since it is its sender who keeps the time.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeAlias, TypeVar
from urllib.parse import urlsplit

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from pycall.errors import DeviceFailed, DeviceNotFound, MediaError
from pycall.media.feed import Feed
from pycall.media.frames import BLOCK, SAMPLE_RATE, Notice, Picture, Samples, Sound
from pycall.media.keeper import Keeper
from pycall.media.sources.cadence import Cadence
from pycall.media.sources.letterbox import Letterbox
from pycall.media.sources.ordering import in_order
from pycall.media.sources.soundtrack import Soundtrack
from pycall.media.spec import File, Url

Item: TypeAlias = av.VideoFrame | Samples
T = TypeVar("T")

AnyPacket: TypeAlias = "Packet[Stream]"  # generic for type checkers only

PACKETS_AHEAD_S: Final = 1.5
"""How far apart a file may keep sound and picture of one moment, in seconds."""

DECODED_AHEAD_S: Final = 0.3
"""How much is decoded before it is due: more than the order of decoding differs from that of showing."""

LATE_S: Final = 1.0
"""After a pause this long (the machine slept, or is too slow) the clock is set anew."""

EARLY_S: Final = 60.0
"""Nor is anything waited for longer than this: its time must be wrong."""

_BLOCK_S: Final = BLOCK / SAMPLE_RATE
_URL_TIMEOUT_S: Final = 8.0
_SHORTEST_S: Final = 1.0
"""A round of a file lasts at least this long: a photograph is a film of one picture."""


class Player:
    """Plays ``source``; :attr:`video` and :attr:`audio` are its two sides, ``None`` where not wanted.

    When the source breaks off it is opened again once a second, announced as ``camera-lost`` and
    ``camera-back`` (``microphone-…`` when only its sound is wanted).
    """

    def __init__(
        self,
        source: File | Url,
        *,
        pictures: bool,
        sound: bool,
        size: tuple[int, int],
        fps: int,
        notice: Notice,
    ) -> None:
        self._source = source
        self._fps = fps
        self._letterbox = Letterbox(*size)
        self.label = _label(source)
        self.video = PlayedPictures(self) if pictures else None
        self.audio = PlayedSound(self) if sound else None
        self._open_sides = pictures + sound
        self._base = 0.0  # the monotonic time of the source's time 0
        self._keeper = Keeper("camera" if pictures else "microphone", self.label, self._run, notice)

    def start(self, cancelled: threading.Event | None = None) -> None:
        """Open the source and begin; raises as :meth:`Keeper.start`."""
        self._keeper.start(cancelled)

    def release(self) -> None:
        """One side is not needed any more; with the last one the player ends."""
        self._open_sides -= 1
        if self._open_sides <= 0:
            self._keeper.close()

    def _run(self, stop: threading.Event, alive: Callable[[], None]) -> None:
        self._base = time.monotonic()
        try:
            while not stop.is_set():
                with self._opened() as container:
                    self._play(container, stop, alive)
                if isinstance(self._source, Url) and not stop.is_set():
                    raise DeviceFailed(f"The stream {self.label} ended.")
        except (FFmpegError, OSError) as error:
            raise self._explained(error) from error

    def _opened(self) -> InputContainer:
        if isinstance(self._source, File):
            return av.open(str(self._source.path.absolute()))
        options = {"rtsp_transport": "tcp"} if self._source.url.startswith("rtsp") else {}
        return av.open(self._source.url, options=options, timeout=_URL_TIMEOUT_S)

    def _play(self, container: InputContainer, stop: threading.Event, alive: Callable[[], None]) -> None:
        """Once through; afterwards the clock's zero is where the next round begins."""
        streams = self._streams(container)
        live = isinstance(self._source, Url) and container.duration is None and container.format.name != "hls"
        packets = in_order(_demuxed(container, streams), 0.0 if live else PACKETS_AHEAD_S)
        soundtrack = Soundtrack()
        decoded = self._decoded(container, packets, soundtrack, live=live)
        items = in_order(decoded, 0.0 if live else DECODED_AHEAD_S)
        end = 0.0
        for at, item in items:
            if live:
                self._follow(at)
            elif not self._waited(at, stop):
                return
            self._publish(at, item)
            alive()
            end = max(end, at)
        end = max(end + 1 / self._fps if self.video else end, soundtrack.end_s, _SHORTEST_S)
        end = math.ceil(end / _BLOCK_S) * _BLOCK_S
        for at, block in soundtrack.fill(end) if self.audio else ():
            if not self._waited(at, stop):
                return
            self._publish(at, block)
        if self._waited(end, stop):
            self._base += end

    def _decoded(
        self,
        container: InputContainer,
        packets: Iterator[tuple[float, AnyPacket]],
        soundtrack: Soundtrack,
        *,
        live: bool,
    ) -> Iterator[tuple[float, Item]]:
        start = (container.start_time or 0) / av.time_base
        cadence = Cadence(self._fps)
        began = time.monotonic()
        for _, packet in packets:
            for frame in _frames_of(packet):
                at = frame.time - start if frame.time is not None else time.monotonic() - began
                if isinstance(frame, av.AudioFrame):
                    yield from soundtrack.add(at, frame)
                elif isinstance(frame, av.VideoFrame):
                    if self.audio is not None and not live:
                        yield from soundtrack.fill(at - DECODED_AHEAD_S)
                    if cadence.wants(at):
                        yield at, self._letterbox.fit(frame, _pixel_aspect(packet.stream))

    def _streams(self, container: InputContainer) -> list[VideoStream | AudioStream]:
        wanted: list[VideoStream | AudioStream] = []
        if self.video is not None:
            films = [
                each for each in container.streams.video if not each.disposition & Disposition.attached_pic
            ]
            if not films:
                raise DeviceFailed(f"There is no picture in {self.label}.", "Use it as --microphone only.")
            wanted.append(films[0])
        if self.audio is not None:
            if not container.streams.audio:
                raise DeviceFailed(f"There is no sound in {self.label}.", "Use it as --camera only.")
            wanted.append(container.streams.audio[0])
        return wanted

    def _waited(self, at: float, stop: threading.Event) -> bool:
        """Wait until ``at`` is due; false when it is time to stop."""
        late = time.monotonic() - self._base - at
        if not -EARLY_S < late < LATE_S:
            self._base += late
            late = 0.0
        return not stop.wait(max(0.0, -late))

    def _follow(self, at: float) -> None:
        """A live stream's clock: the fastest way anything came; set anew after a jump."""
        base = time.monotonic() - at
        if base < self._base or base - self._base > LATE_S:
            self._base = base

    def _publish(self, at: float, item: Item) -> None:
        moment = self._base + at
        if isinstance(item, av.VideoFrame):
            if self.video is not None:
                self.video.feed.publish(Picture(item, moment))
        elif self.audio is not None:
            self.audio.feed.publish(Sound(item, moment))

    def _explained(self, error: FFmpegError | OSError) -> MediaError:
        if isinstance(self._source, Url):
            return DeviceFailed(f"The stream {self.label} cannot be read: {error.strerror or error}.")
        match error:
            case FileNotFoundError():
                hint = "A path is taken relative to the current folder."
                return DeviceNotFound(f"There is no file {self._source.path}.", hint)
            case InvalidDataError():
                return DeviceFailed(f"{self._source.path} is no film, picture or sound that FFmpeg can read.")
        return DeviceFailed(f"{self._source.path} cannot be read: {error.strerror or error}.")


class Played(Generic[T]):
    """One side of a player, as a source of its own."""

    def __init__(self, player: Player) -> None:
        self.feed: Feed[T] = Feed()
        self.label = player.label
        self._player = player
        self._closed = False

    def start(self, cancelled: threading.Event | None = None) -> None:
        """Start the player; raises as :meth:`Keeper.start`."""
        self._player.start(cancelled)

    def close(self) -> None:
        """Let go of the player and close the feed."""
        if not self._closed:
            self._closed = True
            self._player.release()
            self.feed.close()


class PlayedPictures(Played[Picture]):
    """The picture side of a player."""


class PlayedSound(Played[Sound]):
    """The sound side of a player."""

    is_microphone = False


def _demuxed(
    container: InputContainer, streams: list[VideoStream | AudioStream]
) -> Iterator[tuple[float, AnyPacket]]:
    """Packets with the time of their decoding; the last of each stream is empty and drains its decoder."""
    latest = 0.0
    for packet in container.demux(*streams):
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is not None and packet.time_base is not None:
            latest = float(stamp * packet.time_base)
        yield latest, packet


def _frames_of(packet: AnyPacket) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """What a packet decodes to; a damaged one to nothing."""
    try:
        for frame in packet.decode():
            if isinstance(frame, av.VideoFrame | av.AudioFrame):
                yield frame
    except InvalidDataError:
        return


def _pixel_aspect(stream: object) -> float:
    aspect = stream.sample_aspect_ratio if isinstance(stream, VideoStream) else None
    return float(aspect) if aspect else 1.0


def _label(source: File | Url) -> str:
    """The source's name for people; a password in a URL is nobody's business."""
    if isinstance(source, File):
        return source.path.name
    parts = urlsplit(source.url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
