"""What is changed inside aiortc and aioice does what it says, and the names it rests on are there."""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from fractions import Fraction
from typing import Any

import aioice.ice
import aiortc.clock
import aiortc.codecs
import aiortc.codecs.h264
import aiortc.rtcrtpreceiver
import aiortc.rtcrtpsender
import aiortc.rtcsctptransport
import av
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtcpSenderInfo, RtcpSrPacket, RtpPacket, is_rtcp

from pycall.client import compat
from pycall.client.peer import Outgoing
from pycall.core import inputs
from pycall.core.messages import State
from tests.client.pair import End, Source, call, painted, running, tone, until

QUIET = State(muted=True, camera_off=False, recording=True)


@pytest.fixture(autouse=True)
def _installed() -> None:
    compat.install()


@pytest.fixture
async def connection() -> Any:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield connection
    await connection.close()


# The names


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (aioice.ice, ["get_host_addresses"]),
        (aioice.ice.Connection, ["data_received"]),
        (aioice.ice.StunProtocol, ["datagram_received"]),
        (aiortc.rtcsctptransport, ["decode_params"]),
        (aiortc.rtcsctptransport.RTCSctpTransport, ["_handle_data"]),
        (aiortc.codecs, ["CODECS", "OpusDecoder", "OpusEncoder", "get_decoder", "get_encoder"]),
        (aiortc.codecs, ["H264Encoder", "Vp8Encoder"]),
        (aiortc.codecs.h264.H264Encoder, ["_packetize", "_split_bitstream", "target_bitrate"]),
        (aiortc.codecs.vpx.Vp8Encoder, ["_packetize", "target_bitrate"]),
        (aiortc.rtcrtpsender, ["RTP_HISTORY_SIZE"]),
        (aiortc.rtcrtpreceiver, ["RTP_HISTORY_SIZE"]),
        (aiortc.clock, ["current_ntp_time"]),
    ],
)
def test_the_names_that_are_replaced_are_there(owner: object, names: list[str]) -> None:
    assert [name for name in names if not hasattr(owner, name)] == []


async def test_the_names_used_of_a_connection_are_there(connection: RTCPeerConnection) -> None:
    transceiver: Any = connection.addTransceiver("video")
    ice = transceiver.receiver.transport.transport
    for name in ("jitter_buffer", "decoder_queue", "timestamp_mapper", "codecs", "nack_generator"):
        assert hasattr(transceiver.receiver, f"_RTCRtpReceiver__{name}"), name
    for name in ("_handle_rtp_packet", "_handle_rtcp_packet", "_send_rtcp_nack"):
        assert inspect.iscoroutinefunction(getattr(transceiver.receiver, name)), name
    assert hasattr(transceiver.receiver._RTCRtpReceiver__timestamp_mapper, "_origin")
    assert inspect.iscoroutinefunction(transceiver.sender._send_rtcp)
    assert hasattr(transceiver.sender, "_RTCRtpSender__lsr")
    assert hasattr(connection, "_RTCPeerConnection__closeTask")
    for name in ("_nominated", "_closing", "_protocols", "_remote_candidates", "_early_checks", "_queue"):
        assert hasattr(ice._connection, name), name


def test_what_is_replaced_takes_what_the_library_gives() -> None:
    stock = "(self, packet: aiortc.rtp.RtpPacket, arrival_time_ms: int) -> None"
    assert str(inspect.signature(RTCRtpReceiver._handle_rtp_packet)) == stock
    assert list(inspect.signature(JitterBuffer.add).parameters) == ["self", "packet"]
    assert list(inspect.signature(aioice.ice.get_host_addresses).parameters) == ["use_ipv4", "use_ipv6"]


def test_installing_again_changes_nothing() -> None:
    before = aioice.ice.StunProtocol.datagram_received
    compat.install()
    assert aioice.ice.StunProtocol.datagram_received is before


@pytest.fixture
def unknown_release(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    compat.versions_known.cache_clear()
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "9.9.9")
    yield
    compat.versions_known.cache_clear()


