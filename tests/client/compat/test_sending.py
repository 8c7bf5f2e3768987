"""What is sent leaves our way, and aiortc's reports and statistics of it are right."""

from __future__ import annotations

import asyncio
import logging
from fractions import Fraction
from typing import Any

import aiortc.clock
import av
import numpy as np
import pytest
from aiortc import RTCPeerConnection
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpparameters import RTCRtpSendParameters
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtpPacket,
    is_rtcp,
    pack_remb_fci,
)

from pycall.client import compat
from pycall.client.compat import releases, sending
from pycall.client.compat.negotiating import DELAY_ID
from pycall.client.compat.sending import send_through
from pycall.client.formats import CODECS, codecs
from pycall.client.sending.copies import HELD_S
from pycall.client.sending.line import Line
from pycall.client.stages import Kind, Stages
from pycall.client.tracks import BLOCK, SAMPLE_RATE
from pycall.codecs.vp8 import key_picture_size
from tests.client.pair import painted, until

LATE_S = 0.25


class Track:
    """Pictures or blocks of sound on demand, each captured a while ago."""

    def __init__(self, kind: Kind = "video") -> None:
        self.kind = kind
        self.id = kind
        self.wanted: asyncio.Queue[int] = asyncio.Queue()
        self.stopped = False

    async def recv(self) -> av.VideoFrame | av.AudioFrame:
        number = await self.wanted.get()
        if number < 0:
            raise MediaStreamError
        if self.kind == "audio":
            sound = av.AudioFrame.from_ndarray(np.full((1, BLOCK), 60, np.int16), layout="mono")
            sound.pts, sound.time_base = number * BLOCK, Fraction(1, SAMPLE_RATE)
            return sound
        frame = painted(60 + number % 100)
        frame.pts, frame.time_base = number * 3_000, Fraction(1, 90_000)
        return frame

    def captured_at(self, sent_at: float) -> float | None:
        return sent_at - LATE_S

    def stop(self) -> None:
        self.stopped = True


class Rig:
    """A sender of aiortc that sends our way, to nobody; what left is kept."""

    def __init__(self, connection: RTCPeerConnection, kind: Kind = "video") -> None:
        transceiver = connection.addTransceiver(kind, direction="sendonly")
        transceiver.setCodecPreferences(codecs(kind, CODECS[kind]))
        self.sender: Any = transceiver.sender
        self.track = Track(kind)
        setattr(self.sender, "_RTCRtpSender__track", self.track)  # noqa: B010  mypy knows better
        self.sent: list[bytes] = []
        self.line = Line(self._transmit)
        self.codecs = [codec for codec in aiortc.codecs.CODECS[kind] if codec.name in {"VP8", "opus"}]

    async def _transmit(self, packet: bytes) -> None:
        self.sent.append(packet)

    async def begin(self) -> None:
        parameters = RTCRtpSendParameters(codecs=self.codecs, muxId="0")
        parameters.headerExtensions = aiortc.codecs.HEADER_EXTENSIONS[self.track.kind]
        await self.sender.send(parameters)

    async def picture(self, number: int) -> list[RtpPacket]:
        """The packets of one more picture."""
        before = len(self.sent)
        self.track.wanted.put_nowait(number)
        await until(lambda: any(RtpPacket.parse(data).marker for data in self.sent[before:]))
        return [RtpPacket.parse(data) for data in self.sent[before:]]

    async def end(self) -> None:
        await self.line.close()
        await self.sender.stop()


@pytest.fixture
async def rig(connection: RTCPeerConnection) -> Any:
    rig = Rig(connection)
    send_through(rig.line, rig.sender, rig.track, Stages(), with_pycall=lambda: True)
    await rig.begin()
    yield rig
    await rig.end()


def is_key(packets: list[RtpPacket]) -> bool:
    """Whether they are those of a key picture."""
    payload = aiortc.codecs.depayload(aiortc.codecs.CODECS["video"][0], packets[0].payload)
    return key_picture_size(payload) is not None


async def test_what_left_is_counted_and_reports_say_when_it_was_captured(rig: Rig) -> None:
    packets = [*await rig.picture(0), *await rig.picture(1)]
    stats = next(s for s in (await rig.sender.getStats()).values() if s.type == "outbound-rtp")
    assert stats.packetsSent == len(packets)
    assert stats.bytesSent == sum(len(packet.payload) for packet in packets)
    assert rig.sender._RTCRtpSender__rtp_timestamp == packets[-1].timestamp
    age_s = (aiortc.clock.current_ntp_time() - rig.sender._RTCRtpSender__ntp_timestamp) / 2**32
    assert LATE_S <= age_s < LATE_S + 5
    assert (packets[-1].timestamp - packets[0].timestamp) % 2**32 == 3_000


