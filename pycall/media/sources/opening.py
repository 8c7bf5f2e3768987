"""Opens what a person asked to send: one source of pictures and one of sound."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pycall.errors import DeviceNotFound, MediaError
from pycall.media.devices.listing import Device as Found
from pycall.media.devices.listing import Listing, choose, list_cameras, list_microphones
from pycall.media.feed import Feed
from pycall.media.frames import Notice, Picture, Sound
from pycall.media.sources.camera import Camera, camera_input, screen_input
from pycall.media.sources.microphone import Microphone
from pycall.media.sources.player import Player
from pycall.media.spec import Default, Device, File, Off, Screen, Spec, Test, Url
from pycall.media.testsignals.testcard import CardSource
from pycall.media.testsignals.tones import ToneSource


class VideoSource(Protocol):
    """Publishes pictures of one size from :meth:`start` until :meth:`close`."""

    feed: Feed[Picture]
    label: str
    """The source's name for people."""

    def start(self, cancelled: threading.Event | None = None, /) -> None:
        """Open it and begin; raises :class:`MediaError`. A second time nothing happens.

        Soon after ``cancelled`` was set it raises :class:`~pycall.media.keeper.OpeningCancelledError`.
        """
        ...

    def close(self) -> None:
        """End it and close the feed; returns within about a second."""
        ...


class AudioSource(Protocol):
    """Publishes sound in blocks of 960 samples from :meth:`start` until :meth:`close`."""

    feed: Feed[Sound]
    label: str
    """The source's name for people."""

    @property
    def is_microphone(self) -> bool:
        """Whether it hears the room, and with it the speaker's echo."""
        ...

    def start(self, cancelled: threading.Event | None = None, /) -> None:
        """Open it and begin; raises :class:`MediaError`. A second time nothing happens.

        Soon after ``cancelled`` was set it raises :class:`~pycall.media.keeper.OpeningCancelledError`.
        """
        ...

    def close(self) -> None:
        """End it and close the feed; returns within about a second."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """What is sent; ``None`` where nothing of that kind is."""

    video: VideoSource | None
    audio: AudioSource | None


Source = TypeVar("Source", VideoSource, AudioSource)


def open_sources(
    camera: Spec,
    microphone: Spec,
    *,
    size: tuple[int, int],
    fps: int,
    notice: Notice,
    cancelled: threading.Event | None = None,
) -> Sources:
    """Open and start both; blocks for up to ten seconds each, so never on an event loop.

    ``size`` is even. Raises :class:`~pycall.errors.DeviceNotFound` and :class:`~pycall.errors.DeviceFailed`
    for what was asked for by name; a ``default`` that cannot be had becomes ``None`` and a ``notice`` with
    the code ``no-camera`` or ``no-microphone``, called from this thread. Later ones come from other threads.
    Soon after ``cancelled`` was set it raises :class:`~pycall.media.keeper.OpeningCancelledError`.
    """
    with ExitStack() as opened:
        if isinstance(camera, File | Url) and _resolved(camera) == _resolved(microphone):
            player = Player(camera, pictures=True, sound=True, size=size, fps=fps, notice=notice)
            assert player.video is not None
            opened.callback(player.video.close)
            assert player.audio is not None
            opened.callback(player.audio.close)
            player.start(cancelled)
            opened.pop_all()
            return Sources(player.video, player.audio)
        video = _started(camera, "camera", lambda: _video(camera, size, fps, notice), notice, cancelled)
        if video is not None:
            opened.callback(video.close)
        audio = _started(
            microphone, "microphone", lambda: _audio(microphone, size, fps, notice), notice, cancelled
        )
        opened.pop_all()
        return Sources(video, audio)


def _resolved(spec: Spec) -> Spec:
    """The same for every way to write a path."""
    return File(spec.path.resolve()) if isinstance(spec, File) else spec


def _started(
    spec: Spec,
    kind: str,
    make: Callable[[], Source | None],
    notice: Notice,
    cancelled: threading.Event | None,
) -> Source | None:
    """The source, going; the one of ``default`` may be missing."""
    try:
        source = make()
        if source is not None:
            source.start(cancelled)
    except MediaError as error:
        if not isinstance(spec, Default):
            raise
        notice(f"no-{kind}", f"{error.message} {error.hint}".rstrip())
        return None
    return source


def _video(spec: Spec, size: tuple[int, int], fps: int, notice: Notice) -> VideoSource | None:
    match spec:
        case Off():
            return None
        case Test():
            return CardSource(size, fps)
        case Screen():
            return Camera(screen_input(fps), size, fps, notice)
        case File() | Url():
            return Player(spec, pictures=True, sound=False, size=size, fps=fps, notice=notice).video
        case Default():
            return Camera(camera_input(_default(list_cameras()), size, fps), size, fps, notice)
        case Device(wanted):
            return Camera(camera_input(choose(list_cameras(), wanted), size, fps), size, fps, notice)


def _audio(spec: Spec, size: tuple[int, int], fps: int, notice: Notice) -> AudioSource | None:
    match spec:
        case Off() | Screen():
            return None
        case Test():
            return ToneSource()
        case File() | Url():
            return Player(spec, pictures=False, sound=True, size=size, fps=fps, notice=notice).audio
        case Default():
            return Microphone(_default(list_microphones()), notice, follow=True)
        case Device(wanted):
            return Microphone(choose(list_microphones(), wanted), notice)


def _default(listing: Listing) -> Found:
    if listing.default is None:
        raise DeviceNotFound(listing.why_none or f"There is no {listing.kind}, only monitors of speakers.")
    return listing.default