async def test_another_release_stays_as_it_is_and_that_is_said_once(
    unknown_release: None, connection: RTCPeerConnection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "pycall"):
        transceiver: Any = connection.addTransceiver("audio")
        tap = compat.tune_receiver(transceiver.receiver, "audio")
        compat.tune_receiver(connection.addTransceiver("video").receiver, "video")
    assert isinstance(transceiver.receiver._RTCRtpReceiver__jitter_buffer, JitterBuffer)
    assert tap.captured_at(0) is None
    assert len(caplog.records) == 1


async def test_a_call_works_without_our_receiving(unknown_release: None) -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: callee.taker.pictures and callee.taker.sounds)


# Guards


async def test_a_stranger_can_neither_end_nor_prevent_a_call() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End()
    with running(source), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        flooding = asyncio.create_task(_flood(stranger, caller, callee))
        async with call(caller, callee):
            await until(lambda: callee.taker.pictures)
            flooding.cancel()
            for kind in (b"", *_FOREIGN):
                for port in _ports(caller, callee):
                    for _ in range(100):
                        stranger.sendto(kind and kind + os.urandom(40), port)
                await asyncio.sleep(0)
            seen = len(callee.taker.sounds)
            caller.peer.send_control(QUIET)
            await until(lambda: callee.said(inputs.ControlReceived) and len(callee.taker.sounds) > seen + 20)
            assert caller.said(inputs.PeerClosed) + callee.said(inputs.PeerClosed) == []


_FOREIGN = [bytes([first]) for first in (0, 3, 4, 19, 20, 22, 23, 63, 64, 127, 128, 144, 191, 192, 255)]
"""First bytes of every range of RFC 7983."""


async def _flood(stranger: socket.socket, *ends: End) -> None:
    """Strange datagrams from the moment there are ports."""
    while True:
        for port in _ports(*ends):
            for kind in (b"", *_FOREIGN):
                stranger.sendto(kind and kind + os.urandom(20), port)
        await asyncio.sleep(0.005)


def _ports(*ends: End) -> list[tuple[str, int]]:
    protocols = [
        protocol
        for end in ends
        if end.peer._dtls is not None
        for protocol in end.peer._dtls.transport._connection._protocols
    ]
    addresses = [(p.local_candidate.host, p.local_candidate.port) for p in protocols]
    return [address for address in addresses if ":" not in address[0]]


async def test_only_signalled_and_proven_addresses_are_known() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        assert caller.peer._dtls is not None
        ice = caller.peer._dtls.transport._connection
        known = compat.known_addresses(ice)
        assert set(_ports(callee)) <= known
        assert ("203.0.113.9", 9) not in known
        assert compat.known_addresses(ice) is known


async def test_datagrams_nobody_reads_are_bounded(connection: RTCPeerConnection) -> None:
    connection.createDataChannel("x")
    assert connection.sctp is not None
    ice = connection.sctp.transport.transport._connection
    for _ in range(3 * compat.MAX_DATAGRAMS):
        ice.data_received(b"\x80", 1)
        ice.data_received(b"", 1)
        ice.data_received(b"\x01", 1)
    assert ice._queue.qsize() == compat.MAX_DATAGRAMS


async def test_a_relay_passes_on_no_more_than_a_socket(connection: RTCPeerConnection) -> None:
    connection.createDataChannel("x")
    assert connection.sctp is not None
    ice = connection.sctp.transport.transport._connection
    known = aioice.Candidate.from_sdp("1 1 udp 1 192.0.2.1 5000 typ relay")
    await ice.add_remote_candidate(known)
    relay = aioice.ice.StunProtocol(ice)  # what a relay hands its datagrams to
    relay.local_candidate = known
    for address in (("203.0.113.9", 5_000), ("192.0.2.1", 5_001), ("192.0.2.1", 5_000)):
        relay.datagram_received(b"\x80", address)
    assert ice._queue.qsize() == 1


async def test_a_malformed_data_packet_is_dropped_and_the_call_goes_on() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        sctp = callee.peer._opened.sctp
        assert sctp is not None
        for size in range(80):
            await sctp._handle_data(os.urandom(size))
        caller.peer.send_control(QUIET)
        await until(lambda: callee.said(inputs.ControlReceived))


# Sending


