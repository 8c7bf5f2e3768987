from __future__ import annotations

import numpy as np
import pytest

from pycall.media.testsignals.strip import luma_of, read_strip
from pycall.media.testsignals.testcard import CardPainter, CardSource, is_flashing
from pycall.media.testsignals.wallclock import wall_offset


def test_each_frame_is_one_of_its_own() -> None:
    painter = CardPainter(320, 240)
    first = painter.paint(1, 1000, flash=False)
    before = first.to_ndarray().copy()
    second = painter.paint(2, 1033, flash=True)
    assert np.array_equal(first.to_ndarray(), before)
    assert not np.array_equal(second.to_ndarray(), before)
    assert first.format.name == "yuv420p"


def test_what_moves_leaves_nothing_behind() -> None:
    painter = CardPainter(320, 240)
    first = painter.paint(1, 1000, flash=False).to_ndarray()
    for step in range(50):
        painter.paint(step, step * 77, flash=step % 2 == 0)
    assert np.array_equal(painter.paint(1, 1000, flash=False).to_ndarray(), first)


@pytest.mark.parametrize("size", [(640, 480), (160, 120), (1280, 720)])
def test_the_corner_flashes(size: tuple[int, int]) -> None:
    painter = CardPainter(*size)
    assert is_flashing(painter.paint(1, 0, flash=True))
    assert not is_flashing(painter.paint(1, 0, flash=False))


@pytest.mark.parametrize("size", [(2, 2), (16, 16), (64, 48), (30, 1000), (1000, 30)])
def test_no_even_size_is_too_small_or_odd(size: tuple[int, int]) -> None:
    frame = CardPainter(*size).paint(123_456_789, 10**13, flash=True)
    assert (frame.width, frame.height) == size


def test_the_source_counts_its_pictures_and_stamps_them_with_one_clock() -> None:
    source = CardSource((320, 240), 50)
    reader = source.feed.subscribe(100)
    to_wall = wall_offset()
    source.start()
    try:
        pictures = [reader.get(5) for _ in range(20)]
    finally:
        source.close()
    read = [read_strip(picture.frame) for picture in pictures if picture]
    assert [each[0] for each in read if each] == list(range(20))
    for picture, each in zip(pictures, read, strict=True):
        assert picture is not None
        assert each is not None
        assert abs(each[1] / 1000 - picture.time - to_wall) < 0.5
    assert reader.closed or reader.get(0) is not None


def test_a_closed_source_ends_its_readers() -> None:
    source = CardSource((320, 240), 30)
    reader = source.feed.subscribe()
    source.close()
    source.close()
    assert reader.get(5) is None
    assert reader.closed


def test_the_picture_is_colourful_and_its_letters_are_there() -> None:
    frame = CardPainter(640, 480).paint(0, 0, flash=False)
    colours = {tuple(pixel) for pixel in frame.to_ndarray(format="rgb24")[200, 40::80].tolist()}
    assert len(colours) == 8
    panel = luma_of(frame)[320:448]
    assert 1000 < (panel > 200).sum() < panel.size / 4
