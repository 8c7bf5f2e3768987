from __future__ import annotations

import errno
import random
import shutil
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pycall.errors import ConfigError, RecordingFailed
from pycall.media.frames import Picture
from pycall.media.recording.composition import Layout
from pycall.media.recording.file import RecordingFile
from pycall.media.recording.recorder import Recorder
from tests.media.recording.disk import small_disk
from tests.media.recording.footage import numbered, plain, read_back, tone

pytestmark = pytest.mark.integration

__all__ = ["small_disk"]

FPS = 30
SIZE = (320, 240)


@dataclass
class Told:
    """What a recorder said."""

    notices: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    failures: list[RecordingFailed] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def notice(self, code: str, sentence: str) -> None:
        assert sentence.endswith(".")
        self.notices.append(code)
        self.sentences.append(sentence)

    def failed(self, failure: RecordingFailed) -> None:
        self.threads.add(threading.current_thread().name)
        self.failures.append(failure)


def recorder_for(path: Path, told: Told, layout: Layout = "remote", size: tuple[int, int] = SIZE) -> Recorder:
    return Recorder(path, layout=layout, size=size, fps=FPS, notice=told.notice, on_failed=told.failed)


def feed(recorder: Recorder, seconds: float, *, noise: bool = False) -> None:
    """Give far and near media in real time, until ``seconds`` are over."""
    start = time.monotonic()
    chance = np.random.default_rng(1)
    number = block = 0
    while (now := time.monotonic() - start) < seconds:
        while block / 50 <= now:
            recorder.remote_sound(tone(start + block / 50))
            recorder.local_sound(tone(start + block / 50 - 0.02, 1000))
            block += 1
        while number / FPS <= now:
            picture = numbered(number, start + number / FPS, SIZE)
            if noise:
                luma = np.frombuffer(memoryview(picture.frame.planes[0]), np.uint8)
                luma[:] = chance.integers(16, 235, len(luma))
            recorder.remote_picture(picture)
            recorder.local_picture(numbered(number, picture.time - 0.02, SIZE, 200))
            number += 1
        time.sleep(0.005)


def feed_until_told(recorder: Recorder, told: Told, *, noise: bool = False) -> None:
    deadline = time.monotonic() + 15
    while not told.failures:
        assert time.monotonic() < deadline, "nothing was reported"
        feed(recorder, 0.1, noise=noise)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_a_call_is_recorded_while_it_goes_on(ending: str, tmp_path: Path) -> None:
    told = Told()
    recorder = recorder_for(tmp_path / f"call.{ending}", told, "together")
    recorder.start()
    feed(recorder, 2)
    recorder.stop()
    footage = read_back(recorder.path)
    assert footage.size == (640, 240)
    assert footage.duration == pytest.approx(2, abs=0.2)
    assert footage.loudness(0.5, 1.5) > 5000
    numbers = {number for _, number in footage.numbers((0, 0, 320, 240))}
    assert len(numbers) > 20
    assert stat.S_IMODE(recorder.path.stat().st_mode) == 0o600
    assert not told.failures


def test_nothing_recorded_leaves_no_file(tmp_path: Path) -> None:
    told = Told()
    recorder = recorder_for(tmp_path / "call.mp4", told)
    recorder.start()
    recorder.stop()
    recorder.stop()
    assert not list(tmp_path.iterdir())
    assert not told.failures


def test_what_comes_before_the_start_and_after_the_stop_is_not_recorded(tmp_path: Path) -> None:
    recorder = recorder_for(tmp_path / "call.mkv", Told())
    recorder.remote_picture(numbered(1, 1.0, SIZE))
    recorder.start()
    recorder.remote_picture(numbered(2, 2.0, SIZE))
    recorder.stop()
    recorder.remote_picture(numbered(3, 3.0, SIZE))
    assert [number for _, number in read_back(recorder.path).numbers()] == [2]


def test_a_recorder_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    recorder_for(tmp_path / "call.mkv", Told()).stop()
    assert not list(tmp_path.iterdir())


def test_an_existing_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "call.mp4").write_bytes(b"precious")
    with pytest.raises(RecordingFailed):
        recorder_for(tmp_path / "call.mp4", Told()).start()
    assert (tmp_path / "call.mp4").read_bytes() == b"precious"


def test_an_unknown_ending_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        recorder_for(tmp_path / "call.avi", Told())


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_a_machine_that_is_too_slow_leaves_out_pictures_but_no_sound(ending: str, tmp_path: Path) -> None:
    told = Told()
    recorder = recorder_for(tmp_path / f"call.{ending}", told, size=(1280, 720))
    recorder.start()
    for i in range(300):  # ten seconds at once
        recorder.remote_picture(Picture(plain(1280, 720, i % 200 + 20), 100 + i / FPS))
        recorder.remote_sound(tone(100 + i / FPS, count=1600))
    recorder.stop()
    footage = read_back(recorder.path)
    assert footage.duration == pytest.approx(10, abs=0.1)
    assert all(footage.loudness(i, i + 0.5) > 5000 for i in range(10))
    assert len(footage.pictures) < 300
    assert told.notices == ["recording-slow"]
    assert not told.failures


def test_a_picture_left_out_now_and_then_is_nothing_to_tell(tmp_path: Path) -> None:
    told = Told()
    recorder = recorder_for(tmp_path / "call.mkv", told)
    recorder.start()
    for left_out, given in ((1, 20), (2, 20)):
        recorder._inbox._left_out, recorder._inbox._given = left_out, given
        recorder._tell_what_is_missing()
    recorder.stop()
    assert told.sentences == [
        "The machine is too slow to record every picture: 2 of the 20 pictures of the last 1 s were left out."
    ]


