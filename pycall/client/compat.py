"""The one place that knows the inside of aiortc and aioice.

Every name here that is private to them, or replaced in them, was read in aiortc 1.16 and aioice
0.13; ``tests/client/test_compat.py`` holds a contract for each. With other versions, or when a name
is gone, that part stays as the library made it and one line is logged.

What is changed and why:

* **Guards.** Stock, any sender of a datagram is heard and a single one can end the call. Here only
  addresses that were signalled, or that proved themselves in a connectivity check, reach the media
  plane, and the SCTP parser refuses lengths that cannot be.
* **Sending.** Encoders of our own (:mod:`pycall.client.encoders`), a longer memory for repairs, and
  sender reports that stamp capture instead of sending (RFC 3550 section 6.4.1).
* **Receiving.** Frames leave in order at once (:mod:`pycall.client.reorder`) instead of being held
  back by up to 80 ms, and a loss leaves no lag behind.
* **Addresses.** Bridges to containers are not offered; the loopback is, when there is nothing else.
"""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import aioice.ice
import aiortc.clock
import aiortc.codecs
import aiortc.codecs.h264
import aiortc.codecs.opus
import aiortc.codecs.vpx
import aiortc.rtcrtpreceiver
import aiortc.rtcrtpsender
import aiortc.rtcsctptransport
import ifaddr
from aiortc import RTCIceTransport, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import VIDEO_TIME_BASE, convert_timebase
from aiortc.rtp import RtcpSrPacket, RtpPacket

from pycall.client.encoders import H264PictureEncoder, PictureEncoder, VoiceEncoder, Vp8PictureEncoder
from pycall.client.guards import decode_params, without_bridges
from pycall.client.latency import SenderClock
from pycall.client.reorder import PICTURE_PATIENCE_S, READERS, Order, Packet, PictureOrder, SoundOrder
from pycall.core.events import PathKind

logger = logging.getLogger(__name__)

KNOWN: Final = {"aiortc": "1.16.", "aioice": "0.13."}
"""The releases whose inside this module was written for."""

MAX_DATAGRAMS: Final = 2_000
"""Received datagrams waiting for the call to read them; more is a flood."""

MAX_ENCODED: Final = 30
"""Encoded frames waiting for a decoder; more is lag, not a reserve."""

REPEAT_NACK_S: Final = 0.1
"""How often a missing packet of a picture is asked for again."""

REPAIR_HISTORY: Final = 1_024
"""Sent packets kept for repairs (stock: 128, less than half a second of video)."""


class Capturing(Protocol):
    """An outgoing track that knows when what was sent was captured."""

    def captured_at(self, sent_at: float) -> float | None:
        """When the frame was captured that was last taken before ``sent_at``; monotonic seconds."""


@functools.cache
def install() -> None:
    """Change what is changed for the whole process; further calls do nothing."""
    if not versions_known():
        return
    for part in (_guard_datagrams, _guard_sctp, _use_encoders, _lengthen_history, _filter_addresses):
        try:
            part()
        except AttributeError as missing:
            logger.warning("aiortc is different inside than expected: %s", missing)


@functools.cache
def versions_known() -> bool:
    """Whether the installed releases are those this module knows; says so once if not."""
    versions = {name: importlib.metadata.version(name) for name in KNOWN}
    known = all(versions[name].startswith(start) for name, start in KNOWN.items())
    if not known:
        logger.warning("pycall knows aiortc 1.16 and aioice 0.13 inside; %s stay as they are.", versions)
    return known


def _replace(owner: Any, name: str, replacement: object) -> Any:
    """Put ``replacement`` in place of ``owner.name``, which must exist, and return what was there."""
    original = getattr(owner, name)
    setattr(owner, name, replacement)
    return original


# Guards


