"""Transport feedback passes aiortc by, in both directions, whatever is in it."""

from __future__ import annotations

import asyncio
from typing import Any

import aiortc.codecs
import pytest
from aiortc import RTCDtlsTransport, RTCPeerConnection
from aiortc.rtcrtpparameters import RTCRtpDecodingParameters, RTCRtpReceiveParameters
from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRrPacket, RtcpRtpfbPacket, RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.compat import releases
from pycall.client.compat.feedback import MOST_SOURCES, TransportFeedback, open_line, packed, taken_apart
from pycall.client.compat.negotiating import gives_feedback
from pycall.client.congestion.feedback import Feedback, parse
from pycall.client.peer import Outgoing
from pycall.client.sending.line import Line
from tests.client.pair import End, Source, call, running, until

MESSAGE = Feedback(5, 3, 1, 0, ((5, 0.01), (7, 0.02))).encode()


def test_what_is_told_can_be_taken_out_of_a_compound_packet() -> None:
    report, lost = bytes(RtcpRrPacket(ssrc=1)), bytes(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=2))
    rest, messages = taken_apart(report + packed(MESSAGE, 1, 2) + lost + packed(MESSAGE, 1, 2))
    assert rest == report + lost
    assert messages == [MESSAGE, MESSAGE]


def test_padding_is_no_part_of_a_message() -> None:
    told = bytearray(packed(MESSAGE + b"\0\0\0\4", 1, 2))
    told[0] |= 0x20
    assert taken_apart(bytes(told)) == (b"", [MESSAGE])


def test_lost_packets_are_left_to_aiortc() -> None:
    lost = bytes(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=[3, 4]))
    assert taken_apart(lost) == (lost, [])


@given(st.binary(max_size=200), st.integers(0, 255))
def test_whatever_comes_is_taken_apart(garbage: bytes, first: int) -> None:
    for data in (garbage, packed(MESSAGE, 1, 2) + garbage, bytes([first]) + packed(MESSAGE, 1, 2)[1:]):
        rest, messages = taken_apart(data)
        assert len(rest) + sum(map(len, messages)) <= len(data)


async def test_arrivals_are_told_soon_and_as_aiortc_can_read_them(connection: RTCPeerConnection) -> None:
    sender: Any = connection.addTransceiver("video").sender
    told: list[bytes] = []

    async def transmit(packet: bytes) -> None:
        told.append(packet)

    line = Line(transmit)
    feedback = TransportFeedback(line, sender)
    for number in (65_535, 0, 2):
        feedback.received(number, 77, 5.0)
    await until(lambda: told)
    feedback.received(3, 77, 5.1)
    feedback.close()
    await line.close()
    [packet] = RtcpPacket.parse(told[0])
    assert isinstance(packet, RtcpRtpfbPacket)
    assert (packet.fmt, packet.ssrc, packet.media_ssrc) == (15, sender._ssrc, 77)
    assert [number for number, _ in parse(taken_apart(told[0])[1][0]).arrivals] == [65_535, 0, 2]


async def test_streams_that_are_told_apart_are_few(connection: RTCPeerConnection) -> None:
    transceiver = connection.addTransceiver("video")
    sender: Any = transceiver.sender
    router, receiver = sender.transport._rtp_router, transceiver.receiver
    feedback = TransportFeedback(Line(sender.transport._send_rtp), sender)
    router.register_receiver(receiver, [5], [96])
    for ssrc in (*range(1_000), 5):
        assert router.route_rtp(RtpPacket(96, 0, 0, 0, ssrc, b"x")) is receiver
        assert len(router.ssrc_table) <= MOST_SOURCES
    assert router.route_rtp(RtpPacket(97, 0, 0, 0, 2_000, b"x")) is None
    feedback.close()


async def test_the_stream_of_repairs_is_not_what_is_told_about(connection: RTCPeerConnection) -> None:
    transceiver = connection.addTransceiver("video")
    sender, receiver = transceiver.sender, transceiver.receiver
    told: list[bytes] = []

    async def transmit(packet: bytes) -> None:
        told.append(packet)

    line, transport = Line(transmit), sender.transport
    feedback = TransportFeedback(line, sender)
    vp8, rtx = aiortc.codecs.CODECS["video"][:2]
    assert vp8.payloadType is not None
    assert rtx.payloadType is not None
    parameters = RTCRtpReceiveParameters(codecs=[vp8, rtx])
    parameters.encodings = [RTCRtpDecodingParameters(ssrc=77, payloadType=vp8.payloadType)]
    transport._register_rtp_receiver(receiver, parameters)
    for number, ssrc in ((1, 0), (2, 78)):  # Chromium's first probes have no stream
        probe = RtpPacket(rtx.payloadType, 0, 0, 0, ssrc)
        probe.extensions.transport_sequence_number = number
        transport._rtp_router.route_rtp(probe)
    await until(lambda: told)
    feedback.close()
    await line.close()
    [packet] = RtcpPacket.parse(told[0])
    assert isinstance(packet, RtcpRtpfbPacket)
    assert packet.media_ssrc == 77
    assert [number for number, _ in parse(taken_apart(told[0])[1][0]).arrivals] == [1, 2]


async def test_what_is_sent_before_there_is_a_connection_ends_the_line() -> None:
    end = End()
    try:
        await end.peer.open()
        transceiver = end.peer._opened.getTransceivers()[0]
        line = open_line(transceiver.sender)
        assert line is not None
        line.say(b"too early")
        assert line._task is not None
        await asyncio.wait([line._task])
        assert line._over
    finally:
        await end.peer.close(say_bye=False)


async def test_where_the_way_out_has_another_name_there_is_no_line(
    connection: RTCPeerConnection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sender: Any = connection.addTransceiver("video").sender
    monkeypatch.delattr(RTCDtlsTransport, "_send_rtp")
    releases._miss.cache_clear()
    assert open_line(sender) is None
    assert not gives_feedback(sender.transport)
    assert "_send_rtp" in caplog.text


async def test_in_a_call_the_rate_follows_what_arrives_and_no_estimate_is_sent() -> None:
    bright, dim = Source(200, 440), Source(90, 440)
    caller, callee = End(Outgoing(bright.pictures, bright.sounds)), End(Outgoing(dim.pictures, dim.sounds))
    with running(bright, dim):
        async with call(caller, callee):
            await until(lambda: len(callee.taker.pictures) > 20 and len(caller.taker.pictures) > 20)
            for end in (caller, callee):
                line = end.peer._line
                assert line is not None
                await until(lambda line=line: line.rtt_s is not None)  # type: ignore[misc]
                for transceiver in end.peer._opened.getTransceivers():
                    receiver: Any = transceiver.receiver
                    assert receiver._RTCRtpReceiver__remote_bitrate_estimator is None