@pytest.mark.parametrize("with_pycall", [True, False])
async def test_a_browser_is_told_of_the_end_of_a_block_and_gets_no_sound_again(
    connection: RTCPeerConnection, monkeypatch: pytest.MonkeyPatch, *, with_pycall: bool
) -> None:
    rig = Rig(connection, "audio")
    monkeypatch.setattr(rig.line, "clock", lambda: 100.0)
    monkeypatch.setattr(rig.track, "captured_at", lambda _: 100.0 - LATE_S)
    monkeypatch.setattr(aiortc.clock, "current_ntp_time", lambda: 100 << 32)
    send_through(rig.line, rig.sender, rig.track, Stages(), with_pycall=lambda: with_pycall)
    await rig.begin()
    try:
        [packet] = await rig.picture(0)
        told_s = rig.sender._RTCRtpSender__ntp_timestamp / 2**32
        block_s = 0.0 if with_pycall else BLOCK / SAMPLE_RATE
        assert told_s == pytest.approx(100.0 - LATE_S + block_s, abs=1e-6)

        lost = RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=rig.sender._ssrc, lost=[packet.sequence_number])
        await rig.sender._handle_rtcp_packet(lost)
        await rig.picture(1)
        assert rig.sent.count(rig.sent[0]) == 1 + with_pycall
    finally:
        await rig.end()


@pytest.mark.parametrize("with_pycall", [True, False])
async def test_where_something_is_lost_a_browser_gets_pictures_twice_and_is_told_how_long_to_hold_them(
    connection: RTCPeerConnection, *, with_pycall: bool
) -> None:
    rig = Rig(connection)
    rig.codecs = [codec for codec in aiortc.codecs.CODECS["video"] if codec.name in {"VP8", "rtx"}]
    send_through(rig.line, rig.sender, rig.track, Stages(), with_pycall=lambda: with_pycall)
    rig.line._controller._target = 4_000_000
    rig.line.reported(0.02, 0.05)
    await rig.begin()
    try:
        await rig.picture(0)
        await rig.picture(1)
        await until(lambda: with_pycall or len(rig.sent) % 2 == 0)
        packets = [RtpPacket.parse(data) for data in rig.sent]
        assert {packet.ssrc for packet in packets if packet.ssrc != rig.sender._ssrc} == (
            set() if with_pycall else {rig.sender._rtx_ssrc}
        )
        told = bytes((DELAY_ID << 4 | 2, 0, 1 << 4, round(HELD_S * 100)))
        assert sum(told in data for data in rig.sent) == (0 if with_pycall else len(packets) // 2 - 1)
    finally:
        await rig.end()


async def test_who_misses_a_packet_gets_it_again_and_who_misses_a_picture_a_new_one(rig: Rig) -> None:
    first = await rig.picture(0)
    assert is_key(first)
    lost = RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=rig.sender._ssrc, lost=[first[0].sequence_number])
    count = len(rig.sent)
    await rig.sender._handle_rtcp_packet(lost)
    await until(lambda: len(rig.sent) == count + 1)
    assert rig.sent[-1] == rig.sent[0]
    assert not is_key(await rig.picture(1))
    pictures = rig.sender._run_rtp.__self__._pictures
    pictures._key.left_at -= 1
    await rig.sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=rig.sender._ssrc))
    assert is_key(await rig.picture(2))


async def test_packets_are_repaired_across_the_end_of_their_numbers(rig: Rig) -> None:
    await rig.picture(0)
    rig.sender._run_rtp.__self__._stream.sequence = 0xFFFF
    await rig.picture(1)
    await rig.picture(2)
    asked = bytes(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=rig.sender._ssrc, lost=[0xFFFF, 0x10000]))
    [lost] = RtcpPacket.parse(asked)
    count = len(rig.sent)
    await rig.sender._handle_rtcp_packet(lost)
    await until(lambda: len(rig.sent) >= count + 2)
    assert [RtpPacket.parse(data).sequence_number for data in rig.sent[count:]] == [0xFFFF, 0]


