"""Every encoder gives what a decoder takes, at the bit rate it is told."""

from __future__ import annotations

from typing import Any

import av
import pytest

from pycall.codecs.pictures import Codec, open_picture_encoder
from pycall.media.testsignals.grain import grainy_pictures

CODECS: list[Codec] = ["VP8", "H264"]
DECODERS = {"VP8": "vp8", "H264": "h264"}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [(320, 240), (426, 238), (1280, 720)])
def test_what_is_encoded_is_decoded_to_the_same_pictures(codec: Codec, size: tuple[int, int]) -> None:
    decoder: Any = av.CodecContext.create(DECODERS[codec], "r")
    encoder = open_picture_encoder(codec, *size, 4_000_000, 30)
    assert (encoder.width, encoder.height) == size
    for picture in grainy_pictures(size, 30, 8):
        wanted = picture.to_ndarray().astype(int)
        data = encoder.encode(picture, key=False)
        [decoded] = decoder.decode(av.Packet(data))
        assert (decoded.width, decoded.height) == size
        assert abs(decoded.to_ndarray().astype(int) - wanted).mean() < 5
    encoder.close()
