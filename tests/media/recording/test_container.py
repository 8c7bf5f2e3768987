from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from pycall.media.recording.container import Container
from pycall.media.recording.file import RecordingFile
from tests.media.recording.footage import numbered, plain, read_back, tone

ENDINGS = {".mp4": ("h264", "aac"), ".mkv": ("h264", "opus"), ".webm": ("vp8", "opus")}
SIZE = (320, 240)
FPS = 30


def write(path: Path, seconds: float, *, picture_times: list[float] | None = None) -> None:
    """A whole recording of numbered pictures and a tone."""
    file = RecordingFile(path)
    container = Container(file, path.suffix, SIZE, FPS)
    times = picture_times if picture_times is not None else [i / FPS for i in range(int(seconds * FPS))]
    waiting = list(enumerate(times))
    for block in range(int(seconds * 50)):
        while waiting and waiting[0][1] <= block / 50:
            number, at = waiting.pop(0)
            container.write_picture(numbered(number, at, SIZE).frame, at)
        container.write_sound(tone(block / 50).samples)
    for number, at in waiting:
        container.write_picture(numbered(number, at, SIZE).frame, at)
    container.close()
    file.close()


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_holds_all_pictures_and_all_sound(ending: str, tmp_path: Path) -> None:
    write(tmp_path / f"call{ending}", 3)
    footage = read_back(tmp_path / f"call{ending}")
    assert footage.codecs == ENDINGS[ending]
    assert footage.size == SIZE
    assert [number for _, number in footage.numbers()] == list(range(90))
    assert footage.duration == pytest.approx(3, abs=0.05)
    assert footage.loudness(0.5, 2.5) == pytest.approx(8000 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("ending", ENDINGS)
def test_pictures_keep_their_own_times(ending: str, tmp_path: Path) -> None:
    times = [0.0, 0.05, 0.0507, 0.4, 0.4, 0.3, 1.7, 2.9]
    write(tmp_path / f"call{ending}", 3, picture_times=times)
    first_shown: dict[int, float] = {}
    for time, number in read_back(tmp_path / f"call{ending}").numbers():
        assert time > max(first_shown.values(), default=-1)
        first_shown.setdefault(number, time)
    offset = first_shown[7] - 2.9
    assert 0 <= offset < 0.03
    assert [first_shown[number] - offset for number in range(1, 8)] == pytest.approx(
        [0.05, 0.051, 0.4, 0.401, 0.402, 1.7, 2.9], abs=0.0011
    )


def test_a_picture_that_stands_still_is_written_again_twice_a_second(tmp_path: Path) -> None:
    write(tmp_path / "call.mkv", 3, picture_times=[0.0, 2.2])
    read = read_back(tmp_path / "call.mkv").numbers()
    assert [number for _, number in read] == [0, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("ending", ENDINGS)
def test_one_can_seek_to_every_second_second(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"call{ending}"
    write(path, 8)
    with av.open(path) as container:
        video = container.streams.video[0]
        for wanted in (7.0, 1.0, 5.5, 3.0):
            container.seek(int(wanted * 1_000_000))
            time = next(container.decode(video)).time
            assert time is not None
            assert wanted - 2.2 < time <= wanted + 0.1


def test_an_mp4_ends_as_a_plain_file_with_one_index(tmp_path: Path) -> None:
    path = tmp_path / "call.mp4"
    write(path, 2)
    assert boxes(path.read_bytes()) == ["ftyp", "free", "mdat", "moov"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_was_written_so_far_can_be_read(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"call{ending}"
    file = RecordingFile(path)
    container = Container(file, ending, SIZE, FPS)
    for number in range(8 * FPS):
        container.write_picture(numbered(number, 0, SIZE).frame, number / FPS)
        container.write_sound(tone(number / FPS, count=1600).samples)
        if number % 47 == 46:
            copy = tmp_path / f"copy{ending}"
            copy.write_bytes(path.read_bytes())
            footage = read_back(copy)
            numbers = [number for _, number in footage.numbers()]
            assert numbers == list(range(len(numbers)))
            assert number / FPS - numbers[-1] / FPS < 0.5
            assert number / FPS - footage.duration < 0.5
    container.close()
    file.close()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_frozen_picture_does_not_hold_the_sound_back(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"call{ending}"
    file = RecordingFile(path)
    container = Container(file, ending, SIZE, FPS)
    container.write_picture(plain(*SIZE, 100), 0)
    for block in range(500):
        container.write_sound(tone(block / 50).samples)
    copy = tmp_path / f"copy{ending}"
    copy.write_bytes(path.read_bytes())
    assert read_back(copy).duration > 10 - 1
    container.close()
    file.close()


def boxes(data: bytes) -> list[str]:
    """The types of the outermost boxes of an MP4 (ISO/IEC 14496-12 section 4.2)."""
    found = []
    position = 0
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        found.append(data[position + 4 : position + 8].decode())
        position += length
    return found
