"""One take: the time line of a recording from its first picture or sound to its end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import av

from pycall.media.frames import Picture, Samples, Sound
from pycall.media.recording.composition import Composition
from pycall.media.recording.container import Container
from pycall.media.recording.file import RecordingFile
from pycall.media.recording.inbox import Side
from pycall.media.recording.mixing import Mix

_BLACK_AFTER: Final = 0.5
"""Seconds without a picture after which a black one is written, so that players have one."""

_FROM_ZERO: Final = 0.1
"""A first picture that comes within so many seconds stands at time zero; before a later one it is black."""


class Take:
    """Puts pictures and sound at their times into a container; used by one thread."""

    def __init__(
        self, file: RecordingFile, ending: str, composition: Composition, fps: int, start: float
    ) -> None:
        """``start`` is the file's time zero, monotonic s; the other arguments as for ``Container``."""
        self._container = Container(file, ending, composition.size, fps)
        self._composition = composition
        self._mix = Mix(start)
        self._start = start
        self._newest = start

    def add(self, side: Side, item: Picture | Sound) -> None:
        """Take one picture or block of sound, in about the order of their times."""
        self._newest = max(self._newest, item.time)
        if isinstance(item, Sound):
            self._write(self._mix.advance(item.time))
            self._mix.add(0 if side == "remote" else 1, item)
        else:
            output = self._composition.show(side, item)
            if output is not None:
                self._write_picture(output, item.time - self._start)
        self._write(self._mix.advance(self._newest))
        if self._newest - self._start > _BLACK_AFTER:
            self._ensure_picture()

    def close(self) -> None:
        """Write what is still held back and end the container."""
        self._ensure_picture()
        self._write(self._mix.finish(self._newest))
        self._container.close()

    def _ensure_picture(self) -> None:
        if not self._container.has_picture:
            self._container.write_picture(self._composition.black(), 0)

    def _write_picture(self, output: av.VideoFrame, at: float) -> None:
        if not self._container.has_picture:
            if at > _FROM_ZERO:
                self._container.write_picture(self._composition.black(), 0)
            else:
                at = 0
        self._container.write_picture(output, at)

    def _write(self, sound: Iterable[Samples]) -> None:
        for samples in sound:
            self._container.write_sound(samples)
