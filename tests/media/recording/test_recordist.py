from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from pycall.config import CallConfig
from pycall.core import events
from pycall.core.events import Event
from pycall.errors import ConfigError, RecordingFailed
from pycall.media.recording import recordist as module
from pycall.media.recording.recorder import Recorder
from pycall.media.recording.recordist import Feeds, Recordist
from pycall.media.testsignals.testcard import CardSource
from pycall.media.testsignals.tones import ToneSource
from tests.media.recording.footage import read_back
from tests.rig import wait_until

pytestmark = pytest.mark.integration

SIZE = (160, 120)
Make = Callable[..., Recordist]


@pytest.fixture
def feeds() -> Iterator[Feeds]:
    """Test pictures and tones on both sides."""
    with ExitStack() as sources:
        near, far = CardSource(SIZE, 15), CardSource(SIZE, 15)
        voice, answer = ToneSource(), ToneSource()
        for source in (near, far, voice, answer):
            sources.callback(source.close)
            source.start()
        yield Feeds(near.feed, voice.feed, far.feed, answer.feed)


@pytest.fixture
def shown() -> list[Event]:
    return []


@pytest.fixture
def make(feeds: Feeds, shown: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes a recordist for a config's changes, in an empty folder; closed at the end."""
    monkeypatch.chdir(tmp_path)
    with ExitStack() as made:

        def make(given: Feeds = feeds, **changes: object) -> Recordist:
            config = dataclasses.replace(CallConfig(size=SIZE, fps=15), **changes)  # type: ignore[arg-type]
            return made.enter_context(closing(Recordist(config, "den", given, shown.append)))

        yield make


def record(recordist: Recordist, path: Path) -> None:
    """Record until more than the head of the file is there."""
    recordist.start()
    wait_until(lambda: path.stat().st_size > 20_000)
    recordist.stop()


def states(shown: list[Event]) -> list[str]:
    return [event.state for event in shown if isinstance(event, events.Recording)]


def taps() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.endswith("-tap")]


def test_a_recording_is_begun_ended_and_playable(make: Make, shown: list[Event], tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    recordist = make(record=Path("out.mp4"))
    assert not recordist.recording
    recordist.start()
    assert recordist.recording
    assert len(taps()) == 4
    wait_until(lambda: path.stat().st_size > 20_000)  # more than its head
    recordist.stop()
    assert not recordist.recording
    assert taps() == []
    assert shown == [events.Recording("started", str(path)), events.Recording("stopped", str(path))]
    footage = read_back(path)
    assert footage.size == (320, 120)
    assert footage.pictures
    assert footage.loudness(0, footage.duration) > 300


def test_two_recordings_are_two_files_and_nothing_is_overwritten(
    make: Make, shown: list[Event], tmp_path: Path
) -> None:
    (tmp_path / "out.mkv").write_bytes(b"precious")
    recordist = make(record=Path("out.mkv"))
    record(recordist, tmp_path / "out-2.mkv")
    record(recordist, tmp_path / "out-3.mkv")
    assert (tmp_path / "out.mkv").read_bytes() == b"precious"
    assert all(read_back(tmp_path / f"out-{number}.mkv").pictures for number in (2, 3))
    assert states(shown) == ["started", "stopped"] * 2


@pytest.mark.parametrize("given", [True, False])
def test_without_a_name_it_is_made_from_the_room(make: Make, shown: list[Event], given: bool) -> None:
    recordist = make(record=given)
    recordist.start()
    recordist.stop()
    event = shown[0]
    assert isinstance(event, events.Recording)
    assert Path(event.path).parent == Path("recordings").absolute()
    assert Path(event.path).name.startswith("den-")


def test_a_reserved_file_is_the_first_to_be_recorded_into(make: Make, tmp_path: Path) -> None:
    recordist = make(record=Path("out.mp4"))
    recordist.reserve()
    assert (tmp_path / "out.mp4").stat().st_size == 0
    record(recordist, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_file_reserved_in_vain_is_removed(make: Make, shown: list[Event], tmp_path: Path) -> None:
    recordist = make(record=Path("out.mp4"))
    recordist.reserve()
    recordist.close()
    assert list(tmp_path.iterdir()) == []
    assert shown == []


def test_what_cannot_be_recorded_to_is_said_when_reserving(make: Make) -> None:
    with pytest.raises(RecordingFailed):
        make(record=Path("missing/out.mp4")).reserve()
    with pytest.raises(ConfigError):
        make(record=Path("out.avi")).reserve()


def test_beginning_and_ending_twice_is_the_same_as_once(
    make: Make, shown: list[Event], tmp_path: Path
) -> None:
    recordist = make(record=Path("out.mp4"))
    recordist.stop()
    recordist.start()
    recordist.start()
    wait_until(lambda: (tmp_path / "out.mp4").stat().st_size > 1000)
    recordist.stop()
    recordist.stop()
    recordist.close()
    assert states(shown) == ["started", "stopped"]


def test_who_sends_nothing_records_the_other_side(make: Make, feeds: Feeds, tmp_path: Path) -> None:
    alone = Feeds(None, None, feeds.remote_pictures, feeds.remote_sound)
    record(make(alone, record=Path("out.webm")), tmp_path / "out.webm")
    footage = read_back(tmp_path / "out.webm")
    assert footage.pictures
    assert footage.loudness(0, footage.duration) > 300


def test_one_that_breaks_off_is_announced_once_and_the_next_can_begin(
    make: Make, shown: list[Event], tmp_path: Path
) -> None:
    recordist = make(record=Path("out.mp4"))
    recordist.start()
    (tmp_path / "out.mp4").unlink()
    wait_until(lambda: not recordist.recording)
    wait_until(lambda: len(shown) == 3)
    notice = shown[1]
    assert isinstance(notice, events.Notice)
    assert notice.code == "recording-failed"
    assert notice.message.endswith("The call goes on.")
    assert states(shown) == ["started", "failed"]
    record(recordist, tmp_path / "out.mp4")
    assert states(shown) == ["started", "failed", "started", "stopped"]
    assert taps() == []


def test_one_that_breaks_at_its_first_picture_is_announced_in_order(
    make: Make, feeds: Feeds, tmp_path: Path
) -> None:
    """Whoever is shown that it began may take a moment."""
    shown: list[Event] = []

    def show(event: Event) -> None:
        if states([event]) == ["started"]:
            (tmp_path / "out.mp4").unlink()
            reader = feeds.remote_pictures.subscribe(5)
            assert all(reader.get(10) for _ in range(5))
            reader.close()
        shown.append(event)

    recordist = make(record=Path("out.mp4"))
    recordist._show = show
    recordist.start()
    wait_until(lambda: len(shown) == 3)
    assert states(shown) == ["started", "failed"]


class BreaksAtItsEnd(Recorder):
    """Ends as one does whose disk is full when the rest is written."""

    def stop(self) -> None:
        super().stop()
        self._on_failed(RecordingFailed("The disk is full."))


def test_an_end_that_cannot_be_written_is_told_as_a_failure(
    make: Make, shown: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "Recorder", BreaksAtItsEnd)
    record(make(record=Path("out.mp4")), tmp_path / "out.mp4")
    assert states(shown) == ["started", "failed"]
    assert events.Notice("recording-failed", "The disk is full. The call goes on.") in shown
