"""Sound leaves as Opus, as loud as it is said to be."""

from __future__ import annotations

import time
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket, compute_audio_level_dbov

from pycall.client.sending.failures import MOST
from pycall.client.sending.line import Leaving, Line, Stream
from pycall.client.sending.packets import AUDIO_LEVEL, PacketWriter
from pycall.client.sending.sound import SoundSender, loudness
from pycall.client.stages import Stages
from pycall.codecs.libopus import LibopusEncoder
from pycall.codecs.opus import open_decoder
from pycall.codecs.packets import CodecError
from tests.client.pair import pitch, tone, until


def block(number: int) -> av.AudioFrame:
    """A block of a tone as the track gives it."""
    frame = av.AudioFrame.from_ndarray(tone(440, number).reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, number * 960, Fraction(1, 48_000)
    return frame


async def test_a_voice_comes_out_as_it_was_with_its_times_and_its_level() -> None:
    sent: list[bytes] = []
    left: list[Leaving] = []

    async def transmit(packet: bytes) -> None:
        sent.append(packet)

    line = Line(transmit)
    stages = Stages()
    writer = PacketWriter(1, 96, {AUDIO_LEVEL: 2}, "0")
    sender = SoundSender(line, Stream(writer, lambda packet, _: left.append(packet), 1_000, 0, stages))
    known = HeaderExtensionsMap()
    known.configure(
        RTCRtpParameters(headerExtensions=[RTCRtpHeaderExtensionParameters(id=2, uri=AUDIO_LEVEL)])
    )
    try:
        for number in range(20):
            await sender.send(block(number), time.monotonic())
        await until(lambda: len(sent) == 20)
    finally:
        await line.close()
    packets = [RtpPacket.parse(data, known) for data in sent]
    assert [packet.timestamp for packet in packets] == [1_000 + 960 * number for number in range(20)]
    assert packets[5].extensions.audio_level == (False, -compute_audio_level_dbov(block(5)))
    decoder = open_decoder()
    heard = np.concatenate([decoder.decode(packet.payload) for packet in packets])
    assert pitch(heard[-9_600:]) == pytest.approx(440, abs=6)
    assert set(stages.take("wait", "encode", "pace")) == {"wait", "encode", "pace"}


async def test_a_block_that_cannot_be_encoded_is_the_only_one_until_av_has_to_do_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[bytes] = []

    async def transmit(packet: bytes) -> None:
        sent.append(packet)

    def fail(*_: object) -> bytes:
        raise CodecError("nobody knows why")

    line = Line(transmit)
    stream = Stream(PacketWriter(1, 96, {}, "0"), lambda *_: None, 0, 0, Stages())
    sender = SoundSender(line, stream)
    try:
        await sender.send(block(0), time.monotonic())
        monkeypatch.setattr(LibopusEncoder, "encode", fail)
        await sender.send(block(1), time.monotonic())
        monkeypatch.undo()
        await sender.send(block(2), time.monotonic())
        await until(lambda: len(sent) == 2)
        monkeypatch.setattr(LibopusEncoder, "encode", fail)
        for number in range(MOST + 1):
            await sender.send(block(3 + number), time.monotonic())
        await until(lambda: len(sent) == 3)
    finally:
        await line.close()


def test_loudness_is_what_the_standard_says() -> None:
    assert loudness(np.zeros(960, np.int16)) == -127
    assert loudness(np.full(960, 32_767, np.int16)) == 0
    assert loudness(np.full(960, -32_768, np.int16)) == 0
    assert loudness((np.ones(960) * 328).astype(np.int16)) == -40
