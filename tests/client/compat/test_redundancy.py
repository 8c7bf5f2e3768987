"""What is around pictures is taken off: repairs, redundancy, and what a packet is given when it leaves."""

from __future__ import annotations

from typing import Any

import pytest
from aiortc import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket, wrap_rtx

from pycall.client.compat.redundancy import is_known, opened, protected, unwrapped
from pycall.client.sending.packets import SEND_TIME, TRANSPORT_NUMBER

VP8 = RTCRtpCodecParameters("video/VP8", 90_000, None, 96)
RTX = RTCRtpCodecParameters("video/rtx", 90_000, None, 97, parameters={"apt": 96})
ULPFEC = RTCRtpCodecParameters("video/ulpfec", 90_000, None, 99)
CODECS = {96: VP8, 97: RTX, 99: ULPFEC}


@pytest.mark.parametrize("streams", [{10: 9}, {}], ids=["described", "not described"])
def test_a_repair_is_of_the_present_stream(streams: dict[int, int]) -> None:
    packet = RtpPacket(96, 1, 7, 3_000, 9, b"abc")
    repair = unwrapped(wrap_rtx(packet, 97, 500, 10), RTX, streams, 9)
    assert (repair.ssrc, repair.sequence_number, repair.payload_type) == (9, 7, 96)
    assert (repair.payload, repair.marker, repair.timestamp) == (b"abc", 1, 3_000)


@pytest.mark.parametrize("present", [None, 8])
def test_a_repair_of_another_stream_is_of_no_use(present: int | None) -> None:
    repair = wrap_rtx(RtpPacket(96, 1, 7, 3_000, 9, b"abc"), 97, 500, 10)
    assert unwrapped(repair, RTX, {10: 9}, present) is None


def test_padding_and_what_repairs_nothing_known_are_of_no_use() -> None:
    assert unwrapped(RtpPacket(97, 0, 500, 0, 10), RTX, {}, 9) is None
    stray = RTCRtpCodecParameters("video/rtx", 90_000, None, 97)
    assert unwrapped(RtpPacket(97, 0, 500, 0, 10, b"abcd"), stray, {}, 9) is None


def test_redundancy_holds_a_picture_or_parity() -> None:
    assert opened(b"\x60abc", CODECS, None) == (VP8, b"abc", b"")
    assert opened(b"\x63abc", CODECS, VP8) == (VP8, b"", b"abc")
    for useless in (b"", b"\x62abc", b"\xe0\0\0\1\x60abc"):
        assert opened(useless, CODECS, VP8)[0] is None


def test_a_packet_is_told_as_it_was_before_it_left() -> None:
    dtls: Any = RTCDtlsTransport
    transport = dtls(None, [None])
    extensions = [
        RTCRtpHeaderExtensionParameters(2, SEND_TIME),
        RTCRtpHeaderExtensionParameters(4, TRANSPORT_NUMBER),
    ]
    transport._rtp_header_extensions_map.configure(RTCRtpParameters(headerExtensions=extensions))
    written = []
    for number, block in ((0, b""), (9, b"\x60")):
        packet = RtpPacket(98 if block else 96, 1, 7, 3_000, 9, block + b"abc")
        packet.extensions.abs_send_time = packet.extensions.transport_sequence_number = number
        written.append(packet.serialize(transport._rtp_header_extensions_map))
    transport._pycall_packet = written[1]
    assert protected(transport) == written[0]


@pytest.mark.parametrize("name", ["_rtp_header_extensions_map", "_HeaderExtensionsMap__ids"])
def test_a_transport_that_is_different_inside_is_not_known(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dtls: Any = RTCDtlsTransport
    transport = dtls(None, [None])
    assert is_known(transport)
    if name in vars(transport):
        delattr(transport, name)
    else:
        monkeypatch.setattr(HeaderExtensionsMap, "__init__", lambda _self: None)
    assert not is_known(transport)
