"""What a side in Python notes while it is measured, and how it is told what to do.

On its stdin come words, a line each; each is answered with a line of JSON on stdout:

``first``   wait for the first picture; ``{"first_frame_s": ...}``, null if none came in time
``begin``   the window begins
``end``     it ends
``report``  what was noted in it
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import av
import numpy as np
from measuring import say

from badnet.scene import Scene
from pycall.media.frames import SAMPLE_RATE, Samples
from pycall.media.testsignals.strip import luma_of, read_strip
from pycall.media.testsignals.wallclock import unix_time

FIRST_S: Final = 15.0
"""A picture that has not come so long after the beginning is not waited for."""

COMPARE_EVERY: Final = 10
"""Pictures; of so many one is compared with what was sent."""

DARK: Final = 40
"""A picture without a strip that is nowhere brighter stands for none."""

Report: TypeAlias = Callable[[], dict[str, Any]]
Hear: TypeAlias = Callable[[], Awaitable[str]]
"""The next line of stdin; empty at its end."""


class Observer:
    """Takes what is shown and played. Pictures and sound may come from different threads."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._scene = Scene(*size)
        self._started = time.monotonic()
        self._first: asyncio.Event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.first_frame_s: float | None = None
        self._last: int | None = None
        self.begin()

    def begin(self) -> None:
        """Forget what was so far."""
        self.begun = time.monotonic()
        self.shown: list[tuple[float, float | None]] = []
        self._sizes: Counter[str] = Counter()
        self._psnr: list[float] = []
        self.heard: list[tuple[float, float, float]] = []
        self.sound: list[tuple[float, int, Samples]] = []

    def picture(self, frame: av.VideoFrame) -> None:
        """A picture was shown."""
        at = unix_time()
        strip = read_strip(frame)
        if strip is None and luma_of(frame)[::8, ::8].max() < DARK:
            return
        number = None if strip is None else strip[0]
        if number is not None and number == self._last:
            return
        self._last = number
        if self.first_frame_s is None:
            self.first_frame_s = time.monotonic() - self._started
            self._loop.call_soon_threadsafe(self._first.set)
        self._sizes[f"{frame.width}x{frame.height}"] += 1
        self.shown.append((at, None if strip is None else at * 1000 - strip[1]))
        if number is not None and len(self.shown) % COMPARE_EVERY == 0:
            self._psnr.append(self._scene.psnr(luma_of(frame), number))

    async def first(self) -> float | None:
        """Wait for the first picture; seconds from the beginning to it."""
        try:
            async with asyncio.timeout(FIRST_S - (time.monotonic() - self._started)):
                await self._first.wait()
        except TimeoutError:
            return None
        return self.first_frame_s

    def report(self, recording: Path) -> dict[str, Any]:
        """What was noted so far; sound, put where its timestamp (samples) says, goes to ``recording``."""
        figures = {
            "shown": self.shown.copy(),
            "sizes": self._sizes.most_common(),
            "psnr": self._psnr.copy(),
            "heard": self.heard.copy(),
        }
        if self.sound:
            samples, recorded_at = laid_out(self.sound)
            np.save(recording, samples)
            figures |= {"recording": str(recording), "recorded_at": recorded_at}
        return figures


def laid_out(sound: list[tuple[float, int, Samples]]) -> tuple[Samples, float]:
    """All of it, with silence where nothing was, and when the first sample was played: as soon as can be."""
    origin = sound[0][1]
    longest = int((sound[-1][0] - sound[0][0] + 1) * SAMPLE_RATE)
    placed = [
        (at, timestamp - origin, samples)
        for at, timestamp, samples in sound
        if 0 <= timestamp - origin < longest
    ]
    whole = np.zeros(max(start + len(samples) for _, start, samples in placed), np.int16)
    for _, start, samples in placed:
        whole[start : start + len(samples)] = samples
    return whole, min(at - start / SAMPLE_RATE for at, start, _ in placed)


async def listening() -> Hear:
    """Begin to read stdin."""
    words = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)

    async def hear() -> str:
        return (await words.readline()).decode()

    return hear


async def obey(hear: Hear, observer: Observer, report: Report) -> None:
    """Do what is said until stdin ends; ``report`` is asked at the end of the window."""
    noted: dict[str, Any] = {}
    while word := (await hear()).strip():
        match word:
            case "first":
                say({"first_frame_s": await observer.first()})
            case "begin":
                observer.begin()
                say({})
            case "end":
                noted = report()
                say({})
            case "report":
                say(noted)