def _guard_datagrams() -> None:
    """Drop what no known address sent, and what is neither STUN, DTLS nor SRTP (RFC 7983)."""

    def datagram_received(self: Any, data: bytes, address: tuple[Any, ...]) -> None:
        if not data:
            return
        if data[0] < 4:
            check_received(self, data, address)
        elif address[:2] in known_addresses(self.receiver):
            self.receiver.data_received(data, self.local_candidate.component)

    def data_received(self: Any, data: bytes, component: int) -> None:
        if data and data[0] >= 4 and self._queue.qsize() < MAX_DATAGRAMS:
            queue_up(self, data, component)

    for name in ("_remote_candidates", "_early_checks", "_queue"):
        getattr(aioice.ice.Connection(ice_controlling=False), name)
    queue_up = _replace(aioice.ice.Connection, "data_received", data_received)
    check_received = _replace(aioice.ice.StunProtocol, "datagram_received", datagram_received)


def known_addresses(connection: Any) -> set[tuple[str, int]]:
    """Addresses that were signalled or passed an authenticated check (RFC 8445 section 7.3)."""
    size = (len(connection._remote_candidates), len(connection._early_checks))
    cached: tuple[tuple[int, int], set[tuple[str, int]]] | None = getattr(connection, "_pycall_known", None)
    if cached is None or cached[0] != size:
        known = {(candidate._network_host, candidate.port) for candidate in connection._remote_candidates}
        known |= {check[1] for check in connection._early_checks}
        cached = connection._pycall_known = (size, known)
    return cached[1]


def _guard_sctp() -> None:
    """Refuse parameter lengths that cannot be, and let no malformed packet end the call."""

    async def handle_data(self: Any, data: bytes) -> None:
        try:
            await original(self, data)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001  the parser raises whatever the bytes make it raise
            logger.debug("Dropped a malformed SCTP packet: %r", error)

    original = _replace(aiortc.rtcsctptransport.RTCSctpTransport, "_handle_data", handle_data)
    _replace(aiortc.rtcsctptransport, "decode_params", decode_params)


# Sending


