"""What is lost is asked for, pictures come back whatever happens, and nothing piles up."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from aiortc.rtp import (
    RTCP_PSFB,
    RTCP_PSFB_PLI,
    RTCP_RTPFB,
    RTCP_RTPFB_NACK,
    RtcpByePacket,
    RtpPacket,
    is_rtcp,
)

from pycall.client.compat import receiving
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
