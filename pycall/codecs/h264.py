"""H.264 (ITU-T H.264) for talking: constrained baseline, and a bit rate that follows the path."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from pycall.codecs.vp8 import CLOCK, threads

PRESET: Final = "superfast"
"""How many shortcuts are taken; the best picture per CPU time of those measured."""

CEILING_PER_PIXEL: Final = 9
"""Bit/s an encoder is opened for: libx264 takes lower rates later, and higher ones never."""

FIRST_KEY_S: Final = 0.25
"""The time that the first key picture takes to leave at the bit rate, at most."""

_BUFFER_BITS_PER_PIXEL: Final = 0.5
"""What bounds later key pictures; libx264 keeps it from opening on."""

_ASKED_MOST: Final = 1.5
"""libx264 stays far below the bit rate where pictures are hard; so more is asked for, up to this factor."""

_MEMORY_S: Final = 0.5
"""The time over which what came of it is averaged."""


class H264Encoder:
    """H.264 by libx264, as a byte stream with parameter sets in each key picture."""

    def __init__(self, width: int, height: int, bitrate: int, fps: float) -> None:
        self.width, self.height = width, height
        self._bitrate = bitrate
        self._fps = fps
        self._ceiling = width * height * CEILING_PER_PIXEL
        self._pts = 0.0
        self._asked = 1.0
        self._produced = float(bitrate)
        self._codec = self._open()

    def set_bitrate(self, bitrate: int) -> None:
        """Bit/s from the next picture on."""
        if bitrate < 0.85 * self._bitrate:
            self._asked = 1.0
        self._bitrate = bitrate

    def set_frame_rate(self, fps: float) -> None:
        """Pictures a second, from which a picture's share of the bit rate follows."""
        self._fps = fps

    def encode(self, frame: av.VideoFrame, *, key: bool) -> bytes:
        """The encoded picture; the times and kind of ``frame`` are changed."""
        self._codec.bit_rate = min(int(self._bitrate * self._asked), self._ceiling)
        self._pts += CLOCK / self._fps
        frame.pts, frame.time_base = round(self._pts), Fraction(1, CLOCK)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        data = b"".join(bytes(packet) for packet in self._codec.encode(frame))
        self._learn(len(data) * 8 * self._fps)
        return data

    def close(self) -> None:
        """Nothing is to be freed."""

    def _learn(self, bitrate: float) -> None:
        """Ask for more or less after a picture of ``bitrate``: slowly up, quickly down."""
        self._produced += (bitrate - self._produced) / max(1.0, _MEMORY_S * self._fps)
        asked = self._asked * (1.01 if self._produced < self._bitrate else 0.96)
        self._asked = min(_ASKED_MOST, max(1.0, asked))

    def _open(self) -> VideoCodecContext:
        codec: VideoCodecContext = av.CodecContext.create("libx264", "w")
        codec.width, codec.height, codec.pix_fmt = self.width, self.height, "yuv420p"
        codec.time_base = Fraction(1, CLOCK)
        codec.framerate = Fraction(self._fps).limit_denominator(1000)
        codec.profile = "Baseline"
        codec.bit_rate = self._ceiling
        codec.gop_size = 3_000  # key pictures are asked for when one is needed
        codec.thread_count = threads(self.width, self.height)
        codec.options = {
            "preset": PRESET,
            "tune": "zerolatency",
            "maxrate": str(self._ceiling),
            "bufsize": str(buffer := int(self.width * self.height * _BUFFER_BITS_PER_PIXEL)),
            "rc_init_occupancy": str(min(buffer, int(self._bitrate * FIRST_KEY_S))),
            "forced-idr": "1",
        }
        codec.open()  # now, at the ceiling: what is set from here on is a change at run time
        return codec
