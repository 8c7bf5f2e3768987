from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pycall.config import CallConfig
from pycall.core import events
from pycall.core.events import Event
from pycall.errors import DeviceNotFound, RecordingFailed
from pycall.media.feed import Feed
from pycall.media.frames import Picture, Sound
from pycall.media.keeper import OpeningCancelledError
from pycall.media.studio import Studio
from pycall.media.testsignals.strip import luma_of
from tests.media.recording.footage import plain, read_back, tone
from tests.rig import Pulse, needs, wait_until

pytestmark = pytest.mark.integration

QUIET = CallConfig(camera="test", microphone="test", speaker="none", display="none", size=(160, 120), fps=15)
MEETING = (
    events.Joined("den", "a", False),
    events.PeerJoined("b", "Bob"),
    events.Connected("direct", "host", "host", "udp", 0.1),
)
LEFT = events.PeerLeft("b", "left")


class Call:
    """A studio in a call: what happens is noted, as the session does, and remembered."""

    def __init__(self, **changes: object) -> None:
        self.shown: list[Event] = []
        self.wishes: list[str] = []
        self.threads: set[threading.Thread] = set()
        config = dataclasses.replace(QUIET, **changes)  # type: ignore[arg-type]
        self.studio = Studio(config, "den", own_name="Ann", show=self._show, wish=self._wish)

    def happens(self, *happened: Event) -> None:
        for event in happened:
            self._show(event)

    def told(self) -> list[str]:
        """What became of recordings, and what was noticed."""
        return [
            event.state if isinstance(event, events.Recording) else event.code
            for event in self.shown
            if isinstance(event, events.Recording | events.Notice)
        ]

    def recordings(self) -> list[Path]:
        """The files that were begun."""
        return [
            Path(event.path)
            for event in self.shown
            if isinstance(event, events.Recording) and event.state == "started"
        ]

    async def recorded(self, path: Path) -> None:
        """Wait until something is in the file."""
        await until(lambda: path.exists() and path.stat().st_size > 20_000)

    def _show(self, event: Event) -> None:
        self.threads.add(threading.current_thread())
        self.studio.note(event)
        self.shown.append(event)

    def _wish(self, key: str) -> None:
        self.threads.add(threading.current_thread())
        self.wishes.append(key)


async def until(condition: Callable[[], object]) -> None:
    await asyncio.to_thread(wait_until, condition)


@contextlib.asynccontextmanager
async def opened(**changes: object) -> AsyncIterator[Call]:
    """A call with its studio open; closed at the end."""
    call = Call(**changes)
    try:
        await call.studio.open()
        yield call
    finally:
        await call.studio.close()
    assert call.threads <= {threading.current_thread()}


async def brightness(feed: Feed[Picture] | None) -> float:
    """Of a picture that was not on its way already."""
    assert feed is not None
    reader = feed.subscribe(3)
    pictures = [await asyncio.to_thread(reader.get, 10) for _ in range(3)]
    reader.close()
    assert pictures[-1] is not None
    return float(luma_of(pictures[-1].frame).mean())


async def loudness(feed: Feed[Sound] | None) -> int:
    assert feed is not None
    reader = feed.subscribe(20)
    sounds = [await asyncio.to_thread(reader.get, 10) for _ in range(20)]
    reader.close()
    return max(int(abs(sound.samples).max()) for sound in sounds[10:] if sound is not None)


async def test_picture_and_sound_flow_from_the_opening_on() -> None:
    async with opened() as call:
        assert await brightness(call.studio.pictures) > 30
        assert await loudness(call.studio.sound) > 500
        assert call.shown == []


async def test_mute_sends_silence_and_camera_off_sends_black_until_they_are_undone() -> None:
    async with opened() as call:
        studio = call.studio
        assert (studio.muted, studio.camera_off) == (False, False)
        studio.muted = studio.camera_off = True
        assert await brightness(studio.pictures) == 16
        assert await loudness(studio.sound) == 0
        assert (studio.muted, studio.camera_off) == (True, True)
        studio.muted = studio.camera_off = False
        assert await brightness(studio.pictures) > 30
        assert await loudness(studio.sound) > 500


