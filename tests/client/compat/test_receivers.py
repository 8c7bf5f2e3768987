"""One receiver by itself: what comes is bounded, and no peer makes it stop or lag."""

from __future__ import annotations

import copy
import queue
import time
from typing import Any

import aiortc.codecs
import pytest
from aiortc import RTCPeerConnection
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import (
    RTCP_PSFB,
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RTCP_RTPFB,
    RTCP_RTPFB_NACK,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
    wrap_rtx,
)

from pycall.client.compat import receiving
from pycall.client.latency import NTP_EPOCH
from tests.client.receiving.parities import parity_of

pytestmark = pytest.mark.integration


def _ignore(*_: object, **__: object) -> None:
    """Take sound, and leave it."""


def _tuned(receiver: Any, kind: str, sounded: receiving.SoundTaker = _ignore) -> list[bytes]:
    """Tune a receiver of VP8 or Opus that has negotiated that; returns what is said for it."""
    said: list[bytes] = []
    _tuned_tap(receiver, kind, said, sounded)
    return said


def _tuned_tap(
    receiver: Any, kind: str, said: list[bytes] | None = None, sounded: receiving.SoundTaker = _ignore
) -> receiving.ReceiverTap:
    """The same, for what is known of it."""
    say = (lambda _report: None) if said is None else said.append
    inbound = receiving.Inbound(say, lambda: [0.0], sounded)
    tap = inbound.tune(receiver, kind)
    name = "opus" if kind == "audio" else "VP8"
    codec = next(codec for codec in aiortc.codecs.CODECS[kind] if codec.name == name)
    receiver._RTCRtpReceiver__codecs[96] = codec
    receiver._set_rtcp_ssrc(7)
    inbound.close()
    return tap


def _picture(sequence: int, payload: bytes = b"\x10\x00") -> RtpPacket:
    """A whole key picture of VP8, as a packet says."""
    return RtpPacket(96, 1, sequence, sequence * 3_000, 9, payload)


async def test_what_was_repaired_is_reported_as_lost_and_a_repetition_as_nothing(
    connection: RTCPeerConnection,
) -> None:
    receiver: Any = connection.addTransceiver("audio").receiver
    taken: list[tuple[int, bool]] = []
    said = _tuned(receiver, "audio", lambda number, *_, repaired: taken.append((number, repaired)))
    for sequence in (0, 1, 3, 2, 2, 4, 4, 5):
        await receiver._handle_rtp_packet(RtpPacket(96, 0, sequence, sequence * 960, 9, b"x"), 0)
    assert [(number & 0xFFFF, repaired) for number, repaired in taken] == [
        (0, False), (1, False), (3, False), (2, True), (4, False), (5, False),
    ]  # fmt: skip
    assert receiver._RTCRtpReceiver__remote_streams[9].packets_lost == 1
    assert [(report[0] & 0x1F, report[1], report[-4:]) for report in said] == [
        (RTCP_RTPFB_NACK, RTCP_RTPFB, b"\0\2\0\0")
    ]


async def test_a_decoder_that_is_too_slow_goes_on_with_a_key_picture(connection: RTCPeerConnection) -> None:
    receiver: Any = connection.addTransceiver("video").receiver
    said = _tuned(receiver, "video")
    given, work = receiver._RTCRtpReceiver__decoder_queue, receiver._handle_rtp_packet.__self__
    for sequence in range(5):
        await receiver._handle_rtp_packet(_picture(sequence), 0)
    given.get_nowait()
    handed = list(work._handed)
    work.look(handed[1] + receiving.MAX_LAG_S - 0.01)
    assert (given.qsize(), said) == (4, [])
    work.look(handed[1] + receiving.MAX_LAG_S + 0.01)
    assert given.qsize() == 0
    assert [(report[0] & 0x1F, report[1]) for report in said] == [(RTCP_PSFB_PLI, RTCP_PSFB)]
    await receiver._handle_rtp_packet(_picture(5, b"\x10\x01"), 0)
    assert given.qsize() == 0
    await receiver._handle_rtp_packet(_picture(6), 0)
    assert given.qsize() == 1


async def test_pictures_for_a_decoder_do_not_pile_up(connection: RTCPeerConnection) -> None:
    receiver: Any = connection.addTransceiver("video").receiver
    _tuned(receiver, "video")
    for sequence in range(3 * receiving.MAX_ENCODED):
        await receiver._handle_rtp_packet(_picture(sequence), 0)
        assert receiver._RTCRtpReceiver__decoder_queue.qsize() <= receiving.MAX_ENCODED


