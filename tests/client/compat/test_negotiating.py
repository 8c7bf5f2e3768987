"""What was agreed on is what both have: reports of arrivals, repairs of sound, and parity of pictures."""

from __future__ import annotations

import copy
from typing import Any

import aiortc.codecs
import pytest
from aiortc import RTCConfiguration, RTCDtlsTransport, RTCPeerConnection, RTCRtpReceiver
from aiortc.rtcdtlstransport import RtpRouter
from aiortc.rtcrtpparameters import RTCRtpParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap

from pycall.client.compat.negotiating import (
    FIRST_FREE,
    REPAIRS,
    TRANSPORT_FEEDBACK,
    extension_ids,
    gives_feedback,
    offer_delay,
    offer_feedback,
    offer_parity,
    reports_arrivals,
)
from pycall.client.formats import CODECS, codecs
from pycall.client.sending.packets import PLAYOUT_DELAY, SEND_TIME, TRANSPORT_NUMBER
from pycall.client.stages import Kind

KINDS: tuple[Kind, ...] = ("audio", "video")


def prepared() -> RTCPeerConnection:
    """A connection with the codecs of a call."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in KINDS:
        connection.addTransceiver(kind).setCodecPreferences(codecs(kind, CODECS[kind]))
    return connection


async def agreed(strip: str = "") -> list[list[Any]]:
    """The parameters of both ends, from whose offer the lines with ``strip`` are taken."""
    caller, callee = prepared(), prepared()
    try:
        offer = await caller.createOffer()
        if strip:
            offer.sdp = "\r\n".join(line for line in offer.sdp.splitlines() if strip not in line) + "\r\n"
        await callee.setRemoteDescription(offer)
        await caller.setLocalDescription(offer)
        await callee.setLocalDescription(await callee.createAnswer())
        await caller.setRemoteDescription(callee.localDescription)
        return [
            [
                RTCRtpParameters(codecs=each._codecs, headerExtensions=each._headerExtensions)
                for each in connection.getTransceivers()
            ]
            for connection in (caller, callee)
        ]
    finally:
        await caller.close()
        await callee.close()


async def test_both_kinds_report_arrivals_and_sound_is_repaired_too() -> None:
    for sound, pictures in await agreed():
        assert reports_arrivals(sound)
        assert reports_arrivals(pictures)
        assert extension_ids(sound)[TRANSPORT_NUMBER] == extension_ids(pictures)[TRANSPORT_NUMBER]
        assert REPAIRS in sound.codecs[0].rtcpFeedback
        assert sound.codecs[0].parameters["useinbandfec"] == 1


async def test_parity_of_pictures_comes_in_packets_that_are_repaired_and_is_not_what_is_sent() -> None:
    for _, pictures in await agreed():
        assert pictures.codecs[0].name == "VP8"
        red = next(codec for codec in pictures.codecs if codec.name == "red")
        assert {"apt": red.payloadType} in [codec.parameters for codec in pictures.codecs]
        assert "ulpfec" in {codec.name for codec in pictures.codecs}


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (RTCRtpReceiver, "_handle_rtp_packet"),
        (HeaderExtensionsMap, "_HeaderExtensionsMap__ids"),
        (RTCDtlsTransport, "_rtp_header_extensions_map"),
    ],
)
def test_parity_that_cannot_be_taken_is_not_offered(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = aiortc.codecs.CODECS["video"]
    known = {"video": [codec for codec in pictures if (codec.payloadType or 0) < FIRST_FREE]}
    monkeypatch.setattr(aiortc.codecs, "CODECS", copy.deepcopy(known))
    if name in vars(owner):
        monkeypatch.delattr(owner, name)
    else:
        begin = owner.__init__  # type: ignore[misc]

        def without(self: Any, *how: Any) -> None:
            begin(self, *how)
            delattr(self, name)

        monkeypatch.setattr(owner, "__init__", without)
    offer_parity()
    assert known == aiortc.codecs.CODECS
    monkeypatch.undo()
    assert "red" in {codec.name for codec in aiortc.codecs.CODECS["video"]}


@pytest.mark.parametrize("strip", ["transport-cc", TRANSPORT_NUMBER])
async def test_an_end_that_knows_none_is_sent_none(strip: str) -> None:
    for each in await agreed(strip):
        assert not any(map(reports_arrivals, each))
        assert SEND_TIME in extension_ids(each[1])


async def test_how_long_pictures_are_held_can_be_told() -> None:
    for sound, pictures in await agreed():
        assert PLAYOUT_DELAY in extension_ids(pictures)
        assert PLAYOUT_DELAY not in extension_ids(sound)


def test_the_numbers_of_extensions_are_each_used_for_one_and_offered_once() -> None:
    offer_feedback()
    offer_delay()
    known: dict[int, str] = {}
    for extensions in aiortc.codecs.HEADER_EXTENSIONS.values():
        uris = [extension.uri for extension in extensions]
        assert len(uris) == len(set(uris))
        for extension in extensions:
            assert known.setdefault(extension.id, extension.uri) == extension.uri


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (RTCDtlsTransport, "_handle_rtcp_data"),
        (RTCDtlsTransport, "_register_rtp_receiver"),
        (RtpRouter, "route_rtp"),
        (HeaderExtensions, "transport_sequence_number"),
    ],
)
def test_what_cannot_be_given_is_not_offered(owner: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = copy.deepcopy(aiortc.codecs.CODECS)
    for codec in (*known["audio"], *known["video"]):
        codec.rtcpFeedback = [
            told for told in codec.rtcpFeedback if told not in (REPAIRS, TRANSPORT_FEEDBACK)
        ]
    extensions: dict[str, list[Any]] = {"audio": [], "video": []}
    monkeypatch.setattr(aiortc.codecs, "CODECS", known)
    monkeypatch.setattr(aiortc.codecs, "HEADER_EXTENSIONS", extensions)
    monkeypatch.delattr(owner, name)
    offer_feedback()
    assert extensions == {"audio": [], "video": []}
    assert not any(TRANSPORT_FEEDBACK in codec.rtcpFeedback for codec in (*known["audio"], *known["video"]))
    assert REPAIRS in known["audio"][0].rtcpFeedback
    monkeypatch.undo()
    assert gives_feedback(RTCDtlsTransport(None, [None]))  # type: ignore[arg-type,list-item]
