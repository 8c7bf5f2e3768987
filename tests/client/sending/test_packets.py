"""The packets are those that aiortc reads, with everything in its place."""

from __future__ import annotations

import pytest
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket

from pycall.client.sending.packets import (
    AUDIO_LEVEL,
    MID,
    PLAYOUT_DELAY,
    SEND_TIME,
    TRANSPORT_NUMBER,
    PacketWriter,
)

IDS = {MID: 1, AUDIO_LEVEL: 2, SEND_TIME: 3, TRANSPORT_NUMBER: 4}


def read(data: bytes, ids: dict[str, int]) -> RtpPacket:
    """As aiortc reads it."""
    extensions = [RTCRtpHeaderExtensionParameters(id=number, uri=uri) for uri, number in ids.items()]
    known = HeaderExtensionsMap()
    known.configure(RTCRtpParameters(headerExtensions=extensions))
    return RtpPacket.parse(data, known)


def test_a_packet_says_what_it_is_when_it_left_and_which_one_it_is() -> None:
    writer = PacketWriter(0x12345678, 97, IDS, "video")
    data = writer.write(b"payload", 65_536 + 5, 2**32 + 9, marker=True, level_dbov=-30)
    writer.stamp(data, 3.25, 0xABCD)
    packet = read(bytes(data), IDS)
    assert (packet.ssrc, packet.payload_type, packet.sequence_number) == (0x12345678, 97, 5)
    assert (packet.timestamp, packet.marker, packet.payload) == (9, 1, b"payload")
    assert packet.extensions.mid == "video"
    assert packet.extensions.audio_level == (False, 30)
    assert packet.extensions.abs_send_time == 3.25 * (1 << 18)
    assert packet.extensions.transport_sequence_number == 0xABCD
    assert writer.numbered


@pytest.mark.parametrize("ids", [{}, {MID: 3}, {TRANSPORT_NUMBER: 14}, {SEND_TIME: 15, AUDIO_LEVEL: 9}])
def test_what_was_not_negotiated_is_left_out(ids: dict[str, int]) -> None:
    writer = PacketWriter(1, 96, ids, "0")
    data = writer.write(b"payload", 1, 2, marker=False)
    writer.stamp(data, 1.0, 77)
    packet = read(bytes(data), ids)
    assert packet.payload == b"payload"
    assert packet.marker == 0
    assert packet.extensions.mid == ("0" if MID in ids else None)
    assert packet.extensions.transport_sequence_number == (77 if TRANSPORT_NUMBER in ids else None)
    assert writer.numbered == (TRANSPORT_NUMBER in ids)


def test_the_time_of_leaving_wraps_and_a_name_too_long_for_the_short_form_is_left_out() -> None:
    writer = PacketWriter(1, 96, IDS, "a name that is too long")
    data = writer.write(b"", 1, 2, marker=False)
    writer.stamp(data, 64.0 * 1_000 + 0.5, 0)
    packet = read(bytes(data), IDS)
    assert packet.extensions.abs_send_time == 0.5 * (1 << 18)
    assert packet.extensions.mid is None


@pytest.mark.parametrize(("most_s", "told"), [(None, "001fff"), (0.05, "001005"), (99.0, "001fff")])
def test_how_long_pictures_are_held_is_in_what_is_written_from_then_on(
    most_s: float | None, told: str
) -> None:
    writer = PacketWriter(1, 96, {MID: 1, PLAYOUT_DELAY: 5}, "0")
    assert bytes.fromhex("52001fff") in writer.write(b"payload", 1, 2, marker=False)
    writer.hold(most_s)
    data = writer.write(b"payload", 1, 2, marker=False)
    assert bytes.fromhex("52" + told) in data
    packet = read(bytes(data), {MID: 1})
    assert (packet.payload, packet.extensions.mid) == (b"payload", "0")


def test_nothing_is_said_of_it_where_that_was_not_negotiated() -> None:
    writer = PacketWriter(1, 96, IDS, "0")
    before = writer.write(b"payload", 1, 2, marker=False)
    writer.hold(0.05)
    assert writer.write(b"payload", 1, 2, marker=False) == before
