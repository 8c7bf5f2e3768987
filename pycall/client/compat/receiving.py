"""What comes goes around aiortc's jitter buffers: sound as it is, pictures whole and in order.

aiortc's receiver keeps its places: its thread decodes pictures, and it reports what is counted for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import aiortc.codecs
from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RTCP_RTPFB,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpSrPacket,
    RtpPacket,
    pack_remb_fci,
    pack_rtcp_packet,
)

from pycall.client.compat.guarding import arrived_at
from pycall.client.compat.redundancy import opened, protected, unwrapped
from pycall.client.compat.releases import has_all, replace
from pycall.client.latency import SenderClock
from pycall.client.receiving.nack import Receipt, pack_lost
from pycall.client.receiving.packets import BEGINS_KEY, h264_begins_intra, vp8_picture
from pycall.client.receiving.streams import PictureStream, SoundStream

MAX_LAG_S: Final = 0.3
"""How long a picture may wait for a decoder: it is too slow, and what waits shows the past."""

MAX_ENCODED: Final = 64
"""Encoded pictures waiting for a decoder: as many as a hole may hold back, which then come at once."""

LOOK_AGAIN_S: Final = 0.01
"""How often what is missing is looked at while no packet comes."""

MEMORY: Final = 64
"""Pictures whose coming is remembered until they are decoded."""

_BY_SOURCE: Final = ("remote_streams", "lsr", "lsr_time")
_INSIDE: Final = (
    *_BY_SOURCE,
    "codecs",
    "decoder_error",
    "decoder_queue",
    "remote_bitrate_estimator",
    "rtcp_ssrc",
    "rtx_ssrc",
    "stop_decoder",
    "timestamp_mapper",
)
_SOURCES: Final = struct.Struct("!II")


def receives_our_way(receiver: RTCRtpReceiver) -> bool:
    """Whether the inside of ``receiver`` is known; where it is not, it works as stock."""
    mangled = [f"_RTCRtpReceiver__{name}" for name in _INSIDE]
    return has_all(receiver, *mangled, "_enabled", "_handle_rtp_packet", "_handle_rtcp_packet")


class SoundTaker(Protocol):
    """Takes encoded sound as it comes."""

    def __call__(
        self, sequence: int, timestamp: int, payload: bytes, arrival: float, *, repaired: bool
    ) -> None:
        """A packet, numbered and stamped without wrapping around; it may have been lost first."""


class ReceiverTap:
    """What is known of one receiver beyond aiortc's public side."""

    def __init__(self, receiver: RTCRtpReceiver, clock_rate: int) -> None:
        self._receiver = receiver
        self._came: deque[tuple[int, float, float]] = deque(maxlen=MEMORY)
        self._clock_rate = clock_rate
        self._timed: int | None = None  # whose clock that is
        self.sender = SenderClock(clock_rate)

    def belongs_to(self, ssrc: int) -> None:
        """What comes from now on is of this stream; what was reported of another says nothing of it."""
        if ssrc != self._timed:
            self._timed, self.sender = ssrc, SenderClock(self._clock_rate)

    def captured_at(self, pts: int) -> float | None:
        """When the frame with ``pts`` was captured, by the sender's wall clock (Unix seconds)."""
        mapper = getattr(self._receiver, "_RTCRtpReceiver__timestamp_mapper", None)
        origin: int | None = getattr(mapper, "_origin", None)  # None as well where pts are what was sent
        return self.sender.time_of(pts if origin is None else origin + pts)

    def came(self, pts: int) -> tuple[float, float] | None:
        """When the first packet of the picture with ``pts`` came, and when it went to the decoder."""
        return next(((first, left) for known, first, left in self._came if known == pts), None)

    def remember(self, pts: int, first: float, left: float) -> None:
        """The picture with ``pts``, whose first packet came then, goes to the decoder."""
        self._came.append((pts, first, left))


