"""Encoders of our own in aiortc's senders, and reports that say when a frame was captured."""

from __future__ import annotations

import time
from typing import Any, Final, Protocol

import aiortc.clock
import aiortc.codecs
import aiortc.codecs.h264
import aiortc.codecs.opus
import aiortc.codecs.vpx
import aiortc.rtcrtpreceiver
import aiortc.rtcrtpsender
from aiortc import RTCRtpSender
from aiortc.mediastreams import VIDEO_TIME_BASE, convert_timebase
from aiortc.rtp import RtcpSrPacket

from pycall.client.compat.releases import has_all, replace
from pycall.client.encoders import H264PictureEncoder, PictureEncoder, VoiceEncoder, Vp8PictureEncoder

REPAIR_HISTORY: Final = 1_024
"""Sent packets kept for repairs (stock: 128, less than half a second of video)."""


class Capturing(Protocol):
    """An outgoing track that knows when what was sent was captured."""

    def captured_at(self, sent_at: float) -> float | None:
        """When the frame was captured that was last taken before ``sent_at``; monotonic seconds."""


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


def use_encoders() -> None:
    """Put our encoders in place of aiortc's, and say what our Opus does."""
    opus = aiortc.codecs.CODECS["audio"][0]
    if opus.mimeType != "audio/opus":
        raise AttributeError("opus is not the first codec of sound")
    replace(opus, "parameters", {"minptime": 10, "useinbandfec": 1})
    replace(aiortc.codecs, "Vp8Encoder", Vp8Encoder)
    replace(aiortc.codecs, "H264Encoder", H264Encoder)
    replace(aiortc.codecs, "OpusEncoder", OpusEncoder)


def lengthen_history() -> None:
    """Keep sent packets for as long as a repair may take."""
    replace(aiortc.rtcrtpsender, "RTP_HISTORY_SIZE", REPAIR_HISTORY)
    replace(aiortc.rtcrtpreceiver, "RTP_HISTORY_SIZE", REPAIR_HISTORY)


def report_capture_times(sender: RTCRtpSender, track: Capturing) -> None:
    """Have the sender reports of ``sender`` say when a frame was captured, not when it was sent."""
    if not has_all(sender, "_send_rtcp", "_RTCRtpSender__lsr"):
        return

    async def send_rtcp(packets: list[Any]) -> None:
        for packet in packets:
            if isinstance(packet, RtcpSrPacket) and packet.sender_info.ntp_timestamp:
                _stamp_capture(sender, packet, track)
        await original(packets)

    original = replace(sender, "_send_rtcp", send_rtcp)


def _stamp_capture(sender: Any, packet: RtcpSrPacket, track: Capturing) -> None:
    since_sent_s = (aiortc.clock.current_ntp_time() - packet.sender_info.ntp_timestamp) / 2**32
    sent_at = time.monotonic() - since_sent_s
    captured_at = track.captured_at(sent_at)
    if captured_at is not None and 0 <= sent_at - captured_at < 10:  # else somebody set the clock
        packet.sender_info.ntp_timestamp -= int((sent_at - captured_at) * 2**32)
        sender._RTCRtpSender__lsr = (packet.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF
