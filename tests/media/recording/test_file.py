from __future__ import annotations

import os
from pathlib import Path

import pytest

from pycall.errors import RecordingFailed
from pycall.media.recording.file import RecordingFile
from tests.media.recording.disk import small_disk

__all__ = ["small_disk"]


def test_what_is_written_is_in_the_file_at_once(tmp_path: Path) -> None:
    file = RecordingFile(tmp_path / "call.mp4")
    assert file.write(b"hello world") == 11
    assert file.tell() == 11
    file.seek(0)
    file.write(b"J")
    assert (tmp_path / "call.mp4").read_bytes() == b"Jello world"
    file.check_written()
    file.check_place()
    file.close()
    file.close()


def test_a_file_with_content_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "call.mp4").write_bytes(b"precious")
    with pytest.raises(RecordingFailed, match="already"):
        RecordingFile(tmp_path / "call.mp4")
    assert (tmp_path / "call.mp4").read_bytes() == b"precious"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"")
    (tmp_path / "call.mp4").symlink_to(tmp_path / "target")
    with pytest.raises(RecordingFailed):
        RecordingFile(tmp_path / "call.mp4")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingFailed):
        RecordingFile(tmp_path / "missing" / "call.mp4")


@pytest.mark.parametrize("what", ["deleted", "moved", "replaced", "folder"])
def test_a_file_that_is_no_longer_there_is_noticed(what: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "call.mp4"
    file = RecordingFile(path)
    file.write(b"x")
    match what:
        case "deleted":
            path.unlink()
        case "moved":
            path.rename(folder / "elsewhere.mp4")
        case "replaced":
            path.rename(folder / "elsewhere.mp4")
            path.write_bytes(b"x")
        case _:
            folder.rename(tmp_path / "elsewhere")
    file.check_written()
    with pytest.raises(RecordingFailed, match="moved or deleted"):
        file.check_place()
    file.close()


def test_a_write_that_fails_cuts_the_file_back_and_ends_all_writing(small_disk: Path) -> None:
    path = small_disk / "call.mp4"
    file = RecordingFile(path)
    file.write(b"beginning")
    file.mark()
    file.write(b"half a piece")
    file.write(bytes(5_000_000))
    file.seek(0)
    assert file.write(b"destroyed") == 9
    assert path.read_bytes() == b"beginning"
    with pytest.raises(RecordingFailed, match="disk is full"):
        file.check_written()
    file.close()


def test_little_space_ends_a_recording_before_the_disk_is_full(small_disk: Path) -> None:
    file = RecordingFile(small_disk / "call.mp4")
    file.check_place()
    (small_disk / "ballast").write_bytes(bytes(3_900_000))
    with pytest.raises(RecordingFailed, match="almost full"):
        file.check_place()
    file.close()


def test_the_file_is_not_inherited_by_other_programs(tmp_path: Path) -> None:
    file = RecordingFile(tmp_path / "call.mp4")
    assert not os.get_inheritable(file._fd)
    file.close()
