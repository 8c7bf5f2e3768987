"""Cameras and screens: a thread reads them with FFmpeg's devices, and the newest picture wins."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError

from pycall.errors import DeviceFailed, DeviceNotFound
from pycall.media.devices.listing import Device
from pycall.media.devices.permission import permission_advice
from pycall.media.devices.v4l2 import holders
from pycall.media.feed import Feed
from pycall.media.frames import Notice, Picture
from pycall.media.keeper import Keeper
from pycall.media.sources.cadence import Cadence
from pycall.media.sources.letterbox import Letterbox

Options = Mapping[str, str]

_COMPRESSED_FROM: Final = 640 * 480
"""Pixels above which USB 2 has no room for 30 uncompressed pictures a second."""

SILENCE_S: Final = 5.0
"""A camera that gave no picture for so long is dead, though its driver does not say so."""

_NOT_YET_S: Final = 0.005
"""How long to wait when a device says that it has nothing yet (avfoundation does so at first)."""


@dataclass(frozen=True, slots=True)
class Input:
    """How FFmpeg reads a device; of several ``attempts`` at its options the first that it takes is used."""

    label: str
    format: str
    file: str
    attempts: Sequence[Options]


def camera_input(device: Device, size: tuple[int, int], fps: int, platform: str = sys.platform) -> Input:
    """A camera of :func:`pycall.media.devices.listing.list_cameras`, asked for ``size`` and ``fps``."""
    shape = {"video_size": f"{size[0]}x{size[1]}", "framerate": str(fps)}
    if platform == "darwin":
        attempts = [shape, {"framerate": "30"}, {"framerate": "30", "pixel_format": "uyvy422"}, {}]
        return Input(device.name, "avfoundation", f"{device.id}:none", attempts)
    if platform == "win32":
        room = {"rtbufsize": "100M"}
        return Input(device.name, "dshow", f"video={device.id}", [shape | room, room])
    attempts = [shape, {}]
    if size[0] * size[1] > _COMPRESSED_FROM:
        attempts.insert(0, shape | {"input_format": "mjpeg"})
    return Input(device.name, "v4l2", device.id, attempts)


def screen_input(fps: int, platform: str = sys.platform) -> Input:
    """The whole screen; raises :class:`DeviceNotFound` where there is none to be seen."""
    rate = {"framerate": str(fps)}
    if platform == "darwin":
        return Input(
            "screen", "avfoundation", "Capture screen 0:none", [rate | {"capture_cursor": "1"}, rate]
        )
    if platform == "win32":
        return Input("screen", "gdigrab", "desktop", [rate])
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise DeviceNotFound(
            "There is no screen to capture: DISPLAY is not set.",
            "Run pycall in a graphical session; a Wayland one shows its X11 windows only.",
        )
    return Input(f"screen {display}", "x11grab", display, [rate | {"draw_mouse": "1"}])


class Camera:
    """Pictures of one input, fitted into ``size`` and at most ``fps`` a second.

    When the device dies it is opened again once a second, announced as ``camera-lost`` and ``camera-back``.
    """

    def __init__(self, source: Input, size: tuple[int, int], fps: int, notice: Notice) -> None:
        self.feed: Feed[Picture] = Feed()
        self.label = source.label
        self._input = source
        self._fps = fps
        self._letterbox = Letterbox(*size)
        self._keeper = Keeper("camera", source.label, self._run, notice, silence_s=SILENCE_S)

    def start(self, cancelled: threading.Event | None = None) -> None:
        """Open it and wait for the first picture; raises as :meth:`Keeper.start`."""
        self._keeper.start(cancelled)

    def close(self) -> None:
        """Stop and close the feed; returns within a second, even when the driver hangs."""
        self._keeper.close()
        self.feed.close()

    def _run(self, stop: threading.Event, alive: Callable[[], None]) -> None:
        cadence = Cadence(self._fps)
        try:
            with opened(self._input) as container:
                for frame in _frames(container, stop):
                    now = time.monotonic()
                    if cadence.wants(now):
                        self.feed.publish(Picture(self._letterbox.fit(frame), now))
                        alive()
        except (FFmpegError, OSError) as error:
            raise _explained(self._input, error) from error
        if not stop.is_set():
            raise DeviceFailed(f"The {_name(self._input)} stopped.")


def opened(source: Input) -> InputContainer:
    """Open ``source`` with the first options that it takes; raises PyAV's errors."""
    for options in source.attempts[:-1]:
        try:
            return av.open(source.file, format=source.format, options=dict(options))
        except (FFmpegError, OSError) as error:
            if error.errno in {errno.EBUSY, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENODEV}:
                raise
    return av.open(source.file, format=source.format, options=dict(source.attempts[-1]))


def _frames(container: InputContainer, stop: threading.Event) -> Iterator[av.VideoFrame]:
    """Pictures until ``stop``, the end, or an error of PyAV."""
    while not stop.is_set():
        try:
            for packet in container.demux(video=0):
                if stop.is_set():
                    return
                with contextlib.suppress(InvalidDataError):  # many cameras begin with half a picture
                    yield from packet.decode()
        except (av.BlockingIOError, BlockingIOError):
            stop.wait(_NOT_YET_S)
        else:
            return


def _explained(source: Input, error: FFmpegError | OSError) -> DeviceFailed:
    """A sentence on why it does not open, or broke off."""
    name, path = _name(source), Path(source.file)
    match error.errno:
        case errno.EBUSY:
            using = holders(path)
            by = f" by {', '.join(using)}" if using else " by another program"
            return DeviceFailed(
                f"The {name} is in use{by}.", "Close the other program, or choose another camera."
            )
        case errno.EACCES | errno.EPERM:
            return DeviceFailed(f"The {name} may not be opened.", f"{path}: {permission_advice(path)}")
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return DeviceFailed(f"The {name} is not there any more.", "Is it still plugged in?")
    hint = "`pycall devices` shows what there is."
    if source.format == "x11grab":
        hint = "Is the X server of DISPLAY running, and may you use it?"
    return DeviceFailed(f"The {name} cannot be read: {error.strerror or error}.", hint)


def _name(source: Input) -> str:
    return source.label if source.label.startswith("screen") else f"camera {source.label}"
