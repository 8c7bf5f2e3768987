"""One side of the plainest possible aiortc call in a bad network.

``python -m badnet.plain_side offer|answer SPEECH RECORDING SIZE``; descriptions go over stdin and
stdout first, then see gauge.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from plain_side import CardTrack, ToneTrack, agree

from badnet.gauge import Observer, listening, obey
from badnet.scene import FPS, ScenePainter
from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples
from pycall.media.testsignals.wallclock import unix_time, wall_offset

LATE_S = 0.1
"""A block that comes so much later than the fastest of the window was too late to be played."""


class SceneTrack(CardTrack):
    """The scene as a camera."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height, FPS)
        self._painter = ScenePainter(width, height)  # type: ignore[assignment]


class SpeechTrack(ToneTrack):
    """The text as a microphone, which gives a block when its last sample was said."""

    def __init__(self, text: Samples) -> None:
        super().__init__()
        self._melody = text

    @property
    def spoken_at(self) -> float:
        """When the first sample was said, Unix time."""
        return self._begun + wall_offset() - BLOCK / SAMPLE_RATE


class Side:
    """A connection, and what comes of it."""

    def __init__(self, text: Samples, recording: Path, size: tuple[int, int]) -> None:
        self._recording = recording
        self._speech = SpeechTrack(text)
        self._observer = Observer(size)
        self._tasks: list[asyncio.Task[None]] = []
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._pc.addTrack(self._speech)
        self._pc.addTrack(SceneTrack(*size))
        self._pc.on("track", lambda track: self._tasks.append(asyncio.create_task(self._consume(track))))
        self._received: list[tuple[float, int]] = []

    async def run(self, role: str) -> None:
        """Be in the call until nobody wants it any more."""
        hear = await listening()
        await agree(self._pc, role, hear)
        counting = asyncio.create_task(self._count())
        await obey(hear, self._observer, self._report)
        for task in (counting, *self._tasks):
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                await self._pc.close()

    async def _consume(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if isinstance(frame, av.VideoFrame):
                    self._observer.picture(frame)
                elif isinstance(frame, av.AudioFrame):
                    stereo = frame.to_ndarray().reshape(-1, 2).astype(np.int16, copy=False)
                    self._observer.sound.append((unix_time(), frame.pts or 0, stereo[:, 0]))

    async def _count(self) -> None:
        """Note each second what has come in."""
        while True:
            stats = await self._pc.getStats()
            octets = [each.bytesReceived for each in stats.values() if each.type == "transport"]
            self._received.append((time.monotonic(), sum(octets)))
            await asyncio.sleep(1)

    def _report(self) -> dict[str, Any]:
        observer = self._observer
        observer.heard = played(observer.sound, time.monotonic() - observer.begun)
        figures = {"spoken_at": self._speech.spoken_at, "received_kbps": self._kbps()}
        return figures | observer.report(self._recording)

    def _kbps(self) -> float | None:
        looks = [look for look in self._received if look[0] >= self._observer.begun - 1]
        if len(looks) < 2:
            return None
        (begun, before), (ended, after) = looks[0], looks[-1]
        return (after - before) * 8 / 1000 / (ended - begun)


def played(sound: list[tuple[float, int, Samples]], window_s: float) -> list[tuple[float, float, float]]:
    """What had to be played, and was not there, after each block and at the end."""
    looks = [(0.0, 0.0, 0.0)]
    lost = total = 0.0
    fastest = min((at - pts / SAMPLE_RATE for at, pts, _ in sound), default=0.0)
    following = sound[0][1] if sound else 0
    for at, pts, samples in sound:
        gap = max(0, pts - following)
        if gap:
            lost, total = lost + gap, total + gap
            looks.append((at, lost, total))
        is_late = at - pts / SAMPLE_RATE - fastest > LATE_S
        lost, total = lost + (len(samples) if is_late else 0), total + len(samples)
        looks.append((at, lost, total))
        following = pts + len(samples)
    missing = max(0.0, window_s * SAMPLE_RATE - total)
    return [*looks, (unix_time(), lost + missing, total + missing)]


async def main(role: str, speech: str, recording: str, size: str) -> None:
    """Be one side."""
    width, height = map(int, size.split("x"))
    await Side(np.load(speech), Path(recording), (width, height)).run(role)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
