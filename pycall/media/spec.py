"""What a person may write after ``--camera``, ``--microphone`` and ``--speaker``.

``default``, ``none``, ``test``, ``screen`` (camera only), ``file:PATH``, an rtsp, rtmp or http URL, or else a
device: its name, id or number as ``pycall devices`` prints it. Whether that device exists is found out
later, by :func:`pycall.media.devices.listing.choose`; here only the grammar is checked, without touching
any hardware.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pycall.errors import ConfigError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_STREAM_SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "http", "https"})


@dataclass(frozen=True, slots=True)
class Off:
    """``none``: nothing of this kind is sent, or played."""

    def __str__(self) -> str:
        return "none"


@dataclass(frozen=True, slots=True)
class Default:
    """``default``: the system's choice; that there is none is not an error."""

    def __str__(self) -> str:
        return "default"


@dataclass(frozen=True, slots=True)
class Test:
    """``test``: the moving picture with its running clock, or the tone sequence."""

    __test__ = False  # or pytest takes the class for a collection of tests

    def __str__(self) -> str:
        return "test"


@dataclass(frozen=True, slots=True)
class Screen:
    """``screen``: the picture on this machine's screen."""

    def __str__(self) -> str:
        return "screen"


@dataclass(frozen=True, slots=True)
class File:
    """``file:PATH``: a file played in real time, again and again."""

    path: Path

    def __str__(self) -> str:
        return f"file:{self.path}"


@dataclass(frozen=True, slots=True)
class Url:
    """A stream from the network, such as an IP camera's."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Device:
    """A device by exact name, id or number."""

    wanted: str

    def __str__(self) -> str:
        return self.wanted


Spec: TypeAlias = Off | Default | Test | Screen | File | Url | Device


def parse_camera(text: str) -> Spec:
    """Read the value of ``--camera``; raises :class:`ConfigError`."""
    return _parse(text, "camera")


def parse_microphone(text: str) -> Spec:
    """Read the value of ``--microphone``; raises :class:`ConfigError`."""
    spec = _parse(text, "microphone")
    if isinstance(spec, Screen):
        message = "The screen has no sound, it cannot be the microphone."
        raise ConfigError(message, "Use --camera screen; its sound is a monitor that `pycall devices` lists.")
    return spec


def parse_speaker(text: str) -> Spec:
    """Read the value of ``--speaker``; raises :class:`ConfigError`."""
    spec = _parse(text, "speaker")
    if isinstance(spec, Off | Default | Device):
        return spec
    message = f"{text!r} cannot be the speaker."
    raise ConfigError(message, "A speaker is default, none, or a device that `pycall devices` lists.")


def _parse(text: str, kind: str) -> Spec:
    text = text.strip()
    match text:
        case "":
            message = f"No {kind} is given."
            raise ConfigError(message, "Use default, none, test, a device, file:PATH or a URL.")
        case "none":
            return Off()
        case "default":
            return Default()
        case "test":
            return Test()
        case "screen":
            return Screen()
    if text.startswith("file:"):
        return _file(text.removeprefix("file:"), kind)
    if scheme := _SCHEME.match(text):
        return _url(text, scheme[1].lower(), kind)
    return Device(text)


def _file(path: str, kind: str) -> File:
    if not path or "\0" in path:
        message = f"The {kind} 'file:' names no file."
        raise ConfigError(message, "Write the path right after it, like file:clip.mp4.")
    return File(Path(path).expanduser())


def _url(url: str, scheme: str, kind: str) -> Url:
    if scheme not in _STREAM_SCHEMES:
        message = f"A {kind} cannot be read from {scheme}://."
        raise ConfigError(message, "Possible are rtsp, rtmp, http and https; a file is file:PATH.")
    if not url[len(scheme) + 3 :]:
        message = f"The {kind} URL {url!r} names no host."
        raise ConfigError(message, "Write it like rtsp://camera.local/stream.")
    return Url(url)
