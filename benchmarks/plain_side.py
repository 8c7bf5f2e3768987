"""One side of the plainest possible aiortc call: the test picture and tone out, frames read in.

``plain_side.py offer|answer SIZE FPS SECONDS`` speaks descriptions on stdin and stdout, a JSON line each.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction

import av
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from measuring import Gauge, say

from pycall.media.testsignals.testcard import CardPainter
from pycall.media.testsignals.tones import melody, sound_at
from pycall.media.testsignals.wallclock import unix_time

WARM_UP_S = 3.0


class CardTrack(VideoStreamTrack):
    """The test picture at a steady rate."""

    def __init__(self, width: int, height: int, fps: int) -> None:
        super().__init__()
        self._painter = CardPainter(width, height)
        self._fps = fps
        self._number = 0

    async def recv(self) -> av.VideoFrame:
        """The next picture at its time."""
        if self._number == 0:
            self._begun = time.monotonic()
        await asyncio.sleep(max(0.0, self._begun + self._number / self._fps - time.monotonic()))
        frame = self._painter.paint(self._number, int(unix_time() * 1000), flash=False)
        frame.pts, frame.time_base = self._number * 90_000 // self._fps, Fraction(1, 90_000)
        self._number += 1
        return frame


class ToneTrack(AudioStreamTrack):
    """The test sound, 20 ms a block."""

    def __init__(self) -> None:
        super().__init__()
        self._melody = melody()
        self._block = 0

    async def recv(self) -> av.AudioFrame:
        """The next block at its time."""
        if self._block == 0:
            self._begun = time.monotonic()
        await asyncio.sleep(max(0.0, self._begun + self._block * 0.02 - time.monotonic()))
        samples = np.ascontiguousarray(sound_at(self._melody, self._block * 960, 960))
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._block * 960, Fraction(1, 48_000)
        self._block += 1
        return frame


async def agree(pc: RTCPeerConnection, role: str, hear: Callable[[], Awaitable[str]]) -> float:
    """Offer or answer; ``hear`` gets a line from the other. When it began, monotonic seconds."""
    begun = time.monotonic()
    if role == "offer":
        await pc.setLocalDescription(await pc.createOffer())
        say({"sdp": pc.localDescription.sdp})
        answer = json.loads(await hear())
        await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
    else:
        offer = json.loads(await hear())
        begun = time.monotonic()
        await pc.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        say({"sdp": pc.localDescription.sdp})
    return begun


async def main(role: str, size: str, fps: int, seconds: float) -> None:
    """Run the call and report."""
    width, height = map(int, size.split("x"))
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTrack(ToneTrack())
    pc.addTrack(CardTrack(width, height, fps))
    gauge, first = Gauge(), asyncio.Event()
    tasks = []

    async def consume(track: MediaStreamTrack) -> None:
        while True:
            frame = await track.recv()
            if isinstance(frame, av.VideoFrame):
                first.set()
                gauge.picture(frame)

    pc.on("track", lambda track: tasks.append(asyncio.create_task(consume(track))))
    loop = asyncio.get_running_loop()
    begun = await agree(pc, role, lambda: loop.run_in_executor(None, sys.stdin.readline))
    await first.wait()
    first_frame_s = time.monotonic() - begun
    await asyncio.sleep(WARM_UP_S)
    gauge.begin()
    await asyncio.sleep(seconds)
    gauge.report(first_frame_s=first_frame_s)
    await asyncio.sleep(0.5)  # the other side's window ends too
    for task in tasks:
        task.cancel()
    await pc.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