async def test_what_a_stream_of_repairs_brings_is_taken_and_its_padding_is_not(
    connection: RTCPeerConnection,
) -> None:
    receiver: Any = connection.addTransceiver("video").receiver
    _tuned(receiver, "video")
    rtx = RTCRtpCodecParameters("video/rtx", 90_000, None, 97, parameters={"apt": 96})
    receiver._RTCRtpReceiver__codecs[97] = rtx
    receiver._RTCRtpReceiver__rtx_ssrc.update({10: 9, 12: 11})
    given = receiver._RTCRtpReceiver__decoder_queue
    await receiver._handle_rtp_packet(wrap_rtx(_picture(3), 97, 500, 10), 0)  # of what is not known yet
    assert given.qsize() == 0
    for sequence in (4, 5, 7, 9):
        await receiver._handle_rtp_packet(_picture(sequence, b"\x10\x01" if sequence > 4 else b"\x10\x00"), 0)
    assert given.qsize() == 2
    repair = _picture(6, b"\x10\x01")
    for number, wrapped in enumerate(
        (
            RtpPacket(97, 0, 501, 0, 10, b""),
            wrap_rtx(repair, 97, 502, 12),  # of another stream
            wrap_rtx(_picture(5), 97, 503, 10),  # of what came
        )
    ):
        await receiver._handle_rtp_packet(wrapped, number)
        assert given.qsize() == 2
    await receiver._handle_rtp_packet(wrap_rtx(repair, 97, 504, 10), 0)
    assert given.qsize() == 4
    await receiver._handle_rtp_packet(wrap_rtx(_picture(8, b"\x10\x01"), 97, 1, 99), 0)  # never described
    assert given.qsize() == 6
    streams = receiver._RTCRtpReceiver__remote_streams
    assert list(streams) == [9]
    assert streams[9].packets_lost == 2


async def test_pictures_in_packets_of_redundancy_are_taken_and_made_up_for_by_parity(
    connection: RTCPeerConnection,
) -> None:
    receiver: Any = connection.addTransceiver("video").receiver
    said = _tuned(receiver, "video")
    for number, name in ((98, "red"), (99, "ulpfec")):
        receiver._RTCRtpReceiver__codecs[number] = RTCRtpCodecParameters(
            f"video/{name}", 90_000, None, number
        )
    given = receiver._RTCRtpReceiver__decoder_queue
    pictures = {number: _picture(number, b"\x90\x80%c\x01" % number) for number in range(1, 5)}
    pictures[1].payload = b"\x90\x80\x01\x00"
    plain = {number: picture.serialize() for number, picture in pictures.items()}
    blocks = [(number, 96, picture.payload) for number, picture in pictures.items() if number != 3]
    blocks.append((5, 99, parity_of(plain, [1, 2, 3, 4])))
    blocks.append((7, 96, b"\x90\x80\x05\x01"))  # what is missing before it was parity
    blocks += [(8, 100, b"x"), (9, 98, b"\x60x")]  # of what was not negotiated
    for sequence, kind, payload in blocks:
        packet = RtpPacket(98, sequence < 8, sequence, sequence * 3_000, 9, bytes([kind]) + payload)
        setattr(receiver.transport, "_pycall_packet", packet.serialize())  # noqa: B010
        await receiver._handle_rtp_packet(packet, 0)
        assert given.qsize() == {1: 1, 2: 2, 4: 2, 5: 4}.get(sequence, 5)
    stamps = [given.get_nowait()[1].timestamp & 0xFFFFFFFF for _ in range(5)]
    assert stamps == [3_000, 6_000, 9_000, 12_000, 21_000]
    assert receiver._RTCRtpReceiver__remote_streams[9].packets_lost == 2  # as many as were lost on the way
    assert [report[1] for report in said] == [RTCP_RTPFB]  # number 3, before the parity came


