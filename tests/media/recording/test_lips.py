"""Lips move with what they say in the recording, whatever the ways of picture and sound are."""

from __future__ import annotations

import asyncio
import heapq
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pycall.codecs.opus import SoundEncoder
from pycall.media.feed import Feed
from pycall.media.frames import BLOCK, SAMPLE_RATE, Sound
from pycall.media.playout.far_end import FarEnd
from pycall.media.playout.speaker import Pull, SilentSpeaker
from pycall.media.recording.recorder import Recorder
from pycall.media.tap import Tap
from tests.media.playout.wire import Packet
from tests.media.recording.footage import NOISE, plain, read_back, tone
from tests.media.recording.test_take import rises

pytestmark = pytest.mark.integration

SIZE = (160, 120)
SECONDS = 8
SETTLED_S = 3.5
"""Sound is stretched by an eighth at most, so that nobody hears it."""

WITHIN_S = 0.060


class SlowSpeaker(SilentSpeaker):
    """Nobody listens, as late as with a sound card that takes ``latency_s``."""

    def __init__(self, pull: Pull, latency_s: float) -> None:
        super().__init__(pull)
        self.latency_s = latency_s
        self.heard: Feed[Sound] = Feed()
        self._tap = Tap("heard", self.played, self._come_out, depth=8)

    def close(self) -> None:
        super().close()
        self._tap.close()
        self.heard.close()

    def _come_out(self, sound: Sound) -> None:
        self.heard.publish(Sound(sound.samples, sound.time + self.latency_s))


@pytest.mark.parametrize(
    ("picture_s", "sound_s", "device_s"),
    [(0.015, 0.005, 0.0), (0.015, 0.005, 0.15), (0.26, 0.02, 0.0), (0.03, 0.12, 0.02)],
    ids=["clean", "slow speaker", "late pictures", "late sound"],
)
async def test_a_flash_and_its_beep_are_recorded_together(
    picture_s: float, sound_s: float, device_s: float, tmp_path: Path
) -> None:
    path = tmp_path / "call.mkv"
    far = FarEnd()
    speaker = SlowSpeaker(far.playout.pull, device_s)
    far.speaker = speaker
    recorder = Recorder(
        path, layout="remote", size=SIZE, fps=30, notice=lambda *_: None, on_failed=lambda _: None
    )
    taps: list[Tap[Any]] = [
        Tap("picture", far.shown, recorder.remote_picture, depth=8),
        Tap("sound", speaker.heard, recorder.remote_sound, depth=8),
    ]
    recorder.start()
    speaker.start()
    await _talk(far, picture_s, sound_s)
    speaker.close()
    far.close()
    for tap in taps:
        tap.close()
    recorder.stop()
    footage = read_back(path)
    flashes = rises([at for at, luma in footage.pictures if luma.mean() > 120])
    beeps = rises((np.flatnonzero(np.abs(footage.sound) > 10 * NOISE) / SAMPLE_RATE).tolist())
    offsets = [min((beep - flash for beep in beeps), key=abs) for flash in flashes if flash > SETTLED_S]
    assert len(offsets) >= 3
    assert statistics.median(map(abs, offsets)) <= WITHIN_S


async def _talk(far: FarEnd, picture_s: float, sound_s: float) -> None:
    """Someone talks for some seconds, a beep and a flash each; both take their ways here."""
    encoder, begun = SoundEncoder(), time.monotonic()
    captures = [(begun + n * 0.02, "sound", n) for n in range(SECONDS * 50)]
    captures += [(begun + n / 30, "picture", n) for n in range(SECONDS * 30)]
    ways = {"picture": picture_s, "sound": sound_s + 0.02}  # a block is sent when it is complete
    arrivals = [(at + ways[kind], at, kind, number) for at, kind, number in captures]
    heapq.heapify(arrivals)
    while arrivals:
        arrival, at, kind, number = heapq.heappop(arrivals)
        await asyncio.sleep(max(0.0, arrival - time.monotonic()))
        loud = (at - begun) % 1 < 0.1
        if kind == "picture":
            far.picture(plain(*SIZE, 230 if loud else 20), time.monotonic(), at)
        else:
            samples = tone(number * 0.02, 1000, BLOCK).samples if loud else np.zeros(BLOCK, np.int16)
            far.packet(Packet(number, number * BLOCK, encoder.encode(samples), time.monotonic(), at))