async def test_who_sends_nothing_can_still_be_muted() -> None:
    async with opened(camera="none", microphone="none") as call:
        assert call.studio.pictures is None
        assert call.studio.sound is None
        call.studio.muted = call.studio.camera_off = True
        assert (call.studio.muted, call.studio.camera_off) == (True, True)


async def test_a_default_that_is_missing_is_noticed_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    if Path("/proc/asound/cards").exists() or list(Path("/dev").glob("video*")):
        pytest.skip("this machine has devices")
    monkeypatch.setenv("PULSE_SERVER", "unix:/nowhere")
    monkeypatch.delenv("DISPLAY", raising=False)
    async with opened(camera="default", microphone="default", speaker="default", display="window") as call:
        await until(lambda: len(call.shown) == 4)
        assert call.told() == ["no-camera", "no-microphone", "no-speaker", "no-display"]
        assert call.studio.pictures is None
        assert call.studio.sound is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"camera": "No Such"}, DeviceNotFound),
        ({"microphone": "No Such"}, DeviceNotFound),
        ({"speaker": "No Such"}, DeviceNotFound),
        ({"record": Path("/nowhere/out.mp4")}, RecordingFailed),
    ],
)
async def test_what_is_asked_for_by_name_must_be_there(
    changes: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        async with opened(**changes):
            pass


async def test_a_studio_that_was_never_opened_can_be_closed() -> None:
    await Call().studio.close()


async def test_an_opening_that_is_cancelled_leaves_nothing() -> None:
    call = Call()
    opening = asyncio.create_task(call.studio.open())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await call.studio.close()


async def test_closing_does_not_wait_for_a_camera_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        call = Call(camera=f"rtsp://127.0.0.1:{silent.getsockname()[1]}/film", microphone="default")
        opening = asyncio.create_task(call.studio.open())
        client, _ = await asyncio.to_thread(silent.accept)
        closing = asyncio.create_task(call.studio.close())
        with pytest.raises(OpeningCancelledError):
            await opening
        await closing  # while the camera is still silent
        client.close()
    assert call.shown == []


async def test_after_closing_nothing_is_shown() -> None:
    async with opened() as call:
        pass
    call.studio._notice("after", "A device woke up.")
    await asyncio.sleep(0)
    assert call.told() == []


async def test_a_call_is_recorded_from_its_connecting_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    async with opened(record=path) as call:
        call.happens(*MEETING)
        await call.recorded(path)
        assert call.studio.recording
        await call.studio.finish()
        assert call.told() == ["started", "stopped"]
        assert not call.studio.recording
        await call.studio.finish()
    assert call.told() == ["started", "stopped"]
    assert read_back(path).pictures


async def test_with_stay_each_call_has_its_own_file(tmp_path: Path) -> None:
    async with opened(record=tmp_path / "out.mp4") as call:
        for name in ("out.mp4", "out-2.mp4"):
            call.happens(*MEETING)
            await call.recorded(tmp_path / name)
            call.happens(LEFT)
        await call.studio.finish()
    assert call.told() == ["started", "stopped"] * 2
    assert all(read_back(tmp_path / name).pictures for name in ("out.mp4", "out-2.mp4"))


async def test_the_sound_of_who_comes_next_is_not_held_for_the_pictures_of_who_left() -> None:
    async with opened() as call:
        call.happens(*MEETING)
        call.studio.incoming.playout.at_least_s = 0.2
        call.happens(LEFT)
        assert call.studio.incoming.playout.at_least_s == 0.0


async def test_a_file_is_given_back_when_nobody_came(tmp_path: Path) -> None:
    async with opened(record=tmp_path / "out.mp4") as call:
        assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
        call.happens(MEETING[0])
        await call.studio.finish()
    assert list(tmp_path.iterdir()) == []
    assert call.told() == []


async def test_recording_is_begun_and_ended_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened() as call:
        call.happens(*MEETING)
        for number in (1, 2):
            call.studio.toggle_recording()
            await until(lambda number=number: len(call.recordings()) == number)  # type: ignore[misc]
            await call.recorded(call.recordings()[-1])
            call.studio.toggle_recording()
        await call.studio.finish()
    first, second = call.recordings()
    assert first != second
    assert first.parent == second.parent == tmp_path / "recordings"
    assert all(read_back(path).pictures for path in (first, second))
    assert call.told() == ["started", "stopped"] * 2


async def test_a_second_press_undoes_the_first_however_quickly_it_comes(tmp_path: Path) -> None:
    async with opened(record=tmp_path / "out.mp4") as call:
        call.studio.toggle_recording()
        call.studio.toggle_recording()
        await call.studio.finish()
        assert call.told() == ["started", "stopped"]


async def test_a_recording_that_breaks_off_is_told_once_and_the_call_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    async with opened(record=path) as call:
        call.happens(*MEETING)
        await call.recorded(path)
        path.unlink()
        await until(lambda: "failed" in call.told())
        assert not call.studio.recording
        assert await brightness(call.studio.pictures) > 30
        await call.studio.finish()
    assert call.told() == ["started", "recording-failed", "failed"]


async def test_a_recording_that_cannot_begin_is_told_and_the_call_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    async with opened(record=folder / "out.mp4") as call:
        (folder / "out.mp4").unlink()
        folder.rmdir()
        call.happens(*MEETING)
        await until(call.told)
        assert call.told() == ["recording-failed"]
        assert await loudness(call.studio.sound) > 500


async def test_a_bug_in_a_recording_comes_out_at_the_end() -> None:
    class Broken:
        recording = False

        def start(self) -> None:
            raise KeyError("surprise")

        def stop(self) -> None:
            pass

    async with opened() as call:
        call.studio._recordist = Broken()  # type: ignore[assignment]
        call.studio.toggle_recording()
        with pytest.raises(KeyError):
            await call.studio.finish()


async def test_what_is_received_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    async with opened(camera="none", microphone="none", record=path, record_layout="remote") as call:
        call.happens(*MEETING)
        await until(lambda: call.studio.recording)
        incoming = call.studio.incoming
        loop = asyncio.get_running_loop()
        for number in range(50):
            incoming.picture(plain(160, 120, 200), loop.time())
            incoming.sound(tone(number / 50).samples, number * 960, loop.time())
            await asyncio.sleep(0.02)
        await call.studio.finish()
    footage = read_back(path)
    assert footage.size == (160, 120)
    assert max(picture.mean() for _, picture in footage.pictures) > 150
    assert footage.loudness(0, footage.duration) > 1_000


@pytest.mark.integration
@pytest.mark.parametrize("processed", [True, False])
async def test_a_microphone_and_a_speaker_take_part(pulse: Pulse, speech_wav: Path, processed: bool) -> None:
    async with opened(microphone="default", speaker="default", audio_processing=processed) as call:
        with pulse.playing(speech_wav):
            while await loudness(call.studio.sound) < 500:
                pass
        taps = [thread.name for thread in threading.enumerate() if thread.name == "pycall-echo-tap"]
        assert len(taps) == processed
        assert call.shown == []


@pytest.mark.integration
async def test_keys_of_the_window_are_wishes_and_its_end_ends_nothing(xvfb: str) -> None:
    async with opened(display="window") as call:
        call.happens(*MEETING)
        await asyncio.to_thread(press, "m")
        await until(lambda: call.wishes == ["m"])
        assert call.studio._display is not None
        call.studio._display._process.kill()
        await until(lambda: call.told() == ["display-lost"])
        assert await brightness(call.studio.pictures) > 30


def press(key: str) -> None:
    """Press a key in the window of the room."""
    xdotool = needs("xdotool", "xdotool")
    window = subprocess.check_output(
        [xdotool, "search", "--sync", "--name", "pycall - den"], text=True
    ).split()[-1]
    subprocess.run([xdotool, "windowfocus", "--sync", window, "key", key], check=True, timeout=20)
