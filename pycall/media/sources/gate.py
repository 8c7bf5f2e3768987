"""Mute and camera off: what goes out becomes silence and black, and never stops.

A sender that stopped would look like a broken one to the other side, so a closed gate keeps the cadence and
the size of what comes in. A gate runs in a thread of its own and is opened and closed from any other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import av
import numpy as np

from pycall.media.feed import Feed
from pycall.media.frames import Picture, Sound
from pycall.media.worker import Worker

T = TypeVar("T")


class Gate(Generic[T]):
    """Passes what it reads from ``source`` on to its own ``feed``, emptied while ``closed`` is true.

    ``process`` is done to everything before, closed or not: an echo canceller keeps learning. When
    ``source`` ends, ``feed`` ends. ``depth`` items may wait while the thread is busy.
    """

    def __init__(
        self,
        name: str,
        source: Feed[T],
        empty: Callable[[T], T],
        *,
        process: Callable[[T], T] | None = None,
        depth: int = 1,
    ) -> None:
        self.feed: Feed[T] = Feed()
        self.closed = False
        self._empty = empty
        self._process = process
        self._reader = source.subscribe(depth)
        self._worker = Worker(f"{name}-gate", self._run)

    def start(self) -> None:
        """Begin to pass on."""
        self._worker.start()

    def close(self) -> None:
        """End for good; not to be confused with setting ``closed``."""
        self._reader.close()
        self._worker.close()
        self.feed.close()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            item = self._reader.get()
            if item is None:
                break
            if self._process is not None:
                item = self._process(item)
            self.feed.publish(self._empty(item) if self.closed else item)
        self.feed.close()


def picture_gate(source: Feed[Picture]) -> Gate[Picture]:
    """A gate that closes to black."""
    return Gate("picture", source, _Black())


def sound_gate(source: Feed[Sound], process: Callable[[Sound], Sound] | None = None) -> Gate[Sound]:
    """A gate that closes to silence; ``process`` is the voice processing of a microphone."""
    return Gate("sound", source, silent, process=process, depth=10)


def silent(sound: Sound) -> Sound:
    """Silence as long as ``sound``, at its time."""
    return Sound(np.zeros_like(sound.samples), sound.time)


class _Black:
    """Makes black pictures; the frame is kept, since it is the same until the size changes."""

    def __init__(self) -> None:
        self._frame: av.VideoFrame | None = None

    def __call__(self, picture: Picture) -> Picture:
        size = (picture.frame.width, picture.frame.height)
        if self._frame is None or (self._frame.width, self._frame.height) != size:
            self._frame = black_frame(*size)
        return Picture(self._frame, picture.time)


def black_frame(width: int, height: int) -> av.VideoFrame:
    """A black yuv420p frame of even size."""
    image = np.full((height * 3 // 2, width), 128, np.uint8)
    image[:height] = 16
    return av.VideoFrame.from_ndarray(image, format="yuv420p")
