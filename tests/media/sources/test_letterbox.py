from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from numpy.typing import NDArray

from pycall.media.sources.letterbox import Letterbox
from pycall.media.testsignals.strip import luma_of, read_strip
from pycall.media.testsignals.testcard import CardPainter


def white(width: int, height: int, name: str = "yuv420p") -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.full((height, width, 3), 255, np.uint8)).reformat(format=name)


def where_it_is_light(frame: av.VideoFrame) -> tuple[slice, slice]:
    rows, columns = np.nonzero(luma_of(frame) > 128)
    return slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1)


@pytest.mark.parametrize(
    ("given", "rows", "columns"),
    [
        ((640, 480), slice(0, 480), slice(0, 640)),
        ((1280, 720), slice(60, 420), slice(0, 640)),
        ((480, 640), slice(0, 480), slice(140, 500)),
        ((320, 240), slice(0, 480), slice(0, 640)),
        ((333, 77), slice(166, 314), slice(0, 640)),
        ((4000, 2), slice(239, 241), slice(0, 640)),
    ],
)
def test_every_shape_is_put_in_the_middle_in_proportion(
    given: tuple[int, int], rows: slice, columns: slice
) -> None:
    frame = Letterbox(640, 480).fit(white(*given))
    assert (frame.width, frame.height, frame.format.name) == (640, 480, "yuv420p")
    assert where_it_is_light(frame) == (rows, columns)


def test_another_shape_leaves_no_edge_of_the_one_before() -> None:
    letterbox = Letterbox(640, 480)
    letterbox.fit(white(1280, 720))
    frame = letterbox.fit(white(480, 640))
    assert luma_of(frame)[:, :140].max() == 16
    assert luma_of(frame)[:, 500:].max() == 16


@pytest.mark.parametrize(
    "name", ["yuv420p", "yuvj420p", "yuvj422p", "yuyv422", "nv12", "bgr0", "rgb24", "gray"]
)
def test_every_format_becomes_limited_range(name: str) -> None:
    luma = luma_of(Letterbox(64, 64).fit(white(64, 64, name)))
    assert set(luma.ravel().tolist()) <= {234, 235, 236}


def test_no_picture_says_that_it_is_a_keyframe(tmp_path: Path) -> None:
    path = tmp_path / "intra.avi"
    with av.open(str(path), "w") as film:
        stream: Any = film.add_stream("mjpeg", 30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        for _ in range(3):
            film.mux(stream.encode(white(64, 64, "yuvj420p")))
        film.mux(stream.encode(None))
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            assert frame.pict_type == PictureType.I
            for size in ((64, 64), (32, 32), (128, 64)):
                assert Letterbox(*size).fit(frame).pict_type == PictureType.NONE


def test_pixels_that_are_not_square_are_made_so() -> None:
    frame = Letterbox(640, 480).fit(white(320, 480), pixel_aspect=2.0)
    assert where_it_is_light(frame) == (slice(0, 480), slice(0, 640))


def test_a_film_of_a_phone_held_upright_is_shown_upright(tmp_path: Path) -> None:
    path = tmp_path / "upright.mp4"
    upright = CardPainter(180, 320).paint(5, 1000, flash=False)
    lying: NDArray[np.uint8] = np.ascontiguousarray(np.rot90(upright.to_ndarray(format="rgb24"), -1))
    with av.open(str(path), "w") as film:
        stream: Any = film.add_stream("libx264", 30, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.set_display_rotation(90)
        film.mux(stream.encode(av.VideoFrame.from_ndarray(lying)))
        film.mux(stream.encode(None))
    with av.open(str(path)) as film:
        frame = next(film.decode(video=0))
    assert frame.rotation == 90
    assert read_strip(Letterbox(180, 320).fit(frame)) == (5, 1000)
