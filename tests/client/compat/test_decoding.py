"""Nothing a stranger sends ends a decoder or makes it work for what nobody would show."""

from __future__ import annotations

import asyncio
import queue
import threading
from fractions import Fraction
from typing import Any

import aiortc.codecs
import av
import pytest
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpreceiver import decoder_worker

from pycall.client.compat.decoding import MAX_PIXELS
from pycall.codecs.opus import SoundEncoder
from tests.client.pair import painted, tone

OPUS = aiortc.codecs.CODECS["audio"][0]
PICTURES = {
    codec.name: codec for codec in aiortc.codecs.CODECS["video"] if codec.name in {"VP8", "H264"}
}.values()


def pictures(codec: Any, width: int = 320, height: int = 240) -> list[bytes]:
    """A key picture and one that builds on it."""
    encoder = av.CodecContext.create("libvpx" if codec.name == "VP8" else "libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 90_000)
    quick = {"deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0"}
    encoder.options = quick if codec.name == "VP8" else {"preset": "ultrafast", "tune": "zerolatency"}
    encoded = []
    for pts in (0, 3_000):
        frame = painted(200, (width, height))
        frame.pts, frame.time_base = pts, encoder.time_base
        encoded.append(b"".join(bytes(packet) for packet in encoder.encode(frame)))
    return encoded


def sizes(decoder: Any, *data: bytes) -> list[tuple[int, int]]:
    """What comes out, where errors are none, as for aiortc."""
    out = []
    for each in data:
        try:
            out += [(frame.width, frame.height) for frame in decoder.decode(JitterFrame(each, 0))]
        except av.FFmpegError:
            continue
    return out


@pytest.mark.parametrize("codec", PICTURES, ids=lambda codec: codec.name)
def test_an_empty_picture_is_passed_over(codec: Any) -> None:
    decoder = aiortc.codecs.get_decoder(codec)
    key, delta = pictures(codec)
    assert sizes(decoder, b"", key, b"", delta) == [(320, 240)] * 2


def test_an_empty_packet_of_sound_is_passed_over() -> None:
    encoder, decoder = SoundEncoder(), aiortc.codecs.get_decoder(OPUS)
    heard = 0
    for block in range(3):
        for data in (b"", encoder.encode(tone(440, block))):
            heard += sum(decoded.samples for decoded in decoder.decode(JitterFrame(data, block * 960)))  # type: ignore[attr-defined]
    assert heard == 3 * 960


@pytest.mark.parametrize("codec", PICTURES, ids=lambda codec: codec.name)
def test_a_picture_that_is_too_large_is_refused_and_what_builds_on_it(codec: Any) -> None:
    decoder = aiortc.codecs.get_decoder(codec)
    width, height = 8_192, MAX_PIXELS // 8_192
    assert sizes(decoder, *pictures(codec, width, height + 16)) == []
    assert sizes(decoder, *pictures(codec)) == [(320, 240)] * 2  # and then one of a usual size is shown


@pytest.mark.parametrize("codec", PICTURES, ids=lambda codec: codec.name)
async def test_a_decoder_goes_on_after_what_is_empty(codec: Any) -> None:
    encoded: queue.Queue[Any] = queue.Queue()
    decoded: asyncio.Queue[Any] = asyncio.Queue()
    key, delta = pictures(codec)
    for data in (b"", key, b"", delta):
        encoded.put((codec, JitterFrame(data, 0)))
    encoded.put(None)
    worker = (asyncio.get_running_loop(), encoded, decoded, threading.Event())
    await asyncio.to_thread(decoder_worker, *worker)
    shown = [await decoded.get() for _ in range(3)]
    assert [frame and frame.width for frame in shown] == [320, 320, None]
