"""A loss costs what was lost and leaves no lag."""

from __future__ import annotations

import queue
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from aiortc import RTCPeerConnection
from aiortc.rtp import RtcpByePacket, RtpPacket, is_rtcp

from pycall.client.compat import receiving
from pycall.client.peer import Outgoing
from tests.client.pair import End, Source, call, running, until

pytestmark = pytest.mark.integration


async def test_one_lost_packet_of_sound_costs_that_packet_only() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(None, source.sounds)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: len(callee.taker.sounds) > 20)
            lost = _losing(caller, lambda number: number == 5)
            await until(lambda: len(lost) == 1)
            seen = len(callee.taker.sounds)
            await until(lambda: len(callee.taker.sounds) > seen + 30)
    stamps = np.array([timestamp for timestamp, _ in callee.taker.sounds])
    assert sorted(np.diff(stamps))[-2:] == [960, 1920]


async def test_a_lost_packet_of_a_picture_is_repaired() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, None)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: len(callee.taker.pictures) > 10)
            lost = _losing(caller, lambda number: number == 5)
            await until(lambda: len(lost) == 1)
            sent, seen = _frames(caller), _frames(callee)
            await until(lambda: _frames(callee) > seen + 20)
            gap = sent - seen
            await until(lambda: _frames(caller) - _frames(callee) <= max(2, gap))


async def test_pictures_come_back_after_a_loss_that_is_not_repaired() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, None)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: len(callee.taker.pictures) > 10)
            lost: list[int] = []
            _losing(caller, lambda number: number == 5 or number in lost[:1], by_sequence=lost)
            await until(lambda: lost)
            seen = _frames(callee)
            await until(lambda: _frames(callee) > seen + 30)
            await until(lambda: _frames(caller) - _frames(callee) < 40)


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
            await until(lambda: callee.taker.pictures and callee.taker.sounds)
            _padding(caller, every=5)
            pictures, sounds = _frames(callee), len(callee.taker.sounds)
            await until(lambda: _frames(callee) > pictures + 30 and len(callee.taker.sounds) > sounds + 60)
    stamps = np.array([timestamp for timestamp, _ in callee.taker.sounds])
    assert set(np.diff(stamps)) == {960}


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


async def test_a_decoder_that_falls_behind_gets_no_more(connection: RTCPeerConnection) -> None:
    receiver: Any = connection.addTransceiver("audio").receiver
    receiving.tune_receiver(receiver, "audio")
    queue = receiver._RTCRtpReceiver__decoder_queue
    for _ in range(receiving.MAX_ENCODED + 1):
        queue.put(None)
    for sequence in range(100):
        await receiver._handle_rtp_packet(RtpPacket(payload_type=96, sequence_number=sequence), 0)
    assert queue.qsize() == receiving.MAX_ENCODED + 1


class _Decoder:
    """Stands where aiortc's thread stood: decodes what it is given until it is told to end."""

    def __init__(self, given: queue.Queue[Any]) -> None:
        self._given = given
        self.decoded: list[Any] = []

    def join(self) -> None:
        self.decoded += iter(self._given.get_nowait, None)


async def test_ending_does_not_wait_for_what_is_not_decoded_yet(connection: RTCPeerConnection) -> None:
    receiver: Any = connection.addTransceiver("video").receiver
    receiving.tune_receiver(receiver, "video")
    decoder = _Decoder(receiver._RTCRtpReceiver__decoder_queue)
    receiver._RTCRtpReceiver__decoder_thread = decoder
    for number in range(receiving.MAX_ENCODED):
        receiver._RTCRtpReceiver__decoder_queue.put(number)
    await receiver._handle_rtcp_packet(RtcpByePacket(sources=[1]))
    assert decoder.decoded == []
    assert receiver._RTCRtpReceiver__decoder_thread is None
