"""What is sent is encoded our way and says when it was captured."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import aiortc.clock
import aiortc.codecs
import aiortc.codecs.h264
import aiortc.rtcrtpreceiver
import aiortc.rtcrtpsender
import aiortc.rtcsctptransport
import av
import numpy as np
from aiortc import RTCPeerConnection
from aiortc.rtp import RtcpSenderInfo, RtcpSrPacket

from pycall.client.compat import decoding, sending
from tests.client.pair import painted, tone


def test_the_encoders_are_ours_and_speak_to_the_stock_decoders() -> None:
    audio, video = aiortc.codecs.CODECS["audio"][0], aiortc.codecs.CODECS["video"][0]
    assert isinstance(aiortc.codecs.get_encoder(audio), sending.OpusEncoder)
    assert isinstance(aiortc.codecs.get_decoder(audio), decoding.OpusDecoder)
    encoder = aiortc.codecs.get_encoder(video)
    assert isinstance(encoder, sending.Vp8Encoder)
    frame = painted(200)
    frame.pts, frame.time_base = 3_000, Fraction(1, 90_000)
    payloads, timestamp = encoder.encode(frame, force_keyframe=True)
    assert timestamp == 3_000
    data = b"".join(aiortc.codecs.depayload(video, payload) for payload in payloads)
    decoded: Any
    [decoded] = aiortc.codecs.vpx.Vp8Decoder().decode(aiortc.jitterbuffer.JitterFrame(data, 3_000))
    assert abs(int(decoded.to_ndarray()[10, 10]) - 200) < 10


def test_a_voice_keeps_its_time_stamp_and_comes_out_mono() -> None:
    audio = aiortc.codecs.CODECS["audio"][0]
    encoder, decoder = aiortc.codecs.get_encoder(audio), aiortc.codecs.get_decoder(audio)
    decoded: Any = None
    for block in range(3):
        frame = av.AudioFrame.from_ndarray(tone(440, block).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 1_000 + block * 960, Fraction(1, 48_000)
        [payload], timestamp = encoder.encode(frame)
        assert timestamp == 1_000 + block * 960
        [decoded] = decoder.decode(aiortc.jitterbuffer.JitterFrame(payload, timestamp))
        assert decoded.layout.name == "mono"
        assert decoded.samples == 960
    assert np.abs(decoded.to_ndarray()).max() > 4_000


def test_what_the_far_end_can_take_reaches_the_encoder() -> None:
    encoder = sending.Vp8Encoder()
    assert encoder.target_bitrate == 0
    encoder.target_bitrate = 321_000
    assert encoder.target_bitrate == 321_000


def test_repairs_are_possible_for_longer() -> None:
    for module in (aiortc.rtcrtpsender, aiortc.rtcrtpreceiver):
        assert vars(module)["RTP_HISTORY_SIZE"] == sending.REPAIR_HISTORY


async def test_sender_reports_say_when_it_was_captured(connection: RTCPeerConnection) -> None:
    class Late:
        def captured_at(self, sent_at: float) -> float | None:
            return sent_at - 0.25

    sender: Any = connection.addTransceiver("video").sender
    sent: list[Any] = []

    async def send_rtcp(packets: list[Any]) -> None:
        sent.extend(packets)

    sender._send_rtcp = send_rtcp
    sending.report_capture_times(sender, Late())
    now = aiortc.clock.current_ntp_time()
    for ntp in (now, 0):
        info = RtcpSenderInfo(ntp_timestamp=ntp, rtp_timestamp=5, packet_count=1, octet_count=1)
        await sender._send_rtcp([RtcpSrPacket(ssrc=1, sender_info=info)])
    assert abs((now - sent[0].sender_info.ntp_timestamp) / 2**32 - 0.25) < 1e-6
    assert sender._RTCRtpSender__lsr == (sent[0].sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF
    assert sent[1].sender_info.ntp_timestamp == 0
