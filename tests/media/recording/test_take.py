from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from pycall.media.frames import SAMPLE_RATE, Picture, Sound
from pycall.media.recording.composition import Composition, Layout
from pycall.media.recording.file import RecordingFile
from pycall.media.recording.inbox import Side
from pycall.media.recording.take import Take
from tests.media.recording.footage import NOISE, Footage, numbered, plain, read_back, silence, tone

FPS = 30
SIZE = (320, 240)
START = 5000.0

Item = tuple[Side, Picture | Sound]


def record(path: Path, items: Iterable[Item], layout: Layout = "remote") -> Footage:
    """Record ``items`` in the order of their times and read the file back."""
    ordered = sorted(items, key=lambda item: item[1].time)
    file = RecordingFile(path)
    take = Take(file, path.suffix, Composition(layout, SIZE, FPS), FPS, ordered[0][1].time)
    for side, item in ordered:
        take.add(side, item)
    take.close()
    file.check_written()
    file.close()
    return read_back(path)


def pictures(side: Side, begin: float, end: float, fps: float = FPS, luma: int = 90) -> list[Item]:
    count = round((end - begin) * fps)
    first = round(begin * fps)
    return [(side, numbered(first + i, START + begin + i / fps, SIZE, luma)) for i in range(count)]


def voice(side: Side, begin: float, end: float, hertz: float = 440) -> list[Item]:
    return [(side, tone(START + begin + i / 50, hertz)) for i in range(round((end - begin) * 50))]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_a_flash_and_a_click_stay_together(ending: str, tmp_path: Path) -> None:
    at = (1.0, 2.5, 4.0)
    items: list[Item] = []
    for i in range(5 * FPS):
        bright = any(0 <= i / FPS - each < 0.09 for each in at)
        items.append(("remote", Picture(plain(*SIZE, 230 if bright else 20), START + i / FPS)))
    for i in range(5 * 50):
        loud = any(0 <= i / 50 - each < 0.09 for each in at)
        items.append(("remote", tone(START + i / 50, 1000) if loud else silence(START + i / 50)))
        items.append(("local", silence(START + i / 50 - 0.033)))
    footage = record(tmp_path / f"call.{ending}", items)
    flashes = rises([time for time, luma in footage.pictures if luma.mean() > 120])
    clicks = rises((np.flatnonzero(np.abs(footage.sound) > 3000) / SAMPLE_RATE).tolist())
    assert len(flashes) == len(clicks) == 3
    for flash, click in zip(flashes, clicks, strict=True):
        assert abs(flash - click) < 0.02


@pytest.mark.parametrize("fps", [7, 30, 60])
def test_each_far_picture_is_there_once_at_its_time(fps: int, tmp_path: Path) -> None:
    chance = np.random.default_rng(5)
    times = np.sort(START + np.arange(3 * fps) / fps + chance.uniform(0, 0.9 / fps, 3 * fps))
    shown: list[Item] = [("remote", numbered(i, float(time), SIZE)) for i, time in enumerate(times)]
    footage = record(tmp_path / "call.mkv", [*shown, *voice("remote", 0, 3)])
    read = footage.numbers()
    assert [number for _, number in read] == list(range(3 * fps))
    expected = times - min(START, times[0])
    assert [time for time, _ in read[1:]] == pytest.approx(expected[1:].tolist(), abs=0.012)


def test_a_freeze_is_a_freeze(tmp_path: Path) -> None:
    items = [*pictures("remote", 0, 1), *pictures("remote", 3, 4), *voice("remote", 0, 4)]
    read = record(tmp_path / "call.mp4", items).numbers()
    frozen = [number for time, number in read if 0.98 < time < 3.02]
    assert set(frozen) == {29}
    assert [number for _, number in read] == [*range(29), *frozen, *range(90, 120)]


def test_silence_fills_what_was_not_heard(tmp_path: Path) -> None:
    items = [*pictures("remote", 0, 5), *voice("remote", 1, 2), *voice("local", 3, 4)]
    footage = record(tmp_path / "call.mp4", items)
    assert footage.duration == pytest.approx(5, abs=0.1)
    assert footage.loudness(0.1, 0.9) < NOISE
    assert footage.loudness(1.1, 1.9) > 5000
    assert footage.loudness(2.1, 2.9) < NOISE
    assert footage.loudness(3.1, 3.9) > 5000
    assert footage.loudness(4.1, 4.9) < NOISE


