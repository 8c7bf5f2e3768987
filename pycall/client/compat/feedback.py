"""Transport feedback, both ways, beside aiortc's RTCP, which does not know it.

What comes is taken out of compound packets (RFC 3550 section 6.1) before aiortc's parser reads lost packets
into it; what arrives here is noted and told to its sender.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from typing import Any, Final

import pylibsrtp
from aiortc import RTCRtpSender
from aiortc.codecs import is_rtx

from pycall.client.compat.guarding import arrived_at
from pycall.client.compat.negotiating import gives_feedback, reports_arrivals
from pycall.client.compat.releases import has_all, replace
from pycall.client.congestion.arrivals import Arrivals
from pycall.client.congestion.feedback import FORMAT
from pycall.client.sending.line import Line

logger = logging.getLogger(__name__)

_TRANSPORT_FEEDBACK_TYPE: Final = 205
_HEADER: Final = struct.Struct("!BBH")
_SOURCES: Final = struct.Struct("!II")

MOST_SOURCES: Final = 16
"""Streams that are told apart; one call has two. An earlier one that goes on is found by its payload type."""

LOOK_EVERY_S: Final = 0.025
"""How often arrivals are looked at while they come; what is due is told then."""


def open_line(sender: RTCRtpSender) -> Line | None:
    """The way out of the connection that ``sender`` belongs to; ``None`` where its inside is not known."""
    transport: Any = sender.transport
    if not has_all(transport, "_send_rtp"):
        return None

    async def transmit(packet: bytes) -> None:
        try:
            await transport._send_rtp(packet)
        except pylibsrtp.Error as error:
            logger.debug("Not sent: %s", error)

    return Line(transmit)


class TransportFeedback:
    """Transport feedback of a connection: what comes goes to ``line``, as does what ``sender`` is to tell."""

    def __init__(self, line: Line, sender: RTCRtpSender) -> None:
        transport: Any = sender.transport
        self._line, self._ssrc = line, int(getattr(sender, "_ssrc", 0))
        self._arrivals = Arrivals()
        self._about = 0
        self._over = False
        self._timer: asyncio.TimerHandle | None = None
        if gives_feedback(transport):
            self._take_feedback(transport)
            self._watch_arrivals(transport)

    def received(self, number: int, ssrc: int, at: float) -> None:
        """A packet of the stream ``ssrc`` came, the ``number``-th of the transport, at monotonic ``at``."""
        self._arrivals.received(number, at)
        self._about = ssrc
        if self._timer is None and not self._over:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._tell)

    def close(self) -> None:
        """Tell nothing more."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self) -> None:
        self._timer = None
        while (message := self._arrivals.report(time.monotonic())) is not None:
            self._line.say(packed(message, self._ssrc, self._about))
        if self._arrivals.due_at is not None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._tell)

    def _take_feedback(self, transport: Any) -> None:
        async def handle_rtcp_data(data: bytes) -> None:
            rest, messages = taken_apart(data)
            for message in messages:
                self._line.acknowledged(message)
            if rest:
                await handle_stock(rest)

        handle_stock = replace(transport, "_handle_rtcp_data", handle_rtcp_data)

    def _watch_arrivals(self, transport: Any) -> None:
        sources: dict[int, Any] = transport._rtp_router.ssrc_table
        repairing: set[int] = set()

        def route_rtp(packet: Any) -> Any:
            if packet.ssrc not in sources and len(sources) >= MOST_SOURCES:
                del sources[next(iter(sources))]
            number = packet.extensions.transport_sequence_number
            receiver = route_stock(packet)
            if number is not None and receiver is not None:
                about = self._about if packet.payload_type in repairing else packet.ssrc
                self.received(number, about, arrived_at(transport))
            return receiver

        def register(receiver: Any, parameters: Any) -> None:
            # libwebrtc takes only what is said about a stream of media, but its first probes are of none.
            repairing.update(codec.payloadType for codec in parameters.codecs if is_rtx(codec))
            self._about = self._about or next((each.ssrc for each in parameters.encodings), 0)
            name = "_RTCRtpReceiver__remote_bitrate_estimator"
            if reports_arrivals(parameters) and has_all(receiver, name):
                setattr(receiver, name, None)  # who hears of each packet needs no estimate of ours
            register_stock(receiver, parameters)

        route_stock = replace(transport._rtp_router, "route_rtp", route_rtp)
        register_stock = replace(transport, "_register_rtp_receiver", register)


def packed(message: bytes, ssrc: int, about: int) -> bytes:
    """The RTCP packet (RFC 4585 section 6.1) from ``ssrc`` with a message on the stream ``about``."""
    words = (_SOURCES.size + len(message)) // 4
    return _HEADER.pack(0x80 | FORMAT, _TRANSPORT_FEEDBACK_TYPE, words) + _SOURCES.pack(ssrc, about) + message


def taken_apart(data: bytes) -> tuple[bytes, list[bytes]]:
    """A compound packet without its transport feedback, and the messages of that.

    What is malformed is left to aiortc, from there on.
    """
    rest: list[bytes] = []
    messages = []
    at = 0
    while at + _HEADER.size <= len(data):
        first, kind, words = _HEADER.unpack_from(data, at)
        end = at + 4 * (words + 1)
        if first >> 6 != 2 or end > len(data):
            break
        packet = data[at:end]
        at = end
        if kind != _TRANSPORT_FEEDBACK_TYPE or first & 0x1F != FORMAT:
            rest.append(packet)
            continue
        padding = packet[-1] if first & 0x20 else 0
        messages.append(packet[_HEADER.size + _SOURCES.size : len(packet) - padding])
    return b"".join([*rest, data[at:]]), messages
