"""What is lost is asked for, pictures come back whatever happens, and nothing piles up."""

from __future__ import annotations

import copy
import queue
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiortc.codecs
import numpy as np
import pytest
from aiortc import RTCPeerConnection
from aiortc.rtp import (
    RTCP_PSFB,
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RTCP_RTPFB,
    RTCP_RTPFB_NACK,
    RtcpByePacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
    is_rtcp,
)

from pycall.client.compat import receiving
from pycall.client.latency import NTP_EPOCH
from pycall.client.peer import Outgoing
from tests.client.pair import End, Source, call, running, until

pytestmark = pytest.mark.integration


async def test_lost_sound_is_asked_for_again() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(None, source.sounds)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: len(callee.taker.packets) > 20)
            said = _said(callee)
            lost = _losing(caller, lambda number: number in {5, 15, 16})
            await until(lambda: len(lost) == 3)
            seen = len(callee.taker.packets)
            await until(lambda: len(callee.taker.packets) > seen + 30)
    numbers = sorted(packet.sequence for packet in callee.taker.packets)
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert RTCP_RTPFB_NACK in said[RTCP_RTPFB]


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


async def test_sound_is_not_asked_for_where_that_was_not_negotiated() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(None, source.sounds)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: len(callee.taker.packets) > 20)
            receiver: Any = callee.peer._opened.getTransceivers()[0].receiver
            for codec in receiver._RTCRtpReceiver__codecs.values():
                codec.rtcpFeedback = [told for told in codec.rtcpFeedback if told.type != "nack"]
            lost = _losing(caller, lambda number: number == 5)
            await until(lambda: lost)
            seen = len(callee.taker.packets)
            await until(lambda: len(callee.taker.packets) > seen + 20)
    numbers = np.array([packet.sequence for packet in callee.taker.packets])
    assert sorted(np.diff(numbers))[-2:] == [1, 2]


async def test_media_comes_with_the_time_it_was_captured_at_on_our_clock() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: callee.taker.captured_at and callee.taker.packets[-1].captured_at)
            now, packet = time.monotonic(), callee.taker.packets[-1]
            assert callee.taker.captured_at is not None
            assert packet.captured_at is not None
            assert now - 1 < callee.taker.captured_at <= now + 0.01
            assert now - 1 < packet.captured_at <= packet.arrival + 0.01
            assert callee.peer.stages["video"].take("way", "repair", "decode").keys() == {
                "way",
                "repair",
                "decode",
            }


async def test_a_lost_packet_of_a_picture_is_repaired() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, None)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: len(callee.taker.pictures) > 10)
            said = _said(callee)
            lost = _losing(caller, lambda number: number == 5)
            await until(lambda: lost)
            seen = _frames(callee)
            await until(lambda: _frames(callee) > seen + 20)
    assert RTCP_RTPFB_NACK in said[RTCP_RTPFB]
    assert RTCP_PSFB_PLI not in said[RTCP_PSFB]


async def test_pictures_come_back_after_a_loss_that_is_not_repaired() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, None)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: len(callee.taker.pictures) > 10)
            said = _said(callee)
            lost: list[int] = []
            _losing(caller, lambda number: number == 5 or number in lost[:1], by_sequence=lost)
            await until(lambda: lost)
            seen = _frames(callee)
            await until(lambda: _frames(callee) > seen + 30)
    assert RTCP_PSFB_PLI in said[RTCP_PSFB]


async def test_pictures_that_cannot_be_decoded_end_with_a_key_picture() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, None)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: len(callee.taker.pictures) > 10)
            said = _said(callee)
            receiver: Any = callee.peer._opened.getTransceivers()[1].receiver
            receiver._RTCRtpReceiver__decoder_error.set()
            await until(lambda: RTCP_PSFB_PLI in said[RTCP_PSFB])
            seen = _frames(callee)
            await until(lambda: _frames(callee) > seen + 10)
            assert not receiver._RTCRtpReceiver__decoder_error.is_set()


