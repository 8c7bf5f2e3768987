from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import av
import numpy as np
import pytest

from pycall.codecs.opus import SoundEncoder
from pycall.media.frames import BLOCK
from pycall.media.playout.far_end import FarEnd, _Received
from tests.media.playout.wire import Packet
from tests.rig import wait_until


@dataclass(frozen=True)
class SlowSpeaker:
    """A sound card that takes its time."""

    latency_s: float


@pytest.mark.parametrize(
    ("size", "pixels", "shown"),
    [
        ((320, 240), "yuv420p", (320, 240)),
        ((321, 241), "yuv420p", (320, 240)),
        ((320, 240), "rgb24", (320, 240)),
        ((2, 2), "yuv420p", (2, 2)),
        ((3, 1), "yuv420p", (2, 2)),
        ((1, 1), "rgb24", (2, 2)),
    ],
)
def test_whatever_the_other_side_sends_is_shown_in_one_format_and_of_even_size(
    size: tuple[int, int], pixels: str, shown: tuple[int, int]
) -> None:
    far = FarEnd()
    reader = far.shown.subscribe()
    begun = time.monotonic()
    far.picture(av.VideoFrame(*size, pixels), begun)
    picture = reader.get(10)
    far.close()
    assert picture is not None
    assert (picture.frame.width, picture.frame.height) == shown
    assert picture.frame.format.name == "yuv420p"
    assert begun <= picture.time <= time.monotonic()


def test_an_interruption_is_black_and_of_the_size_of_what_was_seen() -> None:
    far = FarEnd()
    reader = far.shown.subscribe()
    far.interrupted(1.0)
    assert reader.get(0) is None
    far.picture(av.VideoFrame(320, 240, "yuv420p"), 12.5)
    far.interrupted(14.5)
    picture = reader.get(10)
    far.close()
    assert picture is not None
    assert picture.time == 14.5
    assert (picture.frame.width, picture.frame.height) == (320, 240)
    assert picture.frame.to_ndarray(format="rgb24").max() == 0


def test_what_must_be_converted_does_not_keep_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    far = FarEnd()
    threads: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(far.shown, "publish", lambda _: threads.append(threading.current_thread().name))
        far.picture(av.VideoFrame(321, 241, "yuv420p"), 0.0)
        wait_until(lambda: threads)
    far.close()
    far.picture(av.VideoFrame(321, 241, "yuv420p"), 1.0)
    assert threads == ["pycall-fitting-tap"]


def test_a_picture_that_fits_is_not_copied() -> None:
    far = FarEnd()
    reader = far.shown.subscribe()
    frame = av.VideoFrame(320, 240, "yuv420p")
    far.picture(frame, 0.0)
    picture = reader.get(1)
    assert picture is not None
    assert picture.frame is frame


def test_sound_is_held_in_the_playout_until_it_is_pulled() -> None:
    far = FarEnd()
    loud = np.full(BLOCK, 5_000, np.int16)
    pulled = []
    for number in range(50):
        far.sound(loud, number * BLOCK, 100 + number / 50)
        pulled.append(far.playout.pull(BLOCK, 100 + number / 50))
    assert not pulled[0].any()
    assert np.abs(pulled[-1]).max() > 4_000
    assert 0 < far.sound_delay_s < 0.5


async def test_a_picture_waits_for_the_sound_that_belongs_to_it() -> None:
    far = FarEnd()
    far.speaker = SlowSpeaker(0.1)
    reader = far.shown.subscribe(100)
    encoder, begun = SoundEncoder(), time.monotonic() - 1.0
    for number in range(50):  # a second of sound that was 10 ms on its way, pulled as it came
        now, captured_at = begun + number / 50, begun + number / 50 - 0.03
        payload = encoder.encode(np.full(BLOCK, number, np.int16))
        far.packet(Packet(number, number * BLOCK, payload, now, captured_at))
        far.playout.pull(BLOCK, now)
    sound_s = far.delays().sound_s
    assert sound_s is not None
    assert sound_s > 0.13
    stages_s = (0.03, far.delays().sound_held_s, far.delays().device_s)  # until it came, and here
    assert sum(stages_s) == pytest.approx(sound_s, abs=0.01)
    captured_at = time.monotonic() - 0.02
    far.picture(av.VideoFrame(320, 240, "yuv420p"), captured_at + 0.02, captured_at)
    assert reader.get(0) is None
    async with asyncio.timeout(10):
        while (picture := reader.get(0)) is None:
            await asyncio.sleep(0.001)
    assert picture.time > captured_at + 0.02
    delays = far.delays()
    assert delays.device_s == 0.1
    assert delays.picture_s == pytest.approx(picture.time - captured_at)
    assert delays.picture_held_s == pytest.approx(picture.time - captured_at - 0.02)
    far.close()


def sounding(far: FarEnd, now: float) -> Packet:
    """Sound that was 30 ms on its way is heard until ``now``; returns what comes next."""
    encoder, begun = SoundEncoder(), now - 1.0
    packets = [
        Packet(number, number * BLOCK, encoder.encode(np.full(BLOCK, number, np.int16)), at, at - 0.03)
        for number in range(51)
        for at in [begun + number / 50]
    ]
    for packet in packets[:-1]:
        far.packet(packet)
        far.playout.pull(BLOCK, packet.arrival)
    return packets[-1]


@pytest.mark.parametrize(
    "end",
    [
        lambda far, _: far.interrupted(0.0),
        lambda far, _: far.gone(),
        lambda far, packet: far.packet(replace(packet, arrival=packet.arrival + 1.01)),
    ],
)
async def test_sound_is_held_for_late_pictures_only_while_there_are_some(
    end: Callable[[FarEnd, Packet], None],
) -> None:
    far, now = FarEnd(), time.monotonic()
    packet = sounding(far, now)
    for _ in range(20):
        far.picture(av.VideoFrame(320, 240, "yuv420p"), now, now - 0.25)
    assert far.playout.target_s > 0.1
    far.packet(replace(packet, arrival=packet.arrival + 0.9))
    assert far.playout.at_least_s > 0.1
    end(far, replace(packet, sequence=51, timestamp=51 * BLOCK))
    assert far.playout.at_least_s == 0.0
    far.picture(av.VideoFrame(320, 240, "yuv420p"), now + 2, now + 1.75)
    assert far.playout.at_least_s == 0.0
    far.close()


@pytest.mark.parametrize("end", [lambda far: far.interrupted(0.0), FarEnd.gone, FarEnd.close])
async def test_nothing_that_waited_is_shown_after_an_interruption_or_the_end(
    end: Callable[[FarEnd], None],
) -> None:
    far = FarEnd()
    reader = far.shown.subscribe(10)
    now = time.monotonic()
    far._schedule.add(_Received(av.VideoFrame(320, 240, "yuv420p"), now, now), now + 0.02)
    end(far)
    await asyncio.sleep(0.05)
    assert reader.get(0) is None
    far.close()


async def test_pictures_are_shown_at_once_without_sound() -> None:
    far = FarEnd()
    reader = far.shown.subscribe(10)
    for _ in range(5):
        now = time.monotonic()
        far.picture(av.VideoFrame(320, 240, "yuv420p"), now, now - 0.02)
        assert reader.get(0) is not None
    far.close()
