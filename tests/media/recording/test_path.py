from __future__ import annotations

import os
import stat
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from pycall.errors import ConfigError, RecordingFailed
from pycall.media.recording.path import discard_unused, free_floor, prepare_path
from tests.media.recording.disk import small_disk

__all__ = ["small_disk"]

WHEN = datetime(2026, 3, 1, 14, 25, 30)  # noqa: DTZ001  a name in the reader's own time


def test_the_path_as_given_is_reserved_and_returned_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert prepare_path(Path("call.mp4"), "garden", WHEN) == tmp_path / "call.mp4"
    assert (tmp_path / "call.mp4").stat().st_size == 0


def test_nothing_is_ever_overwritten_a_number_is_added(tmp_path: Path) -> None:
    (tmp_path / "call.mkv").write_bytes(b"precious")
    (tmp_path / "call-2.mkv").symlink_to(tmp_path / "nowhere")
    assert prepare_path(tmp_path / "call.mkv", "garden", WHEN).name == "call-3.mkv"
    assert prepare_path(tmp_path / "call.mkv", "garden", WHEN).name == "call-4.mkv"
    assert (tmp_path / "call.mkv").read_bytes() == b"precious"
    assert not (tmp_path / "nowhere").exists()


def test_a_recording_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = prepare_path(tmp_path / "call.webm", "garden", WHEN)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_name_it_is_room_and_date_in_a_folder_made_for_it(tmp_path: Path) -> None:
    path = prepare_path(None, "garden", WHEN, tmp_path / "recordings")
    assert path == tmp_path / "recordings" / "garden-2026-03-01-142530.mp4"
    assert path.exists()


@pytest.mark.parametrize(
    ("room", "name"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "call"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("küche.1", "küche.1"),
        ("a\x00b\nc\x1b[31m", "a_b_c__31m"),
        ("con:aux|*?", "con_aux___"),
        ("", "call"),
        ("\N{CUNEIFORM SIGN A}" * 64, "\N{CUNEIFORM SIGN A}" * 30),
    ],
)
def test_the_rooms_name_becomes_a_harmless_file_name(room: str, name: str, tmp_path: Path) -> None:
    assert prepare_path(None, room, WHEN, tmp_path) == tmp_path / f"{name}-2026-03-01-142530.mp4"


@pytest.mark.parametrize("name", ["call", "call.avi", ".mp4", "call.mp4.txt", "mp4"])
def test_an_unknown_ending_is_a_usage_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ending") as caught:
        prepare_path(tmp_path / name, "garden", WHEN)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


def test_the_ending_may_be_in_capitals(tmp_path: Path) -> None:
    assert prepare_path(tmp_path / "CALL.MP4", "garden", WHEN).name == "CALL.MP4"


def test_a_missing_folder_is_a_media_error_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(RecordingFailed, match="there is no folder") as caught:
        prepare_path(tmp_path / "missing" / "call.mp4", "garden", WHEN)
    assert caught.value.exit_code == 5
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_way_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "call.mp4").mkdir()
    with pytest.raises(RecordingFailed, match="it is a folder"):
        prepare_path(tmp_path / "call.mp4", "garden", WHEN)


def test_a_file_instead_of_the_folder_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("")
    with pytest.raises(RecordingFailed, match="part of the path is a file"):
        prepare_path(tmp_path / "notes" / "call.mp4", "garden", WHEN)
    with pytest.raises(RecordingFailed, match="part of the path is a file"):
        prepare_path(None, "garden", WHEN, tmp_path / "notes")


def test_a_name_too_long_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(RecordingFailed, match="the name is too long"):
        prepare_path(tmp_path / ("x" * 300 + ".mp4"), "garden", WHEN)


def test_a_name_no_system_takes_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a file name"):
        prepare_path(tmp_path / "a\0b.mp4", "garden", WHEN)


def test_a_read_only_disk_is_refused_even_for_root(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(RecordingFailed, match="read-only"):
        prepare_path(small_disk / "call.mp4", "garden", WHEN)


def test_a_disk_that_is_almost_full_is_refused_and_left_as_it_was(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(3_900_000))
    with pytest.raises(RecordingFailed, match="almost no free space"):
        prepare_path(small_disk / "call.mp4", "garden", WHEN)
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


def test_the_floor_is_smaller_on_a_small_disk() -> None:
    assert free_floor(20_000_000) == 2_000_000
    assert free_floor(10**12) == 50_000_000


def test_only_an_unused_file_is_discarded(tmp_path: Path) -> None:
    path = prepare_path(tmp_path / "call.mp4", "garden", WHEN)
    path.write_bytes(b"something")
    discard_unused(path)
    assert path.exists()
    path.write_bytes(b"")
    discard_unused(path)
    assert not path.exists()
    discard_unused(path)
