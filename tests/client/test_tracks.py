"""Tracks pass media on unchanged, on one clock, and leave the source alone."""

from __future__ import annotations

import asyncio
import itertools
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.video.frame import PictureType
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.tracks import (
    BLOCK,
    SAMPLE_RATE,
    SOUND_DEPTH,
    Hold,
    PictureTrack,
    SoundTrack,
    StampClock,
    mono,
    receive_pictures,
    receive_sound,
)
from pycall.codecs.packets import Samples
from pycall.media.feed import Feed
from pycall.media.frames import Picture, Sound
from tests.client.pair import painted, tone, until


async def test_a_picture_is_passed_on_as_a_copy_on_the_common_clock() -> None:
    feed: Feed[Picture] = Feed()
    track = PictureTrack(feed, origin=100.0)
    frame = painted(150)
    frame.pts = 7
    feed.publish(Picture(frame, 100.5))
    sent = await track.recv()
    assert sent is not frame
    assert (sent.to_ndarray() == frame.to_ndarray()).all()
    assert (sent.pts, sent.time_base) == (45_000, Fraction(1, 90_000))
    sent.pict_type = PictureType.I  # as an encoder does
    feed.publish(Picture(frame, 100.4))
    again = await track.recv()
    assert again.pts == 45_001  # never back
    assert again.pict_type == PictureType.NONE
    assert frame.pts == 7
    track.stop()


