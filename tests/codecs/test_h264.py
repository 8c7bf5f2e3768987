"""H.264 is of the profile that is negotiated."""

from __future__ import annotations

from pycall.codecs.h264 import H264Encoder
from pycall.media.testsignals.grain import grainy_pictures


def test_a_key_picture_begins_with_parameters_of_constrained_baseline() -> None:
    encoder = H264Encoder(640, 480, 500_000, 30)
    [picture] = grainy_pictures((640, 480), 30, 1)
    data = encoder.encode(picture, key=True)
    assert data[:5] == b"\x00\x00\x00\x01\x67"
    assert data[5] == 66  # baseline
    assert data[6] & 0x40  # and constrained