async def test_reports_tell_what_the_path_takes_and_loses(rig: Rig) -> None:
    await rig.picture(0)
    target, ssrc = rig.line.figures().target, rig.sender._ssrc
    estimate = pack_remb_fci(target // 2, [ssrc])
    await rig.sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=estimate))
    assert rig.line.figures().target <= target // 2
    report = RtcpReceiverInfo(ssrc, 64, 3, 100, 0, 0, 0)
    await rig.sender._handle_rtcp_packet(RtcpRrPacket(ssrc=1, reports=[report]))
    assert rig.line.figures().loss == 0.25
    remote = next(s for s in (await rig.sender.getStats()).values() if s.type == "remote-inbound-rtp")
    assert remote.packetsLost == 3


async def test_reports_that_make_no_sense_break_nothing(rig: Rig) -> None:
    strange = [
        RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=b"REMB\xff"),
        RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=b"REMB\xff\0\0\0"),
        RtcpRtpfbPacket(fmt=3, ssrc=1, media_ssrc=2),
        RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=list(range(70_000))),
        RtcpRrPacket(ssrc=1, reports=[RtcpReceiverInfo(rig.sender._ssrc, 255, -5, 0, 0, 1, 2**32 - 1)]),
    ]
    for packet in strange:
        await rig.sender._handle_rtcp_packet(packet)
    await rig.picture(0)


async def test_a_sender_that_is_off_sends_nothing_and_goes_on_later(rig: Rig) -> None:
    rig.sender._enabled = False
    rig.track.wanted.put_nowait(0)
    await until(rig.track.wanted.empty)
    rig.sender._enabled = True
    first = await rig.picture(1)
    assert not any(is_rtcp(data) for data in rig.sent)
    assert is_key(first)


async def test_the_end_of_the_track_ends_the_sender(rig: Rig) -> None:
    rig.track.wanted.put_nowait(-1)
    await until(lambda: rig.track.stopped)
    assert rig.sender.track is None


async def test_an_aiortc_without_a_name_sends_as_it_ever_did(
    connection: RTCPeerConnection, caplog: pytest.LogCaptureFixture
) -> None:
    sender: Any = connection.addTransceiver("video", direction="sendonly").sender
    del sender._RTCRtpSender__packet_count
    compat.install()
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            send_through(
                Line(sender.transport._send_rtp), sender, Track(), Stages(), with_pycall=lambda: True
            )
    assert "packet_count" in caplog.text
    assert len(caplog.records) == 1
    for name in ("send", "_run_rtp", "_handle_rtcp_packet"):
        assert name not in vars(sender)


TOUCHED = [
    ("aiortc.clock", "current_ntp_time"),
    ("aiortc.codecs.h264", "H264Encoder"),
    ("aiortc.codecs.h264", "H264Encoder._packetize"),
    ("aiortc.codecs.h264", "H264Encoder._split_bitstream"),
    ("aiortc.codecs.vpx", "Vp8Encoder"),
    ("aiortc.codecs.vpx", "Vp8Encoder._packetize"),
    *[("aiortc.rtp", name) for name in sending._REPORTS],
]


@pytest.mark.parametrize(("module", "name"), TOUCHED, ids=[name for _, name in TOUCHED])
def test_without_a_name_of_its_modules_it_sends_as_it_ever_did_and_this_is_said_once(
    connection: RTCPeerConnection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    module: str,
    name: str,
) -> None:
    sender: Any = connection.addTransceiver("video", direction="sendonly").sender
    releases._miss.cache_clear()
    monkeypatch.delattr(f"{module}.{name}")
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            send_through(
                Line(sender.transport._send_rtp), sender, Track(), Stages(), with_pycall=lambda: True
            )
    assert name.rpartition(".")[2] in caplog.text or "_packetize" in caplog.text
    assert len(caplog.records) == 1
    assert "_run_rtp" not in vars(sender)


@pytest.mark.parametrize("name", [f"_RTCRtpSender__{name}" for name in sending._INSIDE])
def test_without_a_name_of_its_own_a_sender_stays_stock(
    connection: RTCPeerConnection, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    sender: Any = connection.addTransceiver("video", direction="sendonly").sender
    delattr(sender, name)
    releases._miss.cache_clear()
    with caplog.at_level(logging.ERROR):
        send_through(Line(sender.transport._send_rtp), sender, Track(), Stages(), with_pycall=lambda: True)
    assert name in caplog.text
    assert "_run_rtp" not in vars(sender)
    setattr(sender, name, None)