class Inbound:
    """All that one connection receives.

    ``say`` sends a packet of RTCP, ``round_trips`` knows what was measured of the round trip, in seconds, and
    ``sounded`` takes the sound. Where aiortc is different inside, its receiver does the work, and sound comes
    from its track.
    """

    def __init__(
        self, say: Callable[[bytes], None], round_trips: Callable[[], list[float]], sounded: SoundTaker
    ) -> None:
        self.say, self.round_trips, self.sounded = say, round_trips, sounded
        self._receiving: list[_Receiving] = []
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def tune(self, receiver: RTCRtpReceiver, kind: str) -> ReceiverTap:
        """Have ``receiver``, which has not begun, receive our way."""
        tap = ReceiverTap(receiver, 48_000 if kind == "audio" else 90_000)
        if receives_our_way(receiver):
            receiving = _ReceivingSound if kind == "audio" else _ReceivingPictures
            self._receiving.append(receiving(self, receiver, tap))
        return tap

    def look_again(self) -> None:
        """See to it that what is missing is looked at soon, also when no packet comes."""
        if self._timer is None and not self._over:
            self._timer = asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._look)

    def close(self) -> None:
        """Ask for nothing more."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        for receiving in self._receiving:
            receiving.look(time.monotonic())


class _Receiving:
    """The work in place of one receiver's own."""

    stream: SoundStream | PictureStream

    def __init__(self, inbound: Inbound, receiver: Any, tap: ReceiverTap) -> None:
        self._inbound, self._receiver, self._tap = inbound, receiver, tap
        self._ssrc: int | None = None
        self._codec: Any = None
        self._codecs: dict[int, Any] = receiver._RTCRtpReceiver__codecs
        self._queue: queue.Queue[Any] = receiver._RTCRtpReceiver__decoder_queue
        self._handle_rtcp_stock = replace(receiver, "_handle_rtcp_packet", self._handle_rtcp_packet)
        self._stop_stock = replace(receiver, "_RTCRtpReceiver__stop_decoder", self._stop_decoder)
        replace(receiver, "_handle_rtp_packet", self._handle_rtp_packet)

    def look(self, now: float) -> None:
        """Ask for what is to be asked for by now."""
        if self._ssrc is None:
            return
        stream = self.stream
        feedback = self._codec.rtcpFeedback
        stream.allow(asking=any(told.type == "nack" and not told.parameter for told in feedback))
        round_trips = self._inbound.round_trips()
        if round_trips:
            stream.expect(max(round_trips), min(round_trips))
        lost = stream.lost(now)
        if lost:
            self._ask_again(lost)
        if stream.waits(now):
            self._inbound.look_again()

    def _begin(self) -> None:
        """Another stream than before begins, or the first one."""
        raise NotImplementedError

    def _take(self, packet: Any, now: float, *, again: bool) -> Receipt:
        raise NotImplementedError

    def _make_up(self, packet: Any, parity: bytes, now: float, *, again: bool) -> None:
        """Make up for what can be since ``packet`` or its parity came."""

    async def _handle_rtp_packet(self, packet: Any, arrival_time_ms: int) -> None:
        codec = self._codecs.get(packet.payload_type)
        if not self._receiver._enabled or codec is None:
            return
        self._estimate(packet, arrival_time_ms)
        again = aiortc.codecs.is_rtx(codec)
        if again:
            packet = unwrapped(packet, codec, self._receiver._RTCRtpReceiver__rtx_ssrc, self._ssrc)
            codec = None if packet is None else self._codecs.get(packet.payload_type)
        redundant, parity = codec is not None and codec.name == "red", b""
        if redundant:
            codec, packet.payload, parity = opened(packet.payload, self._codecs, self._codec)
        if codec is None:
            return
        self._codec = codec
        if packet.ssrc != self._ssrc:
            self._ssrc = packet.ssrc
            self._tap.belongs_to(packet.ssrc)
            self._forget_reports()
            self._begin()
        now = arrived_at(self._receiver.transport)
        receipt = self._take(packet, now, again=again)
        if redundant:
            self._make_up(packet, parity, now, again=again)
        if receipt in {Receipt.NEW, Receipt.LATE}:  # what is lost on the way is reported, repaired or not
            streams = self._receiver._RTCRtpReceiver__remote_streams
            if packet.ssrc not in streams:
                streams[packet.ssrc] = StreamStatistics(codec.clockRate)
            streams[packet.ssrc].add(packet)
        self.look(time.monotonic())

    async def _handle_rtcp_packet(self, packet: Any) -> None:
        """Take reports on the present stream.

        A goodbye (BYE) ends nothing: stock, no picture is decoded any more, whatever comes. That a call is
        over is told by DTLS and the control channel.
        """
        if isinstance(packet, RtcpSrPacket) and self._ssrc in {None, packet.ssrc}:
            self._tap.belongs_to(packet.ssrc)
            self._tap.sender.reported(packet.sender_info.ntp_timestamp, packet.sender_info.rtp_timestamp)
            await self._handle_rtcp_stock(packet)

    def _forget_reports(self) -> None:
        """Report on no earlier stream: one report has room for 31 (RFC 3550 section 6.4.1)."""
        tables = [getattr(self._receiver, f"_RTCRtpReceiver__{name}") for name in _BY_SOURCE]
        estimator = self._receiver._RTCRtpReceiver__remote_bitrate_estimator
        if estimator is not None:
            tables.append(estimator.ssrcs)
        for table in tables:
            for ssrc in table.keys() - {self._ssrc}:
                del table[ssrc]

    def _estimate(self, packet: Any, arrival_time_ms: int) -> None:
        """Tell a sender that hears not of each packet what the path seems to take."""
        estimator = self._receiver._RTCRtpReceiver__remote_bitrate_estimator
        if estimator is None or packet.extensions.abs_send_time is None:
            return
        estimate = estimator.add(
            abs_send_time=packet.extensions.abs_send_time,
            arrival_time_ms=arrival_time_ms,
            payload_size=len(packet.payload) + packet.padding_size,
            ssrc=packet.ssrc,
        )
        if estimate is not None and self._reporter is not None:
            fci = pack_remb_fci(*estimate)
            self._inbound.say(bytes(RtcpPsfbPacket(RTCP_PSFB_APP, self._reporter, 0, fci)))

    def _ask_again(self, lost: list[int]) -> None:
        if self._reporter is not None and self._ssrc is not None:
            body = _SOURCES.pack(self._reporter, self._ssrc) + pack_lost(lost)
            self._inbound.say(pack_rtcp_packet(RTCP_RTPFB, RTCP_RTPFB_NACK, body))

    @property
    def _reporter(self) -> int | None:
        """Who our reports come from."""
        ssrc: int | None = self._receiver._RTCRtpReceiver__rtcp_ssrc
        return ssrc

    def _stop_decoder(self) -> None:
        """Stock, the event loop stands still until all that waits is decoded."""
        forget(self._queue)
        self._stop_stock()


