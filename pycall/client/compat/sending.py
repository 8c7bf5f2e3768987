"""What aiortc's senders send goes out our way: encoded, paced, stamped and repaired by ours.

aiortc's sender keeps its places: it begins and ends the work, and sends its reports of what we count for it.
"""

from __future__ import annotations

import logging
import secrets
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from aiortc import RTCRtpSender
from aiortc.codecs import is_rtx
from aiortc.mediastreams import MediaStreamError

from pycall.client.compat.negotiating import extension_ids, reports_arrivals
from pycall.client.compat.releases import has_all, module, replace
from pycall.client.sending.copies import CopyStream
from pycall.client.sending.line import Leaving, Line, Stream
from pycall.client.sending.packets import PLAYOUT_DELAY, TRANSPORT_NUMBER, PacketWriter
from pycall.client.sending.pictures import PictureSender
from pycall.client.sending.sound import SoundSender
from pycall.client.stages import Stages
from pycall.client.tracks import BLOCK, SAMPLE_RATE

logger = logging.getLogger(__name__)

MAX_RTT_S: Final = 10.0
"""What a report says beyond this is wrong."""

_RTP: Final = module("aiortc.rtp")
_CLOCK: Final = module("aiortc.clock")
_H264: Final = module("aiortc.codecs.h264")
_VPX: Final = module("aiortc.codecs.vpx")

_REPORTS: Final = (
    "RTCP_PSFB_APP",
    "RTCP_PSFB_FIR",
    "RTCP_PSFB_PLI",
    "RTCP_RTPFB_NACK",
    "RtcpPsfbPacket",
    "RtcpRrPacket",
    "RtcpRtpfbPacket",
    "RtcpSrPacket",
    "unpack_remb_fci",
)

_INSIDE: Final = (
    "rtp_started",
    "rtp_exited",
    "track",
    "ntp_timestamp",
    "rtp_timestamp",
    "octet_count",
    "packet_count",
    "rtt",
)


class Capturing(Protocol):
    """An outgoing track that knows when what was sent was captured."""

    async def recv(self) -> Any:
        """The next frame."""

    def stop(self) -> None:
        """End it."""

    def captured_at(self, sent_at: float) -> float | None:
        """When the frame was captured that was last taken before ``sent_at``; monotonic seconds."""


def send_through(
    line: Line,
    sender: RTCRtpSender,
    track: Capturing,
    stages: Stages,
    *,
    with_pycall: Callable[[], bool],
    fps: float = 30.0,
) -> None:
    """Have ``sender``, which has not begun, send ``track`` over ``line`` our way, if it is known inside.

    Of pictures, ``fps`` a second are meant to come. ``with_pycall`` tells, once media flows, whether the
    other end is a pycall: else it is a browser.
    """
    mangled = [f"_RTCRtpSender__{name}" for name in _INSIDE]
    names = (*mangled, "send", "_run_rtp", "_handle_rtcp_packet", "_ssrc", "_rtx_ssrc", "_enabled")
    known = (
        has_all(sender, *names),
        has_all(_RTP, *_REPORTS),
        has_all(_CLOCK, "current_ntp_time"),
        has_all(getattr(_VPX, "Vp8Encoder", _VPX), "_packetize"),
        has_all(getattr(_H264, "H264Encoder", _H264), "_packetize", "_split_bitstream"),
    )
    if all(known):
        _Sending(line, sender, track, stages, with_pycall=with_pycall, fps=fps)


