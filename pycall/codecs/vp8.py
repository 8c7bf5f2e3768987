"""VP8 (RFC 6386) for talking: small key pictures, no waiting, a bit rate that follows the path."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from pycall.codecs import libvpx
from pycall.codecs.libvpx import Library, VpxEncoder

CLOCK: Final = 90_000
"""Time stamps a second."""

SPEED: Final = -6
"""``cpu-used``: how many shortcuts are taken. From -7 on, what moves across the picture is not followed,
which costs up to 18 dB and saves little; where the processor is slow, a smaller picture is better."""

KEY_PERCENT: Final = 450
"""A key picture aims at this part of a picture's bytes at most, since it leaves all at once."""

REFINED_BY: Final = 4
"""How much finer than the picture before it one may be after a key picture: else that were large too."""

SHARP_ENOUGH: Final = 6
"""The finest quantizer: a still picture beyond 50 dB is worth no bits."""

BUFFER_MS: Final = (200, 250, 500)
"""What the bit rate is kept over: at the beginning, aimed at, and at most (browsers: 500, 600, 1000)."""

_CUT: Final = 0.85
"""A bit rate that falls to less than this part begins without what was saved up at the old one."""

BITRATE_STEPS: Final = (150_000, 250_000, 400_000, 600_000, 900_000, 1_350_000, 2_000_000, 3_000_000)
"""Bit rates of av's encoder, which begins a new one with a key picture."""

STEP_UP_AFTER_S: Final = 5.0
STEP_DOWN_AFTER_S: Final = 1.0
"""How long av's encoder keeps a bit rate before a higher or lower one."""

_START: Final = b"\x9d\x01\x2a"
_SIZE: Final = 0x3FFF
"""What is left of 16 bits is the scaling, which only concerns showing."""


