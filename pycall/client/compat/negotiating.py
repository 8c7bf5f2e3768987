"""Negotiated beyond aiortc's own: reports of each packet's arrival, repairs of sound, and parity of pictures.

Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01) is what every browser has.
"""

from __future__ import annotations

from typing import Any, Final

import aiortc.codecs
from aiortc import RTCDtlsTransport, RTCRtpReceiver
from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtpCodecParameters,
    RTCRtpHeaderExtensionParameters,
)
from aiortc.rtp import HeaderExtensions

from pycall.client.compat.receiving import receives_our_way
from pycall.client.compat.redundancy import is_known
from pycall.client.compat.releases import has_all, replace
from pycall.client.sending.packets import PLAYOUT_DELAY, TRANSPORT_NUMBER

TRANSPORT_FEEDBACK: Final = RTCRtcpFeedback(type="transport-cc")
REPAIRS: Final = RTCRtcpFeedback(type="nack")

EXTENSION_ID: Final = 4
DELAY_ID: Final = 5
"""The first that aiortc leaves free; one number for all that share a transport."""

FIRST_FREE: Final = 103
"""The first dynamic payload type that aiortc leaves free."""


def offer_parity() -> None:
    """Offer and accept parity of pictures (RFC 5109) in packets that can be repaired, if it can be taken.

    It comes in packets of redundancy (RFC 2198), as do all pictures then; ours do not.
    """
    dtls: Any = RTCDtlsTransport
    transport = dtls(None, [None])
    if not (receives_our_way(RTCRtpReceiver("video", transport)) and is_known(transport)):
        return
    pictures, red = aiortc.codecs.CODECS["video"], FIRST_FREE
    if all((codec.payloadType or 0) < red for codec in pictures):
        pictures += [
            RTCRtpCodecParameters("video/red", 90_000, None, red),
            RTCRtpCodecParameters("video/rtx", 90_000, None, red + 1, parameters={"apt": red}),
            RTCRtpCodecParameters("video/ulpfec", 90_000, None, red + 2),
        ]


def offer_feedback() -> None:
    """Offer and accept transport feedback for sound and pictures, repairs of sound, and its redundancy.

    Transport feedback only if it can be given: who is promised it tells the path by nothing else.
    """
    opus = _opus()
    replace(opus, "parameters", {"minptime": 10, "useinbandfec": 1})
    _add(opus, REPAIRS)
    dtls: Any = RTCDtlsTransport
    if not gives_feedback(dtls(None, [None])):
        return
    pictures = [codec for codec in aiortc.codecs.CODECS["video"] if not aiortc.codecs.is_rtx(codec)]
    for codec in (opus, *pictures):
        _add(codec, TRANSPORT_FEEDBACK)
    for kind in ("audio", "video"):
        extensions = aiortc.codecs.HEADER_EXTENSIONS[kind]
        if not any(extension.uri == TRANSPORT_NUMBER for extension in extensions):
            extensions.append(RTCRtpHeaderExtensionParameters(id=EXTENSION_ID, uri=TRANSPORT_NUMBER))


def offer_delay() -> None:
    """Offer and accept to tell how long pictures are to be held; what is told to us is not heeded."""
    extensions = aiortc.codecs.HEADER_EXTENSIONS["video"]
    if not any(extension.uri == PLAYOUT_DELAY or extension.id == DELAY_ID for extension in extensions):
        extensions.append(RTCRtpHeaderExtensionParameters(id=DELAY_ID, uri=PLAYOUT_DELAY))


def gives_feedback(transport: Any) -> bool:
    """Whether all of a DTLS transport's inside is known by which feedback is taken and given."""
    names = ("_handle_rtcp_data", "_register_rtp_receiver", "_rtp_router", "_send_rtp")
    return (
        has_all(transport, *names)
        and has_all(transport._rtp_router, "route_rtp", "ssrc_table")
        and has_all(HeaderExtensions, "transport_sequence_number")
    )


def reports_arrivals(parameters: Any) -> bool:
    """Whether transport feedback was negotiated in these parameters of a sender or receiver."""
    told = any(TRANSPORT_FEEDBACK in codec.rtcpFeedback for codec in parameters.codecs)
    return told and TRANSPORT_NUMBER in extension_ids(parameters)


def extension_ids(parameters: Any) -> dict[str, int]:
    """The negotiated header extensions: their ids by URI."""
    return {extension.uri: extension.id for extension in parameters.headerExtensions}


def _opus() -> Any:
    opus = aiortc.codecs.CODECS["audio"][0]
    if opus.mimeType != "audio/opus":
        raise AttributeError("opus is not the first codec of sound")
    return opus


def _add(codec: Any, feedback: RTCRtcpFeedback) -> None:
    if feedback not in codec.rtcpFeedback:
        codec.rtcpFeedback.append(feedback)
