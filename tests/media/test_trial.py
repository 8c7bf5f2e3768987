from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from pycall.errors import DeviceNotFound, MediaError
from pycall.media.spec import Off, Test
from pycall.media.testsignals.strip import read_strip
from pycall.media.testsignals.testcard import CardPainter
from pycall.media.trial import FLOOR_DB, peak_db, png, try_camera, try_microphone

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("peak", "level"), [(0, FLOOR_DB), (1, -90.3), (-3277, -20.0), (-32768, 0.0), (32767, 0.0)]
)
def test_levels_are_in_decibels_of_full_scale(peak: int, level: float) -> None:
    assert peak_db(np.array([0, peak, 0], np.int16)) == pytest.approx(level, abs=0.05)


def test_a_picture_survives_as_png(tmp_path: Path) -> None:
    path = tmp_path / "card.png"
    path.write_bytes(png(CardPainter(320, 240).paint(5, 1234, flash=False)))
    with av.open(str(path)) as image:
        frame = next(image.decode(video=0))
    assert (frame.width, frame.height) == (320, 240)
    assert read_strip(frame) == (5, 1234)


def test_no_snapshot_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "snapshot.png").touch()
    name, path = try_camera(Test(), tmp_path / "snapshot.png")
    assert name == "test picture"
    assert path == tmp_path / "snapshot-2.png"
    assert (tmp_path / "snapshot.png").stat().st_size == 0


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"cannot be saved as .*: No such file or directory\."):
        try_camera(Test(), tmp_path / "nowhere/snapshot.png")


def test_listening_shows_the_level(tmp_path: Path) -> None:
    levels: list[float] = []
    name, loudest = try_microphone(Test(), 0.5, levels.append)
    assert name == "test tones"
    assert loudest == max(levels)
    assert -30 < loudest < -3


def test_nothing_is_tried_where_nothing_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DeviceNotFound):
        try_camera(Off(), tmp_path / "snapshot.png")
    with pytest.raises(DeviceNotFound):
        try_microphone(Off(), 1.0, lambda _: None)
