"""What the window shows, as pixels."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from pycall.media.window.scene import BACKGROUND, KEYS, Scene, fitted
from pycall.media.window.wire import Kind, Marks, Message, marks_message

IN_CALL = Marks(own_name="Alice", peer_name="Bob")
BRIGHT, DARK = 235, 16


def halves(kind: Kind, width: int, height: int) -> Message:
    """A grey picture, bright on its left half and dark on its right."""
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height, : width // 2], planes[:height, width // 2 :] = BRIGHT, DARK
    return Message(kind, width, height, planes.tobytes())


def scene_with(marks: Marks, *messages: Message) -> Scene:
    """A scene that has got ``marks`` and then ``messages``."""
    scene = Scene()
    for message in (marks_message(marks), *messages):
        scene.take(message)
    return scene


def grey(canvas: NDArray[np.uint8], left: float, top: float) -> int:
    """The brightness at a place given in shares of width and height."""
    return int(canvas[int(canvas.shape[0] * top), int(canvas.shape[1] * left)].mean())


def test_the_far_picture_fills_the_window_and_is_not_mirrored() -> None:
    canvas = scene_with(IN_CALL, halves("remote", 640, 480)).draw(800, 600)

    assert canvas.shape == (600, 800, 3)
    assert grey(canvas, 0.1, 0.5) > 240
    assert grey(canvas, 0.9, 0.3) < 15


@pytest.mark.parametrize(("size", "beside"), [((1_000, 400), (0.05, 0.5)), ((400, 1_000), (0.5, 0.05))])
def test_in_a_window_of_another_shape_it_keeps_its_proportions(
    size: tuple[int, int], beside: tuple[float, float]
) -> None:
    canvas = scene_with(IN_CALL, halves("remote", 640, 480)).draw(*size)
    bright = canvas.min(axis=2) > 230
    height, width = (
        np.count_nonzero(bright.mean(axis=axis) > bright.mean(axis=axis).max() / 2) for axis in (1, 0)
    )

    assert grey(canvas, *beside) == int(np.mean(BACKGROUND))
    assert 2 * width / height == pytest.approx(640 / 480, abs=0.05)


def test_ones_own_picture_is_at_the_lower_right_and_mirrored_unless_it_is_a_screen() -> None:
    for mirror in (True, False):
        marks = replace(IN_CALL, mirror=mirror)
        canvas = scene_with(marks, halves("local", 320, 240)).draw(800, 600)
        bright = np.argwhere(canvas[360:, 600:].min(axis=2) > 230)[:, 1].mean()
        assert (bright > 100) == mirror


def test_a_camera_that_is_off_shows_no_picture_on_either_side() -> None:
    marks = replace(IN_CALL, camera_off=True, peer_camera_off=True)
    canvas = scene_with(marks, halves("local", 320, 240), halves("remote", 640, 480)).draw(800, 600)

    assert grey(canvas, 0.1, 0.5) == int(np.mean(BACKGROUND))
    assert np.count_nonzero(canvas[400:, 560:].min(axis=2) > 230) < 1_000


@pytest.mark.parametrize(
    "marks",
    [
        replace(IN_CALL, muted=True),
        replace(IN_CALL, camera_off=True),
        replace(IN_CALL, recording=True),
        replace(IN_CALL, peer_muted=True),
        replace(IN_CALL, peer_camera_off=True),
        replace(IN_CALL, peer_recording=True),
    ],
)
def test_every_mark_can_be_seen(marks: Marks) -> None:
    pictures = (halves("remote", 640, 480), halves("local", 320, 240))
    plain = scene_with(IN_CALL, *pictures).draw(800, 600)
    marked = scene_with(marks, *pictures).draw(800, 600)

    assert np.count_nonzero(np.any(marked != plain, axis=2)) > 100


def test_waiting_forgets_the_far_picture_and_names_the_keys() -> None:
    scene = scene_with(IN_CALL, halves("remote", 640, 480))
    scene.take(marks_message(replace(IN_CALL, status="waiting")))
    waiting = scene.draw(800, 600).copy()
    scene.take(marks_message(replace(IN_CALL, status="connecting")))

    assert scene.remote is None
    assert np.count_nonzero(waiting != scene.draw(800, 600)) > 1_000
    for key in ("mute", "camera", "record", "hang up"):
        assert key in KEYS


def test_a_picture_that_comes_late_does_not_hide_what_is_waited_for() -> None:
    for status in ("waiting", "connecting"):
        scene = scene_with(replace(IN_CALL, status=status))
        waiting = scene.draw(800, 600).copy()
        scene.take(halves("remote", 640, 480))

        assert np.array_equal(scene.draw(800, 600), waiting)
        scene.take(marks_message(IN_CALL))
        assert grey(scene.draw(800, 600), 0.1, 0.5) == int(np.mean(BACKGROUND))


def test_it_can_be_drawn_at_any_size_in_any_state() -> None:
    pictures = [halves("remote", 2, 2), halves("local", 1_280, 720)]
    for size, status, name, shown in product(
        [(1, 1), (40, 30), (97, 401), (1_920, 1_080)],
        ["", "waiting", "connecting", "…"],
        ["", "日本" * 30],
        [0, 1, 2],
    ):
        marks = Marks(
            own_name=name, peer_name=name, recording=True, peer_recording=True, muted=True, status=status
        )
        assert scene_with(marks, *pictures[:shown]).draw(*size).shape == (size[1], size[0], 3)


def test_a_picture_is_fitted_as_large_as_possible_into_the_middle() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)

    assert fitted(picture, (800, 600)) == (0, 0, 800, 600)
    assert fitted(picture, (1_000, 480)) == (180, 0, 640, 480)
    assert fitted(picture, (640, 680)) == (0, 100, 640, 480)