class _PictureEncoder:
    """aiortc's interface around an encoder of ours."""

    _encoder: PictureEncoder

    def encode(self, frame: Any, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        """The payloads of a picture and its time stamp at 90 kHz."""
        timestamp = convert_timebase(frame.pts, frame.time_base, VIDEO_TIME_BASE)
        return self._payloads(self._encoder.encode(frame, key=force_keyframe)), timestamp

    def _payloads(self, data: bytes) -> list[bytes]:
        raise NotImplementedError

    @property
    def target_bitrate(self) -> int:
        """What the far end can take, bit/s (REMB); 0 is not known."""
        return self._encoder.estimate or 0

    @target_bitrate.setter
    def target_bitrate(self, bitrate: int) -> None:
        self._encoder.estimate = bitrate


class Vp8Encoder(_PictureEncoder, aiortc.codecs.vpx.Vp8Encoder):
    """aiortc's packets of VP8 around our encoder."""

    def __init__(self) -> None:
        super().__init__()
        self._encoder = Vp8PictureEncoder()

    def _payloads(self, data: bytes) -> list[bytes]:
        payloads = self._packetize(data, self.picture_id)
        self.picture_id = (self.picture_id + 1) % (1 << 15)
        return payloads


class H264Encoder(_PictureEncoder, aiortc.codecs.h264.H264Encoder):
    """aiortc's packets of H.264 around our encoder."""

    def __init__(self) -> None:
        super().__init__()
        self._encoder = H264PictureEncoder()

    def _payloads(self, data: bytes) -> list[bytes]:
        return self._packetize(self._split_bitstream(data))


class OpusEncoder(aiortc.codecs.opus.OpusEncoder):
    """aiortc's interface around our encoder."""

    def __init__(self) -> None:
        self._encoder = VoiceEncoder()

    def encode(self, frame: Any, force_keyframe: bool = False) -> tuple[list[bytes], int]:  # noqa: ARG002
        """The payloads of 960 samples and their time stamp at 48 kHz."""
        timestamp = frame.pts
        return self._encoder.encode(frame), timestamp


class OpusDecoder(aiortc.codecs.opus.OpusDecoder):
    """One voice is all that is played; libopus mixes stereo down while decoding."""

    def __init__(self) -> None:
        super().__init__()
        self.codec.layout = "mono"


def _use_encoders() -> None:
    opus = aiortc.codecs.CODECS["audio"][0]
    if opus.mimeType != "audio/opus":
        raise AttributeError("opus is not the first codec of sound")
    _replace(opus, "parameters", {"minptime": 10, "useinbandfec": 1})
    _replace(aiortc.codecs, "Vp8Encoder", Vp8Encoder)
    _replace(aiortc.codecs, "H264Encoder", H264Encoder)
    _replace(aiortc.codecs, "OpusEncoder", OpusEncoder)
    _replace(aiortc.codecs, "OpusDecoder", OpusDecoder)


def _lengthen_history() -> None:
    _replace(aiortc.rtcrtpsender, "RTP_HISTORY_SIZE", REPAIR_HISTORY)
    _replace(aiortc.rtcrtpreceiver, "RTP_HISTORY_SIZE", REPAIR_HISTORY)


def report_capture_times(sender: RTCRtpSender, track: Capturing) -> None:
    """Have the sender reports of ``sender`` say when a frame was captured, not when it was sent."""
    if not _has_all(sender, "_send_rtcp", "_RTCRtpSender__lsr"):
        return

    async def send_rtcp(packets: list[Any]) -> None:
        for packet in packets:
            if isinstance(packet, RtcpSrPacket) and packet.sender_info.ntp_timestamp:
                _stamp_capture(sender, packet, track)
        await original(packets)

    original = _replace(sender, "_send_rtcp", send_rtcp)


def _stamp_capture(sender: Any, packet: RtcpSrPacket, track: Capturing) -> None:
    since_sent_s = (aiortc.clock.current_ntp_time() - packet.sender_info.ntp_timestamp) / 2**32
    sent_at = time.monotonic() - since_sent_s
    captured_at = track.captured_at(sent_at)
    if captured_at is not None and 0 <= sent_at - captured_at < 10:  # else somebody set the clock
        packet.sender_info.ntp_timestamp -= int((sent_at - captured_at) * 2**32)
        sender._RTCRtpSender__lsr = (packet.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF


# Receiving


class Tap:
    """What is known of one receiver beyond aiortc's public side; made by :func:`tune_receiver`."""

    def __init__(self, receiver: RTCRtpReceiver, clock_rate: int, order: Order | None = None) -> None:
        self._receiver = receiver
        self._order = order
        self.sender = SenderClock(clock_rate)

    def captured_at(self, pts: int) -> float | None:
        """When the frame with ``pts`` was captured, by the sender's wall clock (Unix seconds)."""
        mapper = getattr(self._receiver, "_RTCRtpReceiver__timestamp_mapper", None)
        origin: int | None = getattr(mapper, "_origin", None)
        return None if origin is None else self.sender.time_of(origin + pts)

    def expect_repairs(self, rtt_s: float) -> None:
        """Give lost packets of pictures the time that repairing them takes on this path."""
        if isinstance(self._order, PictureOrder):
            self._order.patience_s = min(1.0, max(PICTURE_PATIENCE_S, 3 * rtt_s))


class _Buffer:
    """Stands where aiortc's jitter buffer stood."""

    def __init__(self, order: Order, codecs: dict[int, Any]) -> None:
        self._order, self._codecs = order, codecs

    def add(self, packet: Any) -> tuple[bool, JitterFrame | None]:
        """Take a packet; whether to ask for a key picture, and a frame if one is due."""
        taken = (packet.sequence_number, packet.timestamp)
        if isinstance(self._order, PictureOrder):
            name, last = self._codecs[packet.payload_type].name, bool(packet.marker)
            self._order.push(READERS[name](*taken, packet.payload, packet._data, last=last))
        else:
            self._order.push(Packet(*taken, packet._data))
        frame = self.pop()
        return self._order.wants_key(time.monotonic()), frame

    def pop(self) -> JitterFrame | None:
        """The next frame that is due."""
        frame = self._order.pop(time.monotonic())
        return None if frame is None else JitterFrame(data=frame.data, timestamp=frame.timestamp)


def tune_receiver(receiver: RTCRtpReceiver, kind: str) -> Tap:
    """Have ``receiver``, which has not begun, put packets in order our way."""
    clock_rate = 48_000 if kind == "audio" else 90_000
    inside = ("jitter_buffer", "decoder_queue", "timestamp_mapper", "codecs", "nack_generator")
    mangled = [f"_RTCRtpReceiver__{name}" for name in inside]
    if not _has_all(receiver, *mangled, "_handle_rtp_packet", "_handle_rtcp_packet", "_send_rtcp_nack"):
        return Tap(receiver, clock_rate)
    order: Order = SoundOrder() if kind == "audio" else PictureOrder()
    tap = Tap(receiver, clock_rate, order)
    _drain_after_each_packet(receiver, order)

    async def handle_rtcp_packet(packet: Any) -> None:
        if isinstance(packet, RtcpSrPacket):
            tap.sender.reported(packet.sender_info.ntp_timestamp, packet.sender_info.rtp_timestamp)
        await original(packet)

    original = _replace(receiver, "_handle_rtcp_packet", handle_rtcp_packet)
    return tap


def _drain_after_each_packet(receiver: Any, order: Order) -> None:
    """Stock, one packet in lets one frame out, so that a lag once there stays."""
    codecs, queue = receiver._RTCRtpReceiver__codecs, receiver._RTCRtpReceiver__decoder_queue
    buffer = receiver._RTCRtpReceiver__jitter_buffer = _Buffer(order, codecs)
    nacks = receiver._RTCRtpReceiver__nack_generator
    asked_at = 0.0

    async def handle_rtp_packet(packet: RtpPacket, arrival_time_ms: int) -> None:
        nonlocal asked_at
        if queue.qsize() > MAX_ENCODED:
            order.restart()
            return
        await original(packet, arrival_time_ms=arrival_time_ms)
        codec = codecs.get(packet.payload_type)
        while codec is not None and (frame := buffer.pop()) is not None:
            frame.timestamp = receiver._RTCRtpReceiver__timestamp_mapper.map(frame.timestamp)
            queue.put((codec, frame))
        missing = order.missing()
        if nacks is not None:
            nacks.missing.intersection_update(missing)
        if missing and time.monotonic() - asked_at > REPEAT_NACK_S:
            asked_at = time.monotonic()
            await receiver._send_rtcp_nack(packet.ssrc, missing)

    original: Callable[..., Any] = _replace(receiver, "_handle_rtp_packet", handle_rtp_packet)


def _has_all(owner: object, *names: str) -> bool:
    missing = [name for name in names if not hasattr(owner, name)]
    if missing:
        logger.warning("aiortc is different inside than expected: no %s", ", ".join(missing))
    return versions_known() and not missing


# The connection


def nominated_path(transport: RTCIceTransport) -> PathKind:
    """Whether the chosen pair goes through a relay at either end."""
    pairs = getattr(getattr(transport, "_connection", None), "_nominated", {})
    ends = [end.type for pair in pairs.values() for end in (pair.local_candidate, pair.remote_candidate)]
    return "relay" if "relay" in ends else "direct"


def consent_lost(transport: RTCIceTransport) -> bool:
    """Whether the transport ended because the other end stopped answering (RFC 7675)."""
    return bool(getattr(getattr(transport, "_connection", None), "_closing", False))


def abandon(connection: RTCPeerConnection, transport: RTCIceTransport) -> None:
    """Let go of what a connection that does not close in time still holds."""
    for receiver in connection.getReceivers():
        queue = getattr(receiver, "_RTCRtpReceiver__decoder_queue", None)
        if queue is not None:
            queue.put(None)
    ice = getattr(transport, "_connection", None)
    for protocol in getattr(ice, "_protocols", []):
        protocol.transport.close()
    for owner, name in (
        (connection, "_RTCPeerConnection__closeTask"),
        (transport, "_RTCIceTransport__monitor_task"),
        (ice, "_query_consent_task"),
    ):
        task = getattr(owner, name, None)
        if task is not None:
            task.cancel()


def _filter_addresses() -> None:
    def get_host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return without_bridges(original(use_ipv4, use_ipv6), ifaddr.get_adapters())

    original = _replace(aioice.ice, "get_host_addresses", get_host_addresses)
