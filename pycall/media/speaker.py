"""Where the far side's sound goes: it is pulled in real time, by a sound card or by nobody's ears."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

import numpy as np

from pycall.media.feed import Feed
from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples, Sound

Pull: TypeAlias = Callable[[int, float], Samples]
"""``pull(count, now)``: exactly ``count`` samples; called from the speaker's thread."""


class Speaker(Protocol):
    """Pulls sound in real time from :meth:`start` until :meth:`close`."""

    played: Feed[Sound]
    """What was pulled, in blocks of 960, with the time at which it comes out."""
    label: str
    """The device's name for people; empty when nothing is heard."""

    @property
    def latency_s(self) -> float:
        """Seconds from pulling a sample to its coming out, as the device says."""
        ...

    def start(self) -> None:
        """Begin to pull."""
        ...

    def close(self) -> None:
        """End it; returns within a second and closes ``played``."""
        ...


class Blocks:
    """Cuts what was pulled, in whatever counts, into blocks of 960 with steady times."""

    def __init__(self, feed: Feed[Sound]) -> None:
        self._feed = feed
        self._rest: Samples = np.zeros(0, np.int16)
        self._next: float | None = None  # when the sample after the rest comes out

    def add(self, samples: Samples, heard: float) -> None:
        """``samples`` come out from ``heard`` on; a sound card's thread says that with some jitter.

        The count of samples is a better clock than the moments of the calls, so the times follow these
        only slowly, and at once only where they are more than 100 ms off (a pause).
        """
        if self._next is None or abs(heard - self._next) > RESTART_S:
            self._rest = self._rest[:0]
            self._next = heard
        self._next += (heard - self._next) / 50
        start = self._next - len(self._rest) / SAMPLE_RATE
        line = np.concatenate((self._rest, samples))
        whole = len(line) - len(line) % BLOCK
        for at in range(0, whole, BLOCK):
            self._feed.publish(Sound(line[at : at + BLOCK], start + at / SAMPLE_RATE))
        self._rest = line[whole:]
        self._next += len(samples) / SAMPLE_RATE


RESTART_S: Final = 0.1


class SilentSpeaker:
    """Nobody listens, but time passes: pulls a block each 20 ms so that a recording has its sound."""

    label = ""
    latency_s = 0.0

    def __init__(self, pull: Pull) -> None:
        self.played: Feed[Sound] = Feed()
        self._pull = pull
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pycall-silent-speaker", daemon=True)

    def start(self) -> None:
        """Begin to pull."""
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)
        self.played.close()

    def _run(self) -> None:
        pace = Pace()
        while not self._stop.wait(pace.wait_s(time.monotonic())):
            due = pace.step()
            self.played.publish(Sound(self._pull(BLOCK, due), due))


class Pace:
    """A schedule of one block each 20 ms that does not drift: late steps are made up for."""

    def __init__(self) -> None:
        self._due: float | None = None

    def wait_s(self, now: float) -> float:
        """Seconds until the next step is due; the first one is now.

        After a pause of more than half a second (the machine slept) the schedule begins anew.
        """
        if self._due is None or now - self._due > 0.5:  # noqa: PLR2004
            self._due = now
        return max(0.0, self._due - now)

    def step(self) -> float:
        """Take the step that is due: its time."""
        assert self._due is not None
        due = self._due
        self._due += BLOCK / SAMPLE_RATE
        return due
