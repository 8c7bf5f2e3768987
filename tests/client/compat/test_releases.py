"""The names that are touched are there; with other releases everything stays as it is, and that is said."""

from __future__ import annotations

import importlib.metadata
import inspect
import logging
from collections.abc import Iterator
from typing import Any

import aioice.ice
import aiortc.clock
import aiortc.codecs
import aiortc.codecs.h264
import aiortc.rtcdtlstransport
import aiortc.rtcsctptransport
import pytest
from aiortc import RTCPeerConnection, RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpreceiver import StreamStatistics

from pycall.client import compat
from pycall.client.compat import releases
from pycall.client.peer import Outgoing
from tests.client.pair import End, Source, call, running, until


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (aioice.ice, ["get_host_addresses"]),
        (aioice.ice.Connection, ["data_received", "recvfrom"]),
        (aioice.ice.StunProtocol, ["datagram_received"]),
        (aiortc.rtcsctptransport, ["decode_params"]),
        (aiortc.rtcsctptransport.RTCSctpTransport, ["_handle_data"]),
        (aiortc.rtcdtlstransport.RTCDtlsTransport, ["_handle_rtcp_data", "_handle_rtp_data"]),
        (aiortc.rtcdtlstransport, ["pylibsrtp"]),
        (aiortc.codecs, ["CODECS", "HEADER_EXTENSIONS", "is_rtx", "OpusDecoder", "depayload", "get_decoder"]),
        (aiortc.codecs, ["H264Decoder", "Vp8Decoder"]),
        (aiortc.codecs.h264.H264Encoder, ["_packetize", "_split_bitstream"]),
        (aiortc.codecs.vpx.Vp8Encoder, ["_packetize"]),
        (aiortc.clock, ["current_ntp_time"]),
        (aiortc.rtcdtlstransport.RTCDtlsTransport, ["_register_rtp_receiver", "_send_rtp"]),
        (aiortc.rtcdtlstransport.RtpRouter, ["route_rtp"]),
    ],
)
def test_the_names_that_are_replaced_are_there(owner: object, names: list[str]) -> None:
    assert [name for name in names if not hasattr(owner, name)] == []


async def test_the_names_used_of_a_connection_are_there(connection: RTCPeerConnection) -> None:
    transceiver: Any = connection.addTransceiver("video")
    ice = transceiver.receiver.transport.transport
    for name in (
        "codecs", "decoder_error", "decoder_queue", "remote_bitrate_estimator", "remote_streams", "rtcp_ssrc",
        "stop_decoder", "timestamp_mapper",
    ):  # fmt: skip
        assert hasattr(transceiver.receiver, f"_RTCRtpReceiver__{name}"), name
    assert hasattr(transceiver.receiver, "_enabled")
    for name in ("_handle_rtp_packet", "_handle_rtcp_packet"):
        assert inspect.iscoroutinefunction(getattr(transceiver.receiver, name)), name
    assert hasattr(transceiver.receiver._RTCRtpReceiver__timestamp_mapper, "_origin")
    for name in (
        "rtp_started", "rtp_exited", "track", "ntp_timestamp", "rtp_timestamp", "octet_count", "packet_count",
        "rtt",
    ):  # fmt: skip
        assert hasattr(transceiver.sender, f"_RTCRtpSender__{name}"), name
    for name in ("send", "_run_rtp", "_handle_rtcp_packet"):
        assert inspect.iscoroutinefunction(getattr(transceiver.sender, name)), name
    assert hasattr(transceiver.sender, "_ssrc")
    assert hasattr(transceiver.sender, "_rtx_ssrc")
    assert hasattr(transceiver.sender, "_enabled")
    assert hasattr(transceiver.receiver.transport, "_rtp_router")
    assert hasattr(connection, "_RTCPeerConnection__closeTask")
    assert hasattr(transceiver.receiver.transport, "_ssl")
    for name in ("_nominated", "_closing", "_protocols", "_remote_candidates", "_early_checks", "_queue"):
        assert hasattr(ice._connection, name), name


def test_what_is_replaced_takes_what_the_library_gives() -> None:
    stock = "(self, packet: aiortc.rtp.RtpPacket, arrival_time_ms: int) -> None"
    assert str(inspect.signature(RTCRtpReceiver._handle_rtp_packet)) == stock
    assert list(inspect.signature(JitterFrame).parameters) == ["data", "timestamp"]
    assert list(inspect.signature(StreamStatistics).parameters) == ["clockrate"]
    assert list(inspect.signature(StreamStatistics.add).parameters) == ["self", "packet"]
    assert list(inspect.signature(aioice.ice.get_host_addresses).parameters) == ["use_ipv4", "use_ipv6"]


def test_installing_again_changes_nothing() -> None:
    before = aioice.ice.StunProtocol.datagram_received
    compat.install()
    assert aioice.ice.StunProtocol.datagram_received is before


def _ignore(*_: object, **__: object) -> None:
    """Nothing comes and nothing is said."""


@pytest.fixture
def unknown_release(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    releases.versions_known.cache_clear()
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "9.9.9")
    yield
    releases.versions_known.cache_clear()


async def test_another_release_stays_as_it_is_and_that_is_said_once(
    unknown_release: None, connection: RTCPeerConnection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "pycall"):  # what is shown without -v
        transceiver: Any = connection.addTransceiver("audio")
        inbound = compat.Inbound(_ignore, list, _ignore)
        tap = inbound.tune(transceiver.receiver, "audio")
        inbound.tune(connection.addTransceiver("video").receiver, "video")
    assert "_handle_rtp_packet" not in vars(transceiver.receiver)
    assert tap.captured_at(0) is None
    assert len(caplog.records) == 1


async def test_a_call_works_without_our_sending_and_receiving(unknown_release: None) -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: callee.taker.pictures and callee.taker.sounds)
            assert caller.peer.line is None


def test_a_module_that_is_not_there_has_nothing_in_it(caplog: pytest.LogCaptureFixture) -> None:
    gone = releases.module("aiortc.gone")
    with caplog.at_level(logging.ERROR):
        assert not releases.has_all(gone, "what_was_in_it")
    assert "what_was_in_it" in caplog.text
    assert releases.module("aiortc.clock") is aiortc.clock
