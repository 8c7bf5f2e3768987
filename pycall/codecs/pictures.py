"""Encoders of pictures, whichever the codec."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

import av

from pycall.codecs.h264 import H264Encoder
from pycall.codecs.libvpx import libvpx
from pycall.codecs.vp8 import SteppingVp8Encoder, Vp8Encoder

Codec: TypeAlias = Literal["VP8", "H264"]


class PictureEncoder(Protocol):
    """Encodes pictures of one size in real time: one at a time, from any thread.

    The bit rate and the frame rate may be set from another thread meanwhile. Where a library fails, methods
    raise :class:`.MediaError` or :class:`av.FFmpegError`.
    """

    width: int
    height: int

    def set_bitrate(self, bitrate: int) -> None:
        """Bit/s from the next picture on, without a key picture; through av's libvpx seldom, and with one."""

    def set_frame_rate(self, fps: float) -> None:
        """Pictures a second, from which a picture's share of the bit rate follows."""

    def encode(self, frame: av.VideoFrame, *, key: bool) -> bytes:
        """The encoded picture; empty when it was left out because those before were too large.

        ``frame`` is yuv420p of ``width`` by ``height``; its kind and times are changed. The first picture is
        a key picture, others are when ``key`` says so.
        """

    def close(self) -> None:
        """Free the encoder, after which it encodes no more; a second time does nothing."""


def open_picture_encoder(
    codec: Codec, width: int, height: int, bitrate: int, fps: float, *, stock: bool = False
) -> PictureEncoder:
    """An encoder for even ``width`` and ``height`` at ``bitrate`` bit/s and ``fps`` pictures a second.

    ``stock`` is av's own even where the library could be called. Raises what encoding does.
    """
    if codec == "H264":
        return H264Encoder(width, height, bitrate, fps)
    library = None if stock else libvpx()
    if library is None:
        return SteppingVp8Encoder(width, height, bitrate, fps)
    return Vp8Encoder(library, width, height, bitrate, fps)