class Vp8Encoder:
    """VP8 by libvpx itself; not one picture is a key picture that was not asked for."""

    def __init__(self, library: Library, width: int, height: int, bitrate: int, fps: float) -> None:
        self.width, self.height = width, height
        self._bitrate = bitrate
        self._duration = round(CLOCK / fps)
        self._pts = 0
        self._finest = SHARP_ENOUGH
        self._encoder = VpxEncoder(library, self._configuration(library), _controls(width, height))

    def set_bitrate(self, bitrate: int) -> None:
        """Bit/s from the next picture on."""
        self._bitrate = bitrate

    def set_frame_rate(self, fps: float) -> None:
        """Pictures a second, from which a picture's share of the bit rate follows."""
        self._duration = round(CLOCK / fps)

    def encode(self, frame: av.VideoFrame, *, key: bool) -> bytes:
        """The encoded picture; empty when it was left out because the one before was too large."""
        self._follow(max(1, self._bitrate // 1000))
        data = self._encoder.encode(frame, self._pts, self._duration, key=key)
        if key_picture_size(data):
            self._finest = self._encoder.quantizer()
        self._pts += self._duration
        return data

    def close(self) -> None:
        """Free the encoder."""
        self._encoder.close()

    def _follow(self, kbits: int) -> None:
        """Encode the next picture at ``kbits``, as fine as it may be."""
        config = self._encoder.config
        before, config.target_bitrate = config.target_bitrate, kbits
        self._finest = max(SHARP_ENOUGH, self._finest - REFINED_BY)
        if kbits < _CUT * before:
            config.buf_sz = BUFFER_MS[0] // 2
            self._encoder.configure()
            config.buf_sz = BUFFER_MS[-1]
        if (kbits, self._finest) != (before, config.min_quantizer):
            config.min_quantizer = self._finest
            self._encoder.configure()

    def _configuration(self, library: Library) -> libvpx.Config:
        config = library.default_config()
        config.width, config.height = self.width, self.height
        config.timebase.num, config.timebase.den = 1, CLOCK
        config.threads = threads(self.width, self.height)
        config.target_bitrate = max(1, self._bitrate // 1000)
        config.end_usage = libvpx.CBR
        config.min_quantizer, config.max_quantizer = SHARP_ENOUGH, 56
        config.undershoot_pct, config.overshoot_pct = 100, 15
        config.buf_initial_sz, config.buf_optimal_sz, config.buf_sz = BUFFER_MS
        config.dropframe_thresh = 10
        config.kf_mode = libvpx.KF_DISABLED
        return config


class SteppingVp8Encoder:
    """VP8 by av's libvpx, whose bit rate is fixed: it takes few, seldom, each with a new encoder."""

    def __init__(self, width: int, height: int, bitrate: int, fps: float) -> None:
        self.width, self.height = width, height
        self._steps = BitrateSteps(bitrate)
        self._fps = fps
        self._pts = 0.0
        self._codec = self._open()

    def set_bitrate(self, bitrate: int) -> None:
        """Bit/s from the next step on, which begins with a key picture."""
        self._steps.wanted = bitrate

    def set_frame_rate(self, fps: float) -> None:
        """Pictures a second."""
        self._fps = fps

    def encode(self, frame: av.VideoFrame, *, key: bool) -> bytes:
        """The encoded picture; the times and kind of ``frame`` are changed."""
        if self._steps.passed(1 / self._fps):
            self._codec = self._open()
        self._pts += CLOCK / self._fps
        frame.pts, frame.time_base = round(self._pts), Fraction(1, CLOCK)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))

    def close(self) -> None:
        """Nothing is to be freed."""

    def _open(self) -> VideoCodecContext:
        codec: VideoCodecContext = av.CodecContext.create("libvpx", "w")
        codec.width, codec.height, codec.pix_fmt = self.width, self.height, "yuv420p"
        codec.time_base = Fraction(1, CLOCK)
        codec.framerate = Fraction(self._fps).limit_denominator(1000)
        codec.bit_rate = bitrate = self._steps.bitrate
        codec.gop_size = 3_000
        codec.thread_count = threads(self.width, self.height)
        codec.qmin, codec.qmax = 2, 56
        codec.options = {
            "deadline": "realtime",
            "cpu-used": str(SPEED),
            "lag-in-frames": "0",
            "bufsize": str(bitrate),  # one second, as libvpx counts it
            "minrate": str(bitrate),
            "maxrate": str(bitrate),
            "overshoot-pct": "15",
            "undershoot-pct": "100",
            "max-intra-rate": str(KEY_PERCENT),
            "static-thresh": "1",
            "noise-sensitivity": "0",
        }
        return codec


class BitrateSteps:
    """Chooses among few bit rates: near the ``wanted`` one, changed seldom."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.bitrate = self._fitting()
        self._since_s = 0.0

    def passed(self, seconds: float) -> bool:
        """Whether ``bitrate`` changed, now that ``seconds`` more are over."""
        self._since_s += seconds
        fitting = self._fitting()
        hold_s = STEP_UP_AFTER_S if fitting > self.bitrate else STEP_DOWN_AFTER_S
        if fitting == self.bitrate or self._since_s < hold_s:
            return False
        self.bitrate, self._since_s = fitting, 0.0
        return True

    def _fitting(self) -> int:
        return max((step for step in BITRATE_STEPS if step <= self.wanted), default=BITRATE_STEPS[0])


def threads(width: int, height: int) -> int:
    """How many threads encode a picture: more than one only for what is large, where there are processors."""
    return 2 if width * height > 640 * 480 and (os.cpu_count() or 1) > 2 else 1


def key_picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a key picture (RFC 6386 section 9.1); ``None`` when it is none."""
    if len(data) < 10 or data[0] & 1 or data[3:6] != _START:
        return None
    return int.from_bytes(data[6:8], "little") & _SIZE, int.from_bytes(data[8:10], "little") & _SIZE


def _controls(width: int, height: int) -> dict[int, int]:
    return {
        libvpx.CPU_USED: SPEED,
        libvpx.NOISE_SENSITIVITY: 0,
        libvpx.STATIC_THRESHOLD: 1,
        libvpx.TOKEN_PARTITIONS: threads(width, height).bit_length() - 1,
        libvpx.MAX_INTRA_PERCENT: KEY_PERCENT,
    }