class _ReceivingSound(_Receiving):
    """Sound goes past the decoder: it is decoded when it is played."""

    stream: SoundStream

    def _begin(self) -> None:
        self.stream = SoundStream()

    def _take(self, packet: Any, now: float, *, again: bool) -> Receipt:  # noqa: ARG002  only pictures
        number, timestamp, receipt = self.stream.received(packet.sequence_number, packet.timestamp, now)
        if receipt is not Receipt.REPEATED and packet.payload:
            repaired = receipt is Receipt.REPAIRED
            self._inbound.sounded(number, timestamp, packet.payload, now, repaired=repaired)
        return receipt


class _ReceivingPictures(_Receiving):
    """Pictures go to aiortc's thread, whole and in order."""

    stream: PictureStream

    def __init__(self, inbound: Inbound, receiver: Any, tap: ReceiverTap) -> None:
        super().__init__(inbound, receiver, tap)
        self._handed: deque[float] = deque(maxlen=MAX_ENCODED)

    def _begin(self) -> None:
        self.stream = PictureStream()

    def _take(self, packet: Any, now: float, *, again: bool) -> Receipt:
        begins_key = BEGINS_KEY.get(self._codec.name)
        if begins_key is None:
            return Receipt.REPEATED
        payload = packet.payload
        try:
            data = aiortc.codecs.depayload(self._codec, payload) if payload else b""
        except ValueError:  # no packet of a picture: as if it had not come
            return Receipt.REPEATED
        return self.stream.received(
            packet.sequence_number,
            packet.timestamp,
            data,
            now,
            last=bool(packet.marker),
            key=begins_key(payload, data),
            intra=self._codec.name == "H264" and h264_begins_intra(payload),
            again=again,
            picture=vp8_picture(payload) if self._codec.name == "VP8" else None,
        )

    def _make_up(self, packet: Any, parity: bytes, now: float, *, again: bool) -> None:
        if parity:
            self.stream.parity(packet.sequence_number, parity)
        elif not again:
            self.stream.protected(packet.sequence_number, protected(self._receiver.transport))
        for recovered in self.stream.recover(packet.ssrc):
            with contextlib.suppress(ValueError):
                self._take(RtpPacket.parse(recovered), now, again=True)

    def look(self, now: float) -> None:
        """Let go on what may, and ask for what is to be asked for by now."""
        if self._ssrc is None:
            return
        failed = self._receiver._RTCRtpReceiver__decoder_error
        behind = self._behind(now)
        if behind:
            forget(self._queue)
        if behind or failed.is_set():
            failed.clear()
            self.stream.restart(now)
        while (picture := self.stream.pop(now)) is not None:
            self._tap.remember(picture.timestamp, picture.first, now)
            self._handed.append(now)
            self._queue.put((self._codec, JitterFrame(data=picture.data, timestamp=picture.timestamp)))
        if self.stream.wants_key(now) and self._reporter is not None:
            self._inbound.say(bytes(RtcpPsfbPacket(RTCP_PSFB_PLI, self._reporter, self._ssrc)))
        super().look(now)

    def _behind(self, now: float) -> bool:
        """Whether what waits for the decoder is rather replaced by a key picture, which is newer."""
        waiting = min(self._queue.qsize(), len(self._handed))
        return waiting == MAX_ENCODED or (waiting > 0 and now - self._handed[-waiting] > MAX_LAG_S)


def forget(waiting: queue.Queue[Any]) -> None:
    """Leave nothing in a queue but its end."""
    with contextlib.suppress(queue.Empty):
        while waiting.get_nowait() is not None:
            pass
        waiting.put(None)