@pytest.mark.parametrize("size", [(322, 242), (1280, 720), (100, 50)])
async def test_rows_with_any_padding_are_copied_right(size: tuple[int, int]) -> None:
    feed: Feed[Picture] = Feed()
    track = PictureTrack(feed, origin=0.0)
    noise = np.random.default_rng(1).integers(0, 255, (size[1] * 3 // 2, size[0]), np.uint8)
    whole = av.VideoFrame.from_ndarray(noise, format="yuv420p")
    padded = whole.reformat(format="rgb24").reformat(format="yuv420p")  # a scaler pads its rows
    for frame in (whole, padded):
        feed.publish(Picture(frame, 1.0))
        assert ((await track.recv()).to_ndarray() == frame.to_ndarray()).all()
    track.stop()


async def test_what_is_held_back_goes_out_as_black_and_silence_in_the_same_time() -> None:
    pictures, sounds, hold = Feed[Picture](), Feed[Sound](), Hold(is_on=True)
    video, audio = PictureTrack(pictures, 0.0, hold), SoundTrack(sounds, 0.0, hold)
    for is_on in (True, False, True):
        hold.is_on = is_on
        pictures.publish(Picture(painted(150), 1.0))
        hearing = asyncio.create_task(audio.recv())
        await asyncio.sleep(0)
        sounds.publish(Sound(tone(440, 1), 1.0))
        seen, heard = (await video.recv()).to_ndarray(), (await hearing).to_ndarray()
        assert (seen == painted(150).to_ndarray()).all() != is_on
        assert np.any(heard) != is_on
        if is_on:
            assert set(np.unique(seen[:240])) == {16}
            assert set(np.unique(seen[240:])) == {128}
    assert video.frames == audio.frames == 3
    video.stop()
    audio.stop()


async def test_the_newest_picture_is_sent() -> None:
    feed: Feed[Picture] = Feed()
    track = PictureTrack(feed, origin=0.0)
    for level in (50, 100, 150):
        feed.publish(Picture(painted(level), level))
    assert (await track.recv()).to_ndarray()[0, 0] == 150
    assert track.frames == 1
    track.stop()


async def test_sound_is_passed_on_in_order_from_the_first_use() -> None:
    feed: Feed[Sound] = Feed()
    track = SoundTrack(feed, origin=10.0)
    feed.publish(Sound(tone(440, 0), 10.0))  # before anybody listens
    first = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    for block in range(1, 4):
        feed.publish(Sound(tone(440, block), 10.0 + block * BLOCK / SAMPLE_RATE))
    frames = [await first, await track.recv(), await track.recv()]
    assert [frame.pts for frame in frames] == [960, 1920, 2880]
    assert (frames[0].to_ndarray().reshape(-1) == tone(440, 1)).all()
    assert (frames[0].format.name, frames[0].layout.name, frames[0].sample_rate) == ("s16", "mono", 48_000)
    track.stop()


async def test_sound_that_waits_is_bounded() -> None:
    feed: Feed[Sound] = Feed()
    track = SoundTrack(feed, origin=0.0)
    first = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    for block in range(100):
        feed.publish(Sound(tone(440, block), block * BLOCK / SAMPLE_RATE))
    await first
    await asyncio.gather(*[track.recv() for _ in range(SOUND_DEPTH - 1)])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(track.recv(), 0.05)
    track.stop()


async def test_blocks_of_another_length_are_passed_over() -> None:
    feed: Feed[Sound] = Feed()
    track = SoundTrack(feed, origin=0.0)
    coming = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    feed.publish(Sound(np.zeros(100, np.int16), 0.0))
    feed.publish(Sound(tone(440, 1), 0.02))
    assert (await coming).samples == BLOCK
    track.stop()


@pytest.mark.parametrize("kind", [PictureTrack, SoundTrack])
async def test_a_closed_feed_means_nothing_more_but_no_end(kind: type[PictureTrack | SoundTrack]) -> None:
    feed: Feed[object] = Feed()
    feed.close()
    track = kind(feed, 0.0)  # type: ignore[arg-type]
    coming = asyncio.create_task(track.recv())
    await asyncio.sleep(0.02)
    assert not coming.done()
    assert track.readyState == "live"
    track.stop()
    with pytest.raises(MediaStreamError):
        await coming


async def test_stopping_a_track_leaves_the_source_to_others() -> None:
    feed: Feed[Picture] = Feed()
    track, other = PictureTrack(feed, 0.0), PictureTrack(feed, 0.0)
    waiting = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    track.stop()
    track.stop()
    with pytest.raises(MediaStreamError):
        await waiting
    with pytest.raises(MediaStreamError):
        await track.recv()
    feed.publish(Picture(painted(99), 1.0))
    assert (await other.recv()).to_ndarray()[0, 0] == 99
    other.stop()


async def test_a_track_knows_when_what_was_sent_was_captured() -> None:
    feed: Feed[Picture] = Feed()
    track = PictureTrack(feed, 0.0)
    moments = []
    for captured in (1.0, 2.0, 3.0):
        feed.publish(Picture(painted(50), captured))
        await track.recv()
        moments.append(time.monotonic())
    assert track.captured_at(moments[-1]) == 3.0
    assert track.captured_at(moments[-2]) == 2.0
    assert track.captured_at(0.0) is None
    track.stop()


def test_time_stamps_of_sound_count_samples_whatever_the_jitter() -> None:
    clock, jitter = StampClock(0.0), np.random.default_rng(1)
    stamps = [clock.stamp(5 + block * 0.02 + jitter.uniform(-0.02, 0.02)) for block in range(2_000)]
    assert set(np.diff(stamps)) == {BLOCK}


def test_a_slow_sound_card_is_followed_without_gaps() -> None:
    clock = StampClock(0.0)
    stamps = [clock.stamp(block * 0.02 * 1.0002) for block in range(50_000)]  # 17 minutes, 0.2 s late
    assert set(np.diff(stamps)) == {BLOCK}


def test_a_gap_of_the_source_is_a_gap_in_the_time_stamps() -> None:
    clock = StampClock(0.0)
    before = [clock.stamp(block * 0.02) for block in range(10)]
    after = clock.stamp(3.0)
    assert after == 3 * SAMPLE_RATE
    assert clock.stamp(3.02) == after + BLOCK
    assert before[-1] == 9 * BLOCK


@given(st.lists(st.floats(-1e6, 1e6), max_size=50))
def test_time_stamps_of_sound_only_grow(moments: list[float]) -> None:
    clock = StampClock(0.0)
    stamps = [clock.stamp(moment) for moment in moments]
    assert all(later - sooner >= BLOCK for sooner, later in itertools.pairwise(stamps))
    assert min(stamps, default=0) >= 0


class Arriving(MediaStreamTrack):
    """A remote track that gives what it was given and ends."""

    def __init__(self, kind: str, frames: list[av.VideoFrame | av.AudioFrame]) -> None:
        super().__init__()
        self.kind = kind
        self._frames = frames

    async def recv(self) -> av.VideoFrame | av.AudioFrame:
        if not self._frames:
            raise MediaStreamError
        return self._frames.pop(0)


async def test_received_pictures_are_handed_on_until_the_track_ends() -> None:
    frames = [painted(level) for level in (1, 2, 3)]
    took: list[av.VideoFrame] = []
    await receive_pictures(Arriving("video", [*frames]), lambda frame, _: took.append(frame))
    assert took == frames


async def test_received_sound_is_handed_on_as_mono() -> None:
    left, right = tone(440, 0), np.zeros(BLOCK, np.int16)
    frame = av.AudioFrame.from_ndarray(
        np.stack([left, right], axis=1).reshape(1, -1), format="s16", layout="stereo"
    )
    frame.pts = 4_800
    took: list[tuple[Samples, int]] = []
    await receive_sound(
        Arriving("audio", [frame]), lambda samples, timestamp, _: took.append((samples, timestamp))
    )
    [(samples, timestamp)] = took
    assert timestamp == 4_800
    assert samples.dtype == np.int16
    assert np.abs(samples - left / 2).max() <= 1
    assert (
        mono(av.AudioFrame.from_ndarray(left.reshape(1, -1), format="s16", layout="mono")).tolist()
        == left.tolist()
    )


async def test_a_waiting_track_can_be_cancelled() -> None:
    track = SoundTrack(Feed(), 0.0)
    waiting = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    waiting.cancel()
    await until(waiting.done)
    assert waiting.cancelled()
    track.stop()
