"""The size of a key picture is read where it stands."""

from __future__ import annotations

import pytest

from pycall.codecs.pictures import open_picture_encoder
from pycall.codecs.vp8 import key_picture_size
from pycall.media.testsignals.grain import grainy_pictures


@pytest.mark.parametrize("size", [(320, 240), (1280, 720), (64, 2_000)])
def test_the_size_of_a_key_picture_is_told(size: tuple[int, int]) -> None:
    encoder = open_picture_encoder("VP8", *size, 500_000, 30)
    first, second = grainy_pictures(size, 30, 2)
    data = encoder.encode(first, key=True)
    assert key_picture_size(data) == size
    assert key_picture_size(data[:9]) is None
    assert key_picture_size(encoder.encode(second, key=False)) is None


def test_the_largest_size_is_told_and_its_scaling_left_out() -> None:
    assert key_picture_size(b"\x10\x00\x00\x9d\x01\x2a\xff\xff\x00\xa0") == (16_383, 8_192)


@pytest.mark.parametrize("data", [b"", b"\x10", b"\x10" * 20])
def test_what_is_no_key_picture_has_no_size(data: bytes) -> None:
    assert key_picture_size(data) is None