class _Sending:
    """The work in place of one sender's own."""

    def __init__(
        self,
        line: Line,
        sender: Any,
        track: Capturing,
        stages: Stages,
        *,
        with_pycall: Callable[[], bool],
        fps: float,
    ) -> None:
        self._line, self._sender, self._track, self._stages = line, sender, track, stages
        self._with_pycall, self._fps = with_pycall, fps
        self._parameters: Any = None
        self._stream: Stream | None = None
        self._pictures: PictureSender | None = None
        self._picture_id = secrets.randbits(15)
        self._send_stock = replace(sender, "send", self._send)
        self._handle_stock = replace(sender, "_handle_rtcp_packet", self._handle_rtcp_packet)
        replace(sender, "_run_rtp", self._run_rtp)

    async def _send(self, parameters: Any) -> None:
        """Keep what was negotiated: what runs is told only the codec."""
        if self._parameters is None:
            self._parameters = parameters
        await self._send_stock(parameters)

    # Out

    async def _run_rtp(self, codec: Any) -> None:
        sender = self._sender
        sender._RTCRtpSender__rtp_started.set()
        try:
            await self._pump(codec)
        except (ConnectionError, MediaStreamError):
            pass
        except Exception:
            logger.exception("A sender of %s ended.", sender.kind)
        finally:
            self._track.stop()
            sender._RTCRtpSender__track = None
            sender._RTCRtpSender__rtp_exited.set()

    async def _pump(self, codec: Any) -> None:
        extensions = extension_ids(self._parameters)
        if not reports_arrivals(self._parameters):
            extensions.pop(TRANSPORT_NUMBER, None)
        browser = not self._with_pycall()
        if not browser:
            extensions.pop(PLAYOUT_DELAY, None)
        writer = PacketWriter(self._sender._ssrc, codec.payloadType, extensions, self._parameters.muxId)
        stream = self._stream = Stream(
            writer, self._left, secrets.randbits(32), secrets.randbits(15), self._stages, browser=browser
        )
        if browser:
            stream.copies = self._beside(codec, extensions)
        deliver: Callable[[Any, float], Awaitable[None]]
        if self._sender.kind == "audio":
            deliver = SoundSender(self._line, stream).send
        else:
            packetize = self._packetize_vp8 if codec.name == "VP8" else packetize_h264
            self._pictures = PictureSender(self._line, stream, codec.name, packetize, self._fps)
            deliver = self._pictures.send
        try:
            while True:
                frame = await self._track.recv()
                if self._sender._enabled:
                    now = time.monotonic()
                    await deliver(frame, self._track.captured_at(now) or now)
        finally:
            if self._pictures is not None:
                self._pictures.close()

    def _beside(self, codec: Any, extensions: dict[str, int]) -> CopyStream | None:
        """The stream for copies of what is sent, if it was negotiated."""
        for each in self._parameters.codecs:
            if is_rtx(each) and each.parameters.get("apt") == codec.payloadType:
                ids = {uri: number for uri, number in extensions.items() if uri != PLAYOUT_DELAY}
                ssrc, mid = self._sender._rtx_ssrc, self._parameters.muxId
                return CopyStream(PacketWriter(ssrc, each.payloadType, ids, mid), secrets.randbits(15))
        return None

    def _left(self, packet: Leaving, now: float) -> None:
        """Count for aiortc's reports, which say when what was sent was captured (RFC 3550 section 6.4.1).

        A browser tells so of the end of a block of sound, and shows its pictures by what we tell.
        """
        sender = self._sender
        if sender._RTCRtpSender__rtp_timestamp != packet.timestamp or not sender._RTCRtpSender__packet_count:
            since_s = now - packet.captured_at
            if sender.kind == "audio" and not self._with_pycall():
                since_s -= BLOCK / SAMPLE_RATE
            sender._RTCRtpSender__ntp_timestamp = _CLOCK.current_ntp_time() - int(since_s * 2**32)
            sender._RTCRtpSender__rtp_timestamp = packet.timestamp
        sender._RTCRtpSender__octet_count += packet.octets
        sender._RTCRtpSender__packet_count += 1

    def _packetize_vp8(self, data: bytes) -> list[bytes]:
        self._picture_id = (self._picture_id + 1) % (1 << 15)
        payloads: list[bytes] = _VPX.Vp8Encoder._packetize(data, self._picture_id)
        return payloads

    # In

    async def _handle_rtcp_packet(self, packet: Any) -> None:
        match packet:
            case _RTP.RtcpRtpfbPacket(fmt=_RTP.RTCP_RTPFB_NACK):
                if self._stream is not None and (self._pictures is not None or self._with_pycall()):
                    lost = [number & 0xFFFF for number in packet.lost]  # aiortc counts on beyond 65535
                    self._line.repair(self._stream, lost)
            case _RTP.RtcpPsfbPacket(fmt=_RTP.RTCP_PSFB_PLI | _RTP.RTCP_PSFB_FIR):
                if self._pictures is not None:
                    self._pictures.ask_key(time.monotonic())
            case _RTP.RtcpPsfbPacket(fmt=_RTP.RTCP_PSFB_APP):
                self._take_estimate(packet.fci)
            case _RTP.RtcpRrPacket() | _RTP.RtcpSrPacket():
                await self._handle_stock(packet)
                self._take_reports(packet)
            case _:
                pass

    def _take_estimate(self, fci: bytes) -> None:
        try:
            bitrate, _ = _RTP.unpack_remb_fci(fci)
        except (ValueError, struct.error):  # another message of an application
            return
        self._line.estimated(bitrate)

    def _take_reports(self, packet: Any) -> None:
        for report in packet.reports:
            if report.ssrc == self._sender._ssrc:
                rtt_s = self._sender._RTCRtpSender__rtt
                known = rtt_s is not None and 0 < rtt_s < MAX_RTT_S
                self._line.reported(report.fraction_lost / 256, rtt_s if known else None)


def packetize_h264(data: bytes) -> list[bytes]:
    """The payloads (RFC 6184) of a picture in a byte stream."""
    payloads: list[bytes] = _H264.H264Encoder._packetize(_H264.H264Encoder._split_bitstream(data))
    return payloads