def test_both_voices_are_heard(tmp_path: Path) -> None:
    items = [*voice("remote", 0, 3, 500), *voice("local", 0, 3, 1500)]
    footage = record(tmp_path / "call.mkv", items)
    part = footage.sound[SAMPLE_RATE : 2 * SAMPLE_RATE].astype(float)
    spectrum = np.abs(np.fft.rfft(part)) / (len(part) / 2)
    assert spectrum[500] == pytest.approx(8000, rel=0.1)
    assert spectrum[1500] == pytest.approx(8000, rel=0.1)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_sound_alone_is_recorded_over_black(ending: str, tmp_path: Path) -> None:
    footage = record(tmp_path / f"call.{ending}", voice("remote", 0, 3))
    assert footage.duration == pytest.approx(3, abs=0.1)
    assert all(luma.max() <= 20 for _, luma in footage.pictures)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_pictures_alone_are_recorded_with_silence(ending: str, tmp_path: Path) -> None:
    footage = record(tmp_path / f"call.{ending}", pictures("remote", 0, 3))
    assert len(footage.numbers()) == 90
    assert footage.duration == pytest.approx(3, abs=0.1)
    assert footage.loudness(0, 2.9) < NOISE


def test_before_a_late_first_picture_it_is_black(tmp_path: Path) -> None:
    footage = record(tmp_path / "call.mkv", [*voice("remote", 0, 3), *pictures("remote", 2, 3)])
    assert footage.pictures[0][1].max() <= 20
    time, number = footage.numbers()[0]
    assert time == pytest.approx(2, abs=0.01)
    assert number == 60


def test_a_first_picture_right_after_the_first_sound_stands_at_the_beginning(tmp_path: Path) -> None:
    late = Picture(plain(*SIZE, 200), START + 0.05)
    footage = record(tmp_path / "call.mkv", [*voice("remote", 0, 1), ("remote", late)])
    assert footage.pictures[0][0] == pytest.approx(0, abs=0.01)
    assert footage.pictures[0][1].mean() > 190


def test_together_the_near_picture_moves_on_while_the_far_one_is_frozen(tmp_path: Path) -> None:
    items = [*pictures("remote", 0, 1), *pictures("local", 0, 3, luma=200), *voice("remote", 0, 3)]
    footage = record(tmp_path / "call.mp4", items, "together")
    assert footage.size == (640, 240)
    far = footage.numbers((0, 0, 320, 240))
    near = footage.numbers((320, 0, 320, 240))
    assert sorted({number for _, number in far}) == list(range(30))
    assert far[-1][1] == 29
    assert far[-1][0] > 2.9
    assert {number for _, number in near} >= set(range(32, 90))


def test_the_far_picture_may_change_its_size(tmp_path: Path) -> None:
    items: list[Item] = []
    for second, size in enumerate([(320, 240), (160, 120), (640, 360), (180, 320)]):
        items += [("remote", numbered(second * FPS + i, START + second + i / FPS, size)) for i in range(FPS)]
    footage = record(tmp_path / "call.mp4", items)
    numbers = [number for _, number in footage.numbers()[: 2 * FPS]]
    assert numbers == list(range(2 * FPS))
    assert len(footage.pictures) == 4 * FPS
    wide = {number for _, number in footage.numbers((0, 30, 320, 180))}
    assert wide >= set(range(2 * FPS, 3 * FPS))
    tall = footage.numbers((92, 0, 134, 240))
    assert {number for _, number in tall} & set(range(3 * FPS, 4 * FPS))


@pytest.mark.parametrize("layout", ["together", "remote", "local"])
@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_after_a_crash_all_but_the_last_moments_can_be_read(
    layout: Layout, ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"call.{ending}"
    items = [*voice("remote", 0, 3), *voice("remote", 3.5, 5)]
    for begin, end in [(0, 2), (4, 5)]:
        items += [*pictures("remote", begin, end), *pictures("local", begin, end)]
    items.sort(key=lambda item: item[1].time)
    file = RecordingFile(path)
    take = Take(file, f".{ending}", Composition(layout, SIZE, FPS), FPS, START)
    moments = [0.8, 1.3, 2.2, 2.7, 3.1, 3.6, 3.99, 4.4, 4.9]
    for side, item in items:
        take.add(side, item)
        if moments and item.time - START >= moments[0]:
            moment = moments.pop(0)
            copy = tmp_path / f"copy.{ending}"
            copy.write_bytes(path.read_bytes())
            footage = read_back(copy)
            assert footage.duration > moment - 1.5
            assert footage.pictures[-1][0] > moment - 2  # while frozen the picture is written twice a second
    take.close()
    file.close()


def rises(times: list[float]) -> list[float]:
    """The first of each group of times."""
    return [time for i, time in enumerate(times) if i == 0 or time - times[i - 1] > 0.5]