@pytest.mark.parametrize("what", ["deleted", "moved", "folder"])
def test_a_file_that_goes_away_is_reported_and_what_was_moved_is_whole(what: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    told = Told()
    recorder = recorder_for(folder / "call.mp4", told)
    recorder.start()
    feed(recorder, 0.5)
    kept = {"deleted": None, "moved": tmp_path / "kept.mp4", "folder": tmp_path / "kept" / "call.mp4"}[what]
    match what:
        case "deleted":
            recorder.path.unlink()
        case "moved":
            recorder.path.rename(tmp_path / "kept.mp4")
        case _:
            folder.rename(tmp_path / "kept")
    feed_until_told(recorder, told)
    feed(recorder, 0.1)
    recorder.stop()
    assert [failure.code for failure in told.failures] == ["recording-failed"]
    assert "moved or deleted" in told.failures[0].message
    assert told.threads == {"pycall-recorder"}
    if kept:
        assert read_back(kept).duration > 0.4


def test_whoever_is_told_of_a_failure_may_stop_the_recorder_right_there(tmp_path: Path) -> None:
    told = Told()
    stopped = threading.Event()

    def failed(failure: RecordingFailed) -> None:
        told.failed(failure)
        recorder.stop()
        stopped.set()

    recorder = Recorder(
        tmp_path / "call.mp4", layout="remote", size=SIZE, fps=FPS, notice=told.notice, on_failed=failed
    )
    recorder.start()
    recorder.path.unlink()
    feed(recorder, 0.1)
    assert stopped.wait(5)
    assert len(told.failures) == 1


@pytest.mark.parametrize(
    ("error", "told_of"),
    [(OSError(errno.ESTALE, "Stale file handle"), "writing failed (Stale"), (KeyError("x"), "a fault in")],
)
def test_whatever_breaks_a_recording_is_reported(
    error: Exception,
    told_of: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    faults: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(RecordingFile, "mark", fail)
    told = Told()
    recorder = recorder_for(tmp_path / "call.mp4", told)
    recorder.start()
    feed_until_told(recorder, told)
    recorder.stop()
    assert told_of in told.failures[0].message
    assert len(told.failures) == 1
    assert len(faults.messages) == isinstance(error, KeyError)


@pytest.mark.integration
@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_a_disk_that_fills_up_ends_the_recording_before_it_is_full(ending: str, small_disk: Path) -> None:
    told = Told()
    recorder = recorder_for(small_disk / f"call.{ending}", told)
    recorder.start()
    feed(recorder, 0.5)
    (small_disk / "ballast").write_bytes(bytes(3_800_000))
    feed_until_told(recorder, told)
    recorder.stop()
    assert "almost full" in told.failures[0].message
    footage = read_back(recorder.path)
    assert footage.duration > 0.4
    assert footage.numbers()


@pytest.mark.integration
@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_a_disk_full_all_at_once_leaves_what_was_recorded(ending: str, small_disk: Path) -> None:
    told = Told()
    recorder = recorder_for(small_disk / f"call.{ending}", told)
    recorder.start()
    feed(recorder, 1.5)
    fill(small_disk / "ballast")
    feed_until_told(recorder, told, noise=True)
    recorder.stop()
    assert len(told.failures) == 1
    assert "full" in told.failures[0].message
    footage = read_back(recorder.path)
    assert footage.duration > 1
    assert footage.numbers()


@pytest.mark.integration
def test_a_folder_that_is_unmounted_is_reported(small_disk: Path) -> None:
    told = Told()
    recorder = recorder_for(small_disk / "call.mp4", told)
    recorder.start()
    feed(recorder, 0.3)
    subprocess.run(["umount", "--lazy", small_disk], check=True)
    feed_until_told(recorder, told)
    recorder.stop()
    assert len(told.failures) == 1


@pytest.mark.integration
@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_a_recorder_killed_at_any_moment_leaves_a_file_that_lacks_two_seconds_at_most(
    ending: str, tmp_path: Path
) -> None:
    chance = random.Random(ending)
    layouts: list[Layout] = ["together", "remote", "local"]
    moments = [(chance.uniform(0.6, 5), tmp_path / f"{i}.{ending}", layouts[i % 3]) for i in range(10)]
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(kill_after, *zip(*moments, strict=True)))
    for seconds, (_, path, _) in zip(given, moments, strict=True):
        footage = read_back(path)
        assert seconds - footage.duration < 2
        if seconds >= 2:  # before, all may be lost
            assert seconds - footage.pictures[-1][0] < 2
            assert footage.numbers((0, 0, *SIZE))[-1][1] >= (seconds - 2) * FPS


def kill_after(seconds: float, path: Path, layout: Layout) -> float:
    """Record in another process, kill it, and return how many seconds it had given to its recorder."""
    command = [sys.executable, "-m", "tests.media.recording.endless_recording", str(path), layout]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        given = 0.0
        try:
            while given < seconds:
                given = float(process.stdout.readline())
        finally:
            process.kill()
        rest = process.stdout.read().split()
    return float(rest[-1]) if rest else given


def fill(ballast: Path) -> None:
    """Write until the disk has no byte left."""
    with ballast.open("wb", buffering=0) as file:
        while shutil.disk_usage(ballast.parent).free:
            file.write(bytes(4096))
