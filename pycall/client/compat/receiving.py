"""Packets put in order our way in aiortc's receivers, and what is known of their sender."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable
from typing import Any, Final

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtcpSrPacket, RtpPacket

from pycall.client.compat.releases import has_all, replace
from pycall.client.latency import SenderClock
from pycall.client.reorder import PICTURE_PATIENCE_S, READERS, Order, Packet, PictureOrder, SoundOrder

MAX_ENCODED: Final = 30
"""Encoded frames waiting for a decoder; more is lag, not a reserve."""

REPEAT_NACK_S: Final = 0.1
"""How often a missing packet of a picture is asked for again."""


class ReceiverTap:
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


def tune_receiver(receiver: RTCRtpReceiver, kind: str) -> ReceiverTap:
    """Have ``receiver``, which has not begun, put packets in order our way."""
    clock_rate = 48_000 if kind == "audio" else 90_000
    inside = (
        "jitter_buffer",
        "decoder_queue",
        "timestamp_mapper",
        "codecs",
        "nack_generator",
        "stop_decoder",
    )
    mangled = [f"_RTCRtpReceiver__{name}" for name in inside]
    if not has_all(receiver, *mangled, "_handle_rtp_packet", "_handle_rtcp_packet", "_send_rtcp_nack"):
        return ReceiverTap(receiver, clock_rate)
    order: Order = SoundOrder() if kind == "audio" else PictureOrder()
    tap = ReceiverTap(receiver, clock_rate, order)
    _drain_after_each_packet(receiver, order)
    _stop_at_once(receiver)

    async def handle_rtcp_packet(packet: Any) -> None:
        if isinstance(packet, RtcpSrPacket):
            tap.sender.reported(packet.sender_info.ntp_timestamp, packet.sender_info.rtp_timestamp)
        await original(packet)

    original = replace(receiver, "_handle_rtcp_packet", handle_rtcp_packet)
    return tap


def _drain_after_each_packet(receiver: Any, order: Order) -> None:
    """Stock, one packet in lets one frame out, so that a lag once there stays."""
    codecs, waiting = receiver._RTCRtpReceiver__codecs, receiver._RTCRtpReceiver__decoder_queue
    buffer = receiver._RTCRtpReceiver__jitter_buffer = _Buffer(order, codecs)
    nacks = receiver._RTCRtpReceiver__nack_generator
    asked_at = 0.0

    async def handle_rtp_packet(packet: RtpPacket, arrival_time_ms: int) -> None:
        nonlocal asked_at
        if waiting.qsize() > MAX_ENCODED:
            order.restart()
            return
        await original(packet, arrival_time_ms=arrival_time_ms)
        codec = codecs.get(packet.payload_type)
        while codec is not None and (frame := buffer.pop()) is not None:
            frame.timestamp = receiver._RTCRtpReceiver__timestamp_mapper.map(frame.timestamp)
            waiting.put((codec, frame))
        missing = order.missing()
        if nacks is not None:
            nacks.missing.intersection_update(missing)
        if missing and time.monotonic() - asked_at > REPEAT_NACK_S:
            asked_at = time.monotonic()
            await receiver._send_rtcp_nack(packet.ssrc, missing)

    original: Callable[..., Any] = replace(receiver, "_handle_rtp_packet", handle_rtp_packet)


def _stop_at_once(receiver: Any) -> None:
    """Stock, the event loop stands still until all that waits is decoded."""
    waiting = receiver._RTCRtpReceiver__decoder_queue

    def stop_decoder() -> None:
        forget(waiting)
        original()

    original: Callable[[], None] = replace(receiver, "_RTCRtpReceiver__stop_decoder", stop_decoder)


def forget(waiting: queue.Queue[Any]) -> None:
    """Leave nothing in a queue."""
    with contextlib.suppress(queue.Empty):
        while True:
            waiting.get_nowait()
