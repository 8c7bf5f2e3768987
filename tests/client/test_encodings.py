"""Each side says which encoding of pictures it prefers, and is sent that."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import aiortc.codecs
import av
import pytest
from aiortc.codecs.h264 import H264Encoder as StockEncoder
from aiortc.jitterbuffer import JitterFrame

from pycall.client.compat.sending import packetize_h264
from pycall.client.peer import Outgoing
from pycall.client.receiving.packets import h264_begins_intra, h264_begins_key
from pycall.client.receiving.streams import PictureStream
from pycall.codecs.h264 import H264Encoder
from tests.client.pair import End, Source, brightness, painted, running, until


def test_pictures_of_h264_come_back_one_for_one_from_the_stock_decoder() -> None:
    codec = next(codec for codec in aiortc.codecs.CODECS["video"] if codec.name == "H264")
    encoder, decoder = H264Encoder(1280, 720, 1_000_000, 30), aiortc.codecs.get_decoder(codec)
    for number in range(5):
        payloads = packetize_h264(encoder.encode(painted(200, (1280, 720)), key=number == 3))
        assert h264_begins_key(payloads[0], b"") == (number in {0, 3})
        assert max(map(len, payloads)) <= 1_300
        data = b"".join(aiortc.codecs.depayload(codec, payload) for payload in payloads)
        decoded: Any
        [decoded] = decoder.decode(JitterFrame(data, number * 3_000))
        assert decoded.pts == number * 3_000
        assert abs(int(decoded.to_ndarray()[10, 10]) - 200) < 10


@pytest.mark.parametrize("together", [False, True], ids=["each unit alone", "aggregated"])
def test_pictures_of_h264_are_seen_though_delimiters_lead_and_parameters_are_told_once(
    together: bool,
) -> None:
    codec = next(codec for codec in aiortc.codecs.CODECS["video"] if codec.name == "H264")
    encoder, decoder = av.CodecContext.create("libx264", "w"), aiortc.codecs.get_decoder(codec)
    encoder.width, encoder.height, encoder.pix_fmt = 320, 240, "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.options = {"tune": "zerolatency", "preset": "ultrafast", "x264-params": "aud=1:keyint=4"}
    decoded: list[Any] = []
    stream, sequence = PictureStream(), 0
    for number in range(12):
        frame = painted(100 + 10 * number)
        frame.pts = number
        [encoded] = encoder.encode(frame)
        units = list(StockEncoder._split_bitstream(bytes(encoded)))
        if number:
            units = [unit for unit in units if unit[0] & 0x1F not in {7, 8}]
        payloads = list(StockEncoder._packetize(units)) if together else units
        for at, payload in enumerate(payloads, 1):
            sequence += 1
            if number == 5 and at == len(payloads):
                continue  # lost, and not repaired
            stream.received(
                sequence,
                number * 3_000,
                aiortc.codecs.depayload(codec, payload),
                number / 30,
                last=at == len(payloads),
                key=h264_begins_key(payload, b""),
                intra=h264_begins_intra(payload),
            )
            while (picture := stream.pop(number / 30)) is not None:
                decoded += decoder.decode(JitterFrame(picture.data, number))
    assert [round(brightness(frame)[0], -1) for frame in decoded] == [
        100 + 10 * number for number in range(12) if number not in {5, 6, 7}
    ]


@pytest.mark.parametrize("described", ["offer", "answer"])
async def test_pictures_are_encoded_as_the_other_side_prefers(described: str) -> None:
    bright, dim = Source(200, 440), Source(90, 440)
    caller, callee = End(Outgoing(bright.pictures, None)), End(Outgoing(dim.pictures, None))
    with running(bright, dim):
        try:
            await caller.peer.open()
            await callee.peer.open()
            offer = await caller.peer.create_offer()
            answer = await callee.peer.accept_offer(_h264_first(offer) if described == "offer" else offer)
            await caller.peer.accept_answer(_h264_first(answer) if described == "answer" else answer)
            await until(lambda: len(caller.taker.pictures) > 20 and len(callee.taker.pictures) > 20)
            assert abs(brightness(caller.taker.pictures[-1])[0] - 90) < 12
            assert abs(brightness(callee.taker.pictures[-1])[0] - 200) < 12
            assert _encoder(caller) == "H264"
            assert _encoder(callee) == ("H264" if described == "offer" else "VP8")
        finally:
            await caller.peer.close(say_bye=False)
            await callee.peer.close(say_bye=False)


def _h264_first(sdp: str) -> str:
    """The description of one who would rather see H.264."""
    [line] = [line for line in sdp.splitlines() if line.startswith("m=video")]
    *start, types = line.split(" ", 3)
    vp8, *others = types.split(" ")
    [h264] = [other for other in others if f"a=rtpmap:{other} H264/90000" in sdp]
    assert f"a=rtpmap:{vp8} VP8/90000" in sdp
    assert f"a=fmtp:{h264} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f" in sdp
    return sdp.replace(line, " ".join([*start, *sorted([vp8, *others], key=h264.__ne__)]))


def _encoder(end: End) -> str:
    """The codec that an end sends pictures in."""
    sender: Any = next(sender for sender in end.peer._opened.getSenders() if sender.kind == "video")
    codec: str = sender._run_rtp.__self__._pictures._codec
    return codec


async def test_the_sender_knows_how_many_pictures_are_meant_to_come() -> None:
    source = Source(200, 440)
    end = End(Outgoing(source.pictures, None, 15))
    try:
        await end.peer.open()
        sender: Any = end.peer._opened.getTransceivers()[1].sender
        assert sender._run_rtp.__self__._fps == 15
    finally:
        await end.peer.close(say_bye=False)
