"""What is negotiated beyond aiortc's own: reports of each packet's arrival, and repairs of sound.

Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01) is what every browser has.
"""

from __future__ import annotations

from typing import Any, Final

import aiortc.codecs
from aiortc import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpHeaderExtensionParameters
from aiortc.rtp import HeaderExtensions

from pycall.client.compat.releases import has_all, replace
from pycall.client.sending.packets import TRANSPORT_NUMBER

TRANSPORT_FEEDBACK: Final = RTCRtcpFeedback(type="transport-cc")
REPAIRS: Final = RTCRtcpFeedback(type="nack")

EXTENSION_ID: Final = 4
"""The first that aiortc leaves free; one number for all that share a transport."""


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