async def test_only_the_present_stream_is_reported_on(connection: RTCPeerConnection) -> None:
    receiver: Any = connection.addTransceiver("video").receiver
    _tuned(receiver, "video")
    tables = [getattr(receiver, f"_RTCRtpReceiver__{name}") for name in ("remote_streams", "lsr", "lsr_time")]
    tables.append(receiver._RTCRtpReceiver__remote_bitrate_estimator.ssrcs)
    for ssrc in range(100):
        packet = _picture(ssrc)
        packet.extensions.abs_send_time = ssrc
        packet.ssrc = ssrc
        await receiver._handle_rtp_packet(packet, 0)
        for other in (ssrc, 1_000):
            report = RtcpSrPacket(other, RtcpSenderInfo(1 << 32, 0, 0, 0))
            await receiver._handle_rtcp_packet(report)
        assert [list(table) for table in tables] == [[ssrc]] * 4


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_where_nothing_is_repaired_what_comes_late_was_overtaken(
    connection: RTCPeerConnection, kind: str
) -> None:
    receiver: Any = connection.addTransceiver(kind).receiver
    taken: list[bool] = []
    said = _tuned(receiver, kind, lambda *_, repaired: taken.append(repaired))
    codec = copy.copy(receiver._RTCRtpReceiver__codecs[96])
    codec.rtcpFeedback = [told for told in codec.rtcpFeedback if told.type != "nack"]
    receiver._RTCRtpReceiver__codecs[96] = codec
    for sequence in (0, 1, 3):
        await receiver._handle_rtp_packet(_picture(sequence, b"\x10\x01" if sequence else b"\x10\x00"), 0)
    work = receiver._handle_rtp_packet.__self__
    now = time.monotonic()
    for later in range(10):
        work.look(now + 0.01 * later)
    setattr(receiver.transport.transport._connection, "_pycall_arrived_at", now + 0.1)  # noqa: B010
    await receiver._handle_rtp_packet(_picture(2, b"\x10\x01"), 0)
    assert not any(taken)
    assert len(taken) == (4 if kind == "audio" else 0)
    assert receiver._RTCRtpReceiver__remote_streams[9].packets_lost == 0
    assert said == []


async def test_what_is_no_packet_of_a_picture_is_passed_over(connection: RTCPeerConnection) -> None:
    receiver: Any = connection.addTransceiver("video").receiver
    _tuned(receiver, "video")
    for sequence, payload in enumerate((b"", b"\x90", b"\x90\x80", b"\x10\x00", b"\xff" * 4)):
        await receiver._handle_rtp_packet(_picture(sequence, payload), 0)
    await receiver._handle_rtp_packet(RtpPacket(97, 1, 9, 0, 9, b"\x10\x00"), 0)  # of what was not negotiated
    assert receiver._RTCRtpReceiver__decoder_queue.qsize() <= 1


async def test_a_sender_that_hears_not_of_each_packet_is_told_an_estimate(
    connection: RTCPeerConnection,
) -> None:
    receiver: Any = connection.addTransceiver("video").receiver
    said = _tuned(receiver, "video")
    for sequence in range(600):
        packet = _picture(sequence, b"\x10\x00" + bytes(1_000))
        packet.extensions.abs_send_time = (sequence * 10 << 18) // 1_000 & 0xFFFFFF
        await receiver._handle_rtp_packet(packet, sequence * 10)
        receiving.forget(receiver._RTCRtpReceiver__decoder_queue)
    assert {(report[0] & 0x1F, report[1]) for report in said} == {(RTCP_PSFB_APP, RTCP_PSFB)}


async def test_the_clock_of_another_stream_than_is_received_does_not_count(
    connection: RTCPeerConnection,
) -> None:
    receiver: Any = connection.addTransceiver("audio").receiver
    tap = _tuned_tap(receiver, "audio")
    await receiver._handle_rtcp_packet(_report(9, 100.0, 48_000))  # before the first packet
    await receiver._handle_rtp_packet(RtpPacket(96, 0, 1, 48_000, 9, b"x"), 0)
    assert tap.captured_at(96_000) == pytest.approx(101.0)
    await receiver._handle_rtp_packet(RtpPacket(96, 0, 1, 7_000_000, 10, b"x"), 0)
    assert tap.captured_at(7_000_000) is None
    await receiver._handle_rtcp_packet(_report(9, 102.0, 144_000))
    assert tap.captured_at(7_000_000) is None
    await receiver._handle_rtcp_packet(_report(10, 102.0, 7_000_000))
    assert tap.captured_at(7_048_000) == pytest.approx(103.0)


def _report(ssrc: int, unix: float, rtp: int) -> RtcpSrPacket:
    return RtcpSrPacket(ssrc, RtcpSenderInfo(int((unix + NTP_EPOCH) * 2**32), rtp, 0, 0))


class _Decoder:
    """Stands where aiortc's thread stood: decodes what it is given until it is told to end."""

    def __init__(self, given: queue.Queue[Any]) -> None:
        self._given = given
        self.decoded: list[Any] = []

    def join(self) -> None:
        self.decoded += iter(self._given.get_nowait, None)


async def test_ending_does_not_wait_for_what_is_not_decoded_yet(connection: RTCPeerConnection) -> None:
    receiver: Any = connection.addTransceiver("video").receiver
    _tuned(receiver, "video")
    decoder = _Decoder(receiver._RTCRtpReceiver__decoder_queue)
    receiver._RTCRtpReceiver__decoder_thread = decoder
    for number in range(receiving.MAX_ENCODED):
        receiver._RTCRtpReceiver__decoder_queue.put(number)
    receiver._handle_disconnect()
    assert decoder.decoded == []
    assert receiver._RTCRtpReceiver__decoder_thread is None
