from __future__ import annotations

import av
import numpy as np
import pytest

from pycall.media.frames import Picture
from pycall.media.recording.composition import Composition, Layout
from pycall.media.recording.inbox import Side
from pycall.media.testsignals.strip import luma_of
from tests.media.recording.footage import plain

FPS = 30


def shown(
    composition: Composition, side: Side, time: float, size: tuple[int, int], luma: int
) -> av.VideoFrame | None:
    return composition.show(side, Picture(plain(*size, luma), time))


def colours(frame: av.VideoFrame) -> tuple[int, int, int]:
    means = [float(np.frombuffer(memoryview(plane), np.uint8).mean()) for plane in frame.planes]
    return round(means[0]), round(means[1]), round(means[2])


def test_together_is_the_far_picture_left_and_the_near_one_right() -> None:
    composition = Composition("together", (64, 48), FPS)
    assert composition.size == (128, 48)
    shown(composition, "local", 1.0, (64, 48), 100)
    output = shown(composition, "remote", 1.01, (64, 48), 200)
    assert output is not None
    luma = luma_of(output)
    assert luma.shape == (48, 128)
    assert np.all(luma[:, :64] == 200)
    assert np.all(luma[:, 64:] == 100)


def test_a_missing_picture_is_black() -> None:
    output = shown(Composition("together", (64, 48), FPS), "remote", 1.0, (64, 48), 200)
    assert output is not None
    assert np.all(luma_of(output)[:, 64:] == 16)


@pytest.mark.parametrize(("layout", "side"), [("remote", "remote"), ("local", "local")])
def test_one_picture_alone_is_untouched_and_the_other_ignored(layout: Layout, side: Side) -> None:
    composition = Composition(layout, (64, 48), FPS)
    other: Side = "local" if side == "remote" else "remote"
    assert composition.size == (64, 48)
    assert shown(composition, other, 1.0, (64, 48), 30) is None
    output = composition.show(side, Picture(plain(64, 48, 150, 90, 200), 2.0))
    assert output is not None
    assert colours(output) == (150, 90, 200)


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((128, 96), (0, 0, 64, 48)),
        ((1280, 720), (0, 6, 64, 36)),
        ((48, 96), (20, 0, 24, 48)),
        ((16, 12), (0, 0, 64, 48)),
        ((640, 2), (0, 22, 64, 2)),
    ],
)
def test_every_size_is_letterboxed_without_distortion(
    size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    output = shown(Composition("remote", (64, 48), FPS), "remote", 1.0, size, 200)
    assert output is not None
    luma = luma_of(output)
    left, top, width, height = box
    expected = np.full((48, 64), 16)
    expected[top : top + height, left : left + width] = 200
    assert np.abs(luma - expected).max() <= 2


def test_the_size_may_change_from_picture_to_picture() -> None:
    composition = Composition("remote", (64, 48), FPS)
    for index, size in enumerate([(320, 240), (48, 96), (64, 48)]):
        assert shown(composition, "remote", float(index), size, 100) is not None
    output = shown(composition, "remote", 3.0, (640, 480), 200)
    assert output is not None
    assert luma_of(output).min() >= 199


def test_odd_sizes_are_rounded_down() -> None:
    assert Composition("remote", (65, 49), FPS).size == (64, 48)
    assert Composition("together", (65, 49), FPS).size == (128, 48)


def test_what_was_given_is_never_changed_and_never_given_back() -> None:
    composition = Composition("remote", (64, 48), FPS)
    given = plain(64, 48, 150)
    output = composition.show("remote", Picture(given, 1.0))
    assert output is not given
    assert given.pts is None
    assert colours(given) == (150, 128, 128)


def test_every_far_picture_gives_an_output_and_near_ones_wait_for_it() -> None:
    composition = Composition("together", (64, 48), FPS)
    for index in range(30):
        time = 5 + index / FPS
        assert shown(composition, "remote", time, (64, 48), 200) is not None
        assert shown(composition, "local", time + 0.01, (64, 48), 100) is None


def test_while_the_far_side_is_frozen_near_pictures_go_on() -> None:
    composition = Composition("together", (64, 48), FPS)
    shown(composition, "remote", 5.0, (64, 48), 200)
    outputs = [
        shown(composition, "local", 5.001 + index / FPS, (64, 48), 100 + index) for index in range(1, 30)
    ]
    moving = [output for output in outputs if output is not None]
    assert len(moving) == len(outputs) - 1
    assert np.all(luma_of(moving[-1])[:, :64] == 200)
    assert luma_of(moving[-1])[0, 64] > luma_of(moving[0])[0, 64]
    assert shown(composition, "remote", 6.0, (64, 48), 90) is not None
