"""Decoders that take what a stranger sends: nothing empty, and no picture of any size it likes."""

from __future__ import annotations

import logging
from typing import Any, Final

import aiortc.codecs
import aiortc.codecs.h264
import aiortc.codecs.opus
import aiortc.codecs.vpx

from pycall.client.compat.releases import replace
from pycall.codecs.vp8 import key_picture_size

logger = logging.getLogger(__name__)

MAX_PIXELS: Final = 4_096 * 4_096
"""Of a received picture; 8192 by 8192 are 112 kB on the wire, and then 100 MB and seconds of computing."""


class OpusDecoder(aiortc.codecs.opus.OpusDecoder):
    """One voice is all that is played; libopus mixes stereo down while decoding."""

    def __init__(self) -> None:
        super().__init__()
        self.codec.layout = "mono"

    def decode(self, encoded_frame: Any) -> list[Any]:
        """The sound in a packet; an empty one would end the decoder."""
        return super().decode(encoded_frame) if encoded_frame.data else []


class Vp8Decoder(aiortc.codecs.vpx.Vp8Decoder):
    """libvpx decodes any size, so it is looked at before."""

    def __init__(self) -> None:
        super().__init__()
        self._refusing = False

    def decode(self, encoded_frame: Any) -> list[Any]:
        """The picture; none when it is empty, or too large, or builds on one that was."""
        size = key_picture_size(encoded_frame.data)
        if size is not None:
            refused, self._refusing = self._refusing, size[0] * size[1] > MAX_PIXELS
            if self._refusing and not refused:
                logger.warning("Received pictures of %d x %d are too large.", *size)
        if self._refusing or not encoded_frame.data:
            return []
        return super().decode(encoded_frame)


class H264Decoder(aiortc.codecs.h264.H264Decoder):
    """FFmpeg's own decoder, which refuses what is too large when it reads the parameter set."""

    def __init__(self) -> None:
        super().__init__()
        self.codec.options = {"max_pixels": str(MAX_PIXELS)}

    def decode(self, encoded_frame: Any) -> list[Any]:
        """The picture; none when it is empty. Raises :class:`av.FFmpegError` when it cannot be decoded."""
        return super().decode(encoded_frame) if encoded_frame.data else []


def use_decoders() -> None:
    """Put our decoders in place of aiortc's."""
    replace(aiortc.codecs, "OpusDecoder", OpusDecoder)
    replace(aiortc.codecs, "Vp8Decoder", Vp8Decoder)
    replace(aiortc.codecs, "H264Decoder", H264Decoder)
