"""The encoders of a call, set for talking: VP8 or H.264 for pictures and Opus for one voice.

They take frames of a fixed kind and give encoded bytes; packets are made elsewhere.
"""

from __future__ import annotations

import abc
import os
import time
from fractions import Fraction
from typing import Final, Literal

import av
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

VOICE_RATE: Final = 48_000
VOICE_BITRATE: Final = 40_000
"""Bit/s of one voice: full band Opus is transparent for speech from about 32 kbit/s."""

VOICE_EXPECTED_LOSS: Final = 5
"""Percent of loss the in-band redundancy is made for (RFC 6716 section 2.1.7)."""

BITRATE_STEPS: Final = (150_000, 250_000, 400_000, 600_000, 900_000, 1_350_000, 2_000_000)
"""Bit rates pictures are encoded at; a new one begins with a key picture."""

STEP_UP_AFTER_S: Final = 5.0
"""How long a bit rate is kept before a higher one."""

STEP_DOWN_AFTER_S: Final = 1.0
"""How long a bit rate is kept before a lower one."""


class BitrateSteps:
    """Chooses the bit rate: near what the far end can take, changed seldom.

    ``pixels`` is the size of a picture; small ones gain little from the highest rates, and each bit
    costs computing at both ends. It begins one step below what the size can use.
    """

    def __init__(self, pixels: int) -> None:
        fitting = [step for step in BITRATE_STEPS if step <= 500_000 + pixels * 1.6]
        self.bitrate, self._limit = fitting[-2:]
        self._since: float | None = None

    def aim(self, estimate: int, now: float) -> bool:
        """Whether ``bitrate`` changed, given the far end's ``estimate`` (bit/s) at ``now`` (monotonic)."""
        since = self._since
        if since is None:
            since = self._since = now
        fitting = [s for s in BITRATE_STEPS if s <= min(estimate, self._limit)]
        wanted = fitting[-1] if fitting else BITRATE_STEPS[0]
        hold_s = STEP_UP_AFTER_S if wanted > self.bitrate else STEP_DOWN_AFTER_S
        if wanted == self.bitrate or now - since < hold_s:
            return False
        self.bitrate, self._since = wanted, now
        return True


class PictureEncoder(abc.ABC):
    """Encodes pictures in real time; one at a time, from any one thread."""

    def __init__(self) -> None:
        self._codec: VideoCodecContext | None = None
        self._steps: BitrateSteps | None = None
        self.estimate: int | None = None
        """What the far end says it can take, bit/s; ``None`` until it says so."""

    def encode(self, frame: av.VideoFrame, *, key: bool) -> bytes:
        """The encoded picture; ``frame`` is yuv420p and its ``pict_type`` and times are changed."""
        codec = self._codec
        if codec is None or (codec.width, codec.height) != (frame.width, frame.height):
            self._steps = BitrateSteps(frame.width * frame.height)
            codec = self._codec = self._open(frame.width, frame.height, self._steps.bitrate)
        elif self._steps and self.estimate is not None and self._steps.aim(self.estimate, time.monotonic()):
            codec = self._codec = self._open(frame.width, frame.height, self._steps.bitrate)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        return b"".join(bytes(packet) for packet in codec.encode(frame))

    @abc.abstractmethod
    def _open(self, width: int, height: int, bitrate: int) -> VideoCodecContext:
        """A new encoder."""


class Vp8PictureEncoder(PictureEncoder):
    """VP8 (RFC 6386)."""

    def _open(self, width: int, height: int, bitrate: int) -> VideoCodecContext:
        codec = _codec("libvpx", width, height, bitrate)
        codec.qmin, codec.qmax = 2, 56
        codec.options = {
            "deadline": "realtime",
            "cpu-used": "-7",
            "lag-in-frames": "0",
            "bufsize": str(bitrate),  # one second, as libvpx counts it
            "minrate": str(bitrate),
            "maxrate": str(bitrate),
            "overshoot-pct": "15",
            "undershoot-pct": "100",
            "max-intra-rate": "1500",  # a key picture aims at 15 pictures' bytes: it leaves all at once
            "static-thresh": "1",
            "noise-sensitivity": "0",
        }
        return codec


class H264PictureEncoder(PictureEncoder):
    """H.264 (ITU-T H.264), constrained baseline, as a byte stream with parameter sets in each key picture."""

    def _open(self, width: int, height: int, bitrate: int) -> VideoCodecContext:
        codec = _codec("libx264", width, height, bitrate)
        codec.framerate = Fraction(30)  # what a picture's share of the bit rate is reckoned by
        codec.profile = "Baseline"
        codec.options = {
            "preset": "superfast",
            "tune": "zerolatency",
            "maxrate": str(bitrate),
            "bufsize": str(bitrate // 2),  # half a second bounds a key picture: it leaves all at once
            "forced-idr": "1",
        }
        return codec


def _codec(name: Literal["libvpx", "libx264"], width: int, height: int, bitrate: int) -> VideoCodecContext:
    codec: VideoCodecContext = av.CodecContext.create(name, "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base = Fraction(1, 90_000)
    codec.bit_rate = bitrate
    codec.gop_size = 3_000  # key pictures are asked for when one is needed
    codec.thread_count = 2 if width * height > 640 * 480 and (os.cpu_count() or 1) > 2 else 1
    return codec


class VoiceEncoder:
    """Opus (RFC 6716) for one voice: mono, 20 ms, with in-band redundancy."""

    def __init__(self) -> None:
        codec: AudioCodecContext = av.CodecContext.create("libopus", "w")
        codec.bit_rate = VOICE_BITRATE
        codec.format, codec.layout, codec.sample_rate = "s16", "mono", VOICE_RATE
        codec.options = {"application": "voip", "fec": "1", "packet_loss": str(VOICE_EXPECTED_LOSS)}
        self._codec = codec

    def encode(self, frame: av.AudioFrame) -> list[bytes]:
        """The packets for 960 samples, s16 mono."""
        return [bytes(packet) for packet in self._codec.encode(frame)]