async def test_a_call_works_as_stock_when_a_name_is_missing_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(receiving, "_INSIDE", (*receiving._INSIDE, "gone_with_the_next_release"))
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End()
    with running(source), caplog.at_level("ERROR", "pycall"):
        async with call(caller, callee):
            await until(lambda: callee.taker.pictures and callee.taker.sounds)
    assert callee.taker.packets == []
    assert [record.message for record in caplog.records] == [
        "aiortc is different inside than expected: no _RTCRtpReceiver__gone_with_the_next_release"
    ]


def _said(end: End) -> dict[int, list[int]]:
    """The formats of what ``end`` says from now on in reports, by their type."""
    inbound = end.peer._inbound
    say = inbound.say
    said: dict[int, list[int]] = {RTCP_RTPFB: [], RTCP_PSFB: []}

    def listen(report: bytes) -> None:
        said[report[1]].append(report[0] & 0x1F)
        say(report)

    inbound.say = listen
    return said


def _frames(end: End) -> int:
    track = end.peer._picture_track
    return track.frames if track is not None else end.peer._reception.pictures


def _losing(end: End, lose: Callable[[int], bool], by_sequence: list[int] | None = None) -> list[int]:
    """Lose what ``end`` sends where ``lose`` says so, by the count of packets; returns what was lost."""
    dtls: Any = end.peer._dtls
    send: Callable[[bytes], Awaitable[None]] = dtls._send_rtp
    lost: list[int] = []
    count = 0

    async def send_rtp(data: bytes) -> None:
        nonlocal count
        if is_rtcp(data):
            return await send(data)
        sequence = RtpPacket.parse(data).sequence_number
        count += 1
        if lose(count) or (by_sequence and sequence == by_sequence[0]):
            lost.append(sequence)
            if by_sequence is not None and not by_sequence:
                by_sequence.append(sequence)
            return None
        return await send(data)

    dtls._send_rtp = send_rtp
    return lost


async def test_packets_of_padding_alone_cost_nothing() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: callee.taker.pictures and callee.taker.packets)
            _padding(caller, every=5)
            said = _said(callee)
            pictures, sounds = _frames(callee), len(callee.taker.packets)
            await until(lambda: _frames(callee) > pictures + 30 and len(callee.taker.packets) > sounds + 60)
    assert RTCP_PSFB_PLI not in said[RTCP_PSFB]
    assert all(packet.payload for packet in callee.taker.packets)


def _padding(end: End, every: int) -> None:
    """After ``every`` so many packets ``end`` sends one without payload, as a sender that probes the path."""
    dtls: Any = end.peer._dtls
    send: Callable[[bytes], Awaitable[None]] = dtls._send_rtp
    sent: dict[bytes, int] = {}

    async def send_rtp(data: bytes) -> None:
        if is_rtcp(data):
            return await send(data)
        ssrc = data[8:12]
        count = sent[ssrc] = sent.get(ssrc, 0) + 1
        number = int.from_bytes(data[2:4], "big") + count // every  # room for those that were put between
        await send(data[:2] + (number & 0xFFFF).to_bytes(2, "big") + data[4:])
        if count % every == every - 1:
            following = ((number + 1) & 0xFFFF).to_bytes(2, "big")
            await send(bytes((0x80, data[1] & 0x7F)) + following + data[4:12])
        return None

    dtls._send_rtp = send_rtp


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


async def test_a_decoder_that_is_too_slow_goes_on_with_a_key_picture(connection: RTCPeerConnection) -> None:
    receiver: Any = connection.addTransceiver("video").receiver
    said = _tuned(receiver, "video")
    given, work = receiver._RTCRtpReceiver__decoder_queue, receiver._handle_rtp_packet.__self__
    for sequence in range(5):
        await receiver._handle_rtp_packet(_picture(sequence), 0)
    given.get_nowait()
    handed = list(work._handed)
    work.look(handed[1] + receiving.MAX_LAG_S)
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


async def test_who_says_goodbye_and_goes_on_is_still_seen() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: callee.taker.pictures and callee.taker.packets)
            senders: list[Any] = caller.peer._opened.getSenders()
            dtls: Any = caller.peer._dtls
            await dtls._send_rtp(bytes(RtcpByePacket(sources=[sender._ssrc for sender in senders])))
            seen, heard = _frames(callee), len(callee.taker.packets)
            await until(lambda: _frames(callee) > seen + 30 and len(callee.taker.packets) > heard + 30)


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
