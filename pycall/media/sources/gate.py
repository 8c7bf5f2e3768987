"""Mute and camera off: what goes out becomes silence and black, and never stops.

A sender that stopped would look like a broken one to the other side, so a closed gate keeps the cadence and
the size of what comes in. The last picture stays on the other side's screen until the next one comes, so
closing sends a black one at once, and goes on with it where the camera gives nothing any more.

A gate runs in a thread of its own and is opened and closed from any other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import av
import numpy as np

from pycall.codecs.black import black_frame
from pycall.media.feed import Feed
from pycall.media.frames import Picture, Sound
from pycall.media.worker import Worker

T = TypeVar("T")

REPEAT_S: Final = 0.25
"""How often something empty is sent while the gate is closed and nothing comes in."""


class Gate(Generic[T]):
    """Passes what it reads from ``source`` on to its own ``feed``, emptied while ``closed`` is true.

    ``process`` is done to everything before, closed or not: an echo canceller keeps learning. When
    ``source`` ends, ``feed`` ends. ``depth`` items may wait while the thread is busy. ``again`` makes a
    newer one of the last item, for when it has to be sent empty and no other comes.
    """

    def __init__(
        self,
        name: str,
        source: Feed[T],
        empty: Callable[[T], T],
        *,
        process: Callable[[T], T] | None = None,
        again: Callable[[T], T] | None = None,
        depth: int = 1,
    ) -> None:
        self.feed: Feed[T] = Feed()
        self._closed = False
        self._empty = empty
        self._process = process
        self._again = again
        self._reader = source.subscribe(depth)
        self._worker = Worker(f"{name}-gate", self._run)

    @property
    def closed(self) -> bool:
        """Whether what is passed on is emptied."""
        return self._closed

    @closed.setter
    def closed(self, closed: bool) -> None:
        self._closed = closed
        if closed:
            self._reader.nudge()

    def start(self) -> None:
        """Begin to pass on."""
        self._worker.start()

    def close(self) -> None:
        """End for good; not to be confused with setting ``closed``."""
        self._reader.close()
        self._worker.close()
        self.feed.close()

    def _run(self, stop: threading.Event) -> None:
        last: T | None = None
        try:
            while not stop.is_set():
                item = self._reader.get(REPEAT_S if self._again else None)
                if item is not None:
                    last = item = self._process(item) if self._process else item
                    self.feed.publish(self._empty(item) if self._closed else item)
                elif self._reader.closed:
                    break
                elif self._closed and last is not None and self._again is not None:
                    last = self._again(last)
                    self.feed.publish(self._empty(last))
        finally:
            self.feed.close()


def picture_gate(source: Feed[Picture]) -> Gate[Picture]:
    """A gate that closes to black."""
    return Gate("picture", source, _Black(), again=lambda last: Picture(last.frame, time.monotonic()))


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
