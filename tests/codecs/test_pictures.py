"""Every encoder gives what a decoder takes, at the bit rate it is told, with key pictures only when asked."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Callable
from typing import Any

import av
import psutil
import pytest

from pycall.codecs import pictures
from pycall.codecs.h264 import H264Encoder
from pycall.codecs.pictures import Codec, PictureEncoder, open_picture_encoder
from pycall.codecs.vp8 import SteppingVp8Encoder, Vp8Encoder
from tests.codecs.scenery import is_key, moving, psnr

VGA = 640, 480
SMALL = 320, 240
CODECS: list[Codec] = ["VP8", "H264"]
DECODERS = {"VP8": "vp8", "H264": "h264"}


def kbits(encoder: PictureEncoder, frames: list[av.VideoFrame], fps: float = 30) -> float:
    """The kbit/s they take."""
    return sum(len(encoder.encode(frame, key=False)) for frame in frames) * 8 * fps / len(frames) / 1000


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [SMALL, (426, 238), (1280, 720)])
def test_what_is_encoded_is_decoded_to_the_same_pictures(codec: Codec, size: tuple[int, int]) -> None:
    decoder: Any = av.CodecContext.create(DECODERS[codec], "r")
    encoder = open_picture_encoder(codec, *size, 6_000_000, 30)
    assert (encoder.width, encoder.height) == size
    likeness = []
    for picture in moving(12, size):
        original = av.VideoFrame.from_ndarray(picture.to_ndarray(), format="yuv420p")
        [decoded] = decoder.decode(av.Packet(encoder.encode(picture, key=False)))
        likeness.append(psnr(original, decoded))
    encoder.close()
    assert likeness[-1] > 26
    assert min(likeness) > 20


def test_libvpx_and_libx264_themselves_are_used() -> None:
    assert isinstance(open_picture_encoder("VP8", *SMALL, 300_000, 30), Vp8Encoder)
    assert isinstance(open_picture_encoder("H264", *SMALL, 300_000, 30), H264Encoder)


def test_where_libvpx_cannot_be_called_av_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "libvpx", lambda: None)
    encoder = open_picture_encoder("VP8", *SMALL, 300_000, 30)
    assert isinstance(encoder, SteppingVp8Encoder)


@pytest.mark.parametrize("codec", CODECS)
def test_only_the_first_and_what_is_asked_for_are_key_pictures(codec: Codec) -> None:
    encoder = open_picture_encoder(codec, *SMALL, 400_000, 30)
    keys = []
    for number, frame in enumerate(moving(300, SMALL)):
        encoder.set_bitrate(150_000 + number % 20 * 50_000)
        encoder.set_frame_rate(15 + number % 16)
        frame.pict_type = av.video.frame.PictureType.I  # as a camera's decoder says
        if is_key(encoder.encode(frame, key=number == 100)):
            keys.append(number)
    assert keys == [0, 100]
    encoder.close()


@pytest.mark.parametrize("codec", CODECS)
def test_the_bit_rate_is_kept_soon_after_a_change(codec: Codec) -> None:
    encoder, frames = open_picture_encoder(codec, *VGA, 500_000, 30), moving(60, VGA)
    there_and_back = itertools.cycle([*frames, *frames[::-1]])
    for wanted in (500, 1_000, 350, 700):
        encoder.set_bitrate(wanted * 1000)
        for share, off in ((30, 0.5), (60, 0.2)):
            assert kbits(encoder, list(itertools.islice(there_and_back, share))) == pytest.approx(
                wanted, rel=off
            )
    encoder.close()


@pytest.mark.parametrize("codec", CODECS)
def test_key_pictures_leave_a_slow_path_within_a_quarter_second(codec: Codec) -> None:
    encoder = open_picture_encoder(codec, *VGA, 400_000, 30)
    sizes = [len(encoder.encode(frame, key=number == 60)) for number, frame in enumerate(moving(61, VGA))]
    assert max(sizes[0], sizes[-1]) * 8 / 500_000 < 0.25
    encoder.close()


@pytest.mark.parametrize("codec", CODECS)
def test_half_the_pictures_are_twice_as_large(codec: Codec) -> None:
    encoder, frames = open_picture_encoder(codec, *VGA, 600_000, 15), moving(60, VGA)
    kbits(encoder, frames[:30])
    assert kbits(encoder, frames[30:], fps=15) == pytest.approx(600, rel=0.25)
    encoder.close()


@pytest.mark.parametrize("codec", CODECS)
def test_a_closed_encoder_may_be_closed_again(codec: Codec) -> None:
    encoder = open_picture_encoder(codec, *SMALL, 300_000, 30)
    encoder.encode(moving(1, SMALL)[0], key=False)
    encoder.close()
    encoder.close()


def _close(encoder: PictureEncoder) -> None:
    encoder.close()


def _forget(_: PictureEncoder) -> None:
    pass


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("end", [_close, _forget])
def test_neither_pictures_nor_encoders_leave_anything_behind(
    codec: Codec, end: Callable[[PictureEncoder], None]
) -> None:
    """An encoder of this size takes about 10 MB."""
    frames = moving(4, VGA)

    def use(encoders: int) -> int:
        for _ in range(encoders):
            encoder = open_picture_encoder(codec, *VGA, 300_000, 30)
            for frame in frames:
                encoder.encode(frame, key=False)
            end(encoder)
        gc.collect()
        return int(psutil.Process().memory_info().rss)

    before = use(10)
    assert use(30) - before < 50_000_000


def test_closing_waits_for_the_picture_at_work() -> None:
    encoder, frames = open_picture_encoder("VP8", *VGA, 600_000, 30), moving(30, VGA)
    begun, ends = threading.Event(), []

    def work() -> None:
        try:
            for frame in frames:
                encoder.encode(frame, key=True)
                begun.set()
        except Exception as error:  # noqa: BLE001
            ends.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10)
    encoder.close()
    thread.join(10)
    assert [str(error) for error in ends] in (["The encoder is closed."], [])