def test_the_encoders_are_ours_and_speak_to_the_stock_decoders() -> None:
    audio, video = aiortc.codecs.CODECS["audio"][0], aiortc.codecs.CODECS["video"][0]
    assert isinstance(aiortc.codecs.get_encoder(audio), compat.OpusEncoder)
    assert isinstance(aiortc.codecs.get_decoder(audio), compat.OpusDecoder)
    encoder = aiortc.codecs.get_encoder(video)
    assert isinstance(encoder, compat.Vp8Encoder)
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
    encoder = compat.Vp8Encoder()
    assert encoder.target_bitrate == 0
    encoder.target_bitrate = 321_000
    assert encoder.target_bitrate == 321_000


def test_repairs_are_possible_for_longer() -> None:
    for module in (aiortc.rtcrtpsender, aiortc.rtcrtpreceiver):
        assert vars(module)["RTP_HISTORY_SIZE"] == compat.REPAIR_HISTORY


async def test_sender_reports_say_when_it_was_captured(connection: RTCPeerConnection) -> None:
    class Late:
        def captured_at(self, sent_at: float) -> float | None:
            return sent_at - 0.25

    sender: Any = connection.addTransceiver("video").sender
    sent: list[Any] = []

    async def send_rtcp(packets: list[Any]) -> None:
        sent.extend(packets)

    sender._send_rtcp = send_rtcp
    compat.report_capture_times(sender, Late())
    now = aiortc.clock.current_ntp_time()
    for ntp in (now, 0):
        info = RtcpSenderInfo(ntp_timestamp=ntp, rtp_timestamp=5, packet_count=1, octet_count=1)
        await sender._send_rtcp([RtcpSrPacket(ssrc=1, sender_info=info)])
    assert abs((now - sent[0].sender_info.ntp_timestamp) / 2**32 - 0.25) < 1e-6
    assert sender._RTCRtpSender__lsr == (sent[0].sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF
    assert sent[1].sender_info.ntp_timestamp == 0


# Receiving


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


async def test_a_decoder_that_falls_behind_gets_no_more(connection: RTCPeerConnection) -> None:
    receiver: Any = connection.addTransceiver("audio").receiver
    compat.tune_receiver(receiver, "audio")
    queue = receiver._RTCRtpReceiver__decoder_queue
    for _ in range(compat.MAX_ENCODED + 1):
        queue.put(None)
    for sequence in range(100):
        await receiver._handle_rtp_packet(RtpPacket(payload_type=96, sequence_number=sequence), 0)
    assert queue.qsize() == compat.MAX_ENCODED + 1


# The connection


async def test_a_call_within_one_computer_is_direct() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        assert caller.peer._dtls is not None
        assert compat.nominated_path(caller.peer._dtls.transport) == "direct"
        assert not compat.consent_lost(caller.peer._dtls.transport)


async def test_a_relay_at_either_end_makes_the_path_relayed() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        assert caller.peer._dtls is not None
        ice = caller.peer._dtls.transport
        [pair] = ice._connection._nominated.values()
        pair.remote_candidate.type = "relay"
        assert compat.nominated_path(ice) == "relay"


async def test_an_end_that_stops_answering_is_told_from_one_that_hangs_up() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        assert caller.peer._dtls is not None
        await caller.peer._dtls.transport._connection.close()  # as aioice does when consent expires
        await until(lambda: caller.said(inputs.PeerFailed))
    assert caller.said(inputs.PeerClosed) == []


class _Socket:
    closed = False

    def close(self) -> None:
        self.closed = True


class _DeadRelay:
    """A relay whose server is gone: closing it waits for an answer that never comes."""

    def __init__(self) -> None:
        self.transport = _Socket()

    async def close(self) -> None:
        await asyncio.Event().wait()


async def test_what_does_not_close_in_time_is_let_go() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End(Outgoing(None, source.sounds))
    with running(source):
        async with call(caller, callee):
            await until(lambda: caller.taker.sounds)
            relay: Any = _DeadRelay()
            assert caller.peer._dtls is not None
            caller.peer._dtls.transport._connection._protocols.append(relay)
            start = time.monotonic()
            await caller.peer.close(say_bye=False)
            assert time.monotonic() - start < 3
    assert relay.transport.closed
