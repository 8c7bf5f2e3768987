from __future__ import annotations

from pathlib import Path

import pytest

from pycall.errors import DeviceNotFound
from pycall.media.frames import BLOCK, Picture, Sound
from pycall.media.sources.opening import open_sources
from pycall.media.sources.player import PlayedPictures, PlayedSound
from pycall.media.spec import Default, Device, File, Off, Screen, Test
from tests.rig import Pulse


def opened(
    *specs: object, notices: list[tuple[str, str]] | None = None
) -> tuple[Picture | None, Sound | None]:
    """The first picture and the first sound of two specs."""
    told = [] if notices is None else notices
    sources = open_sources(*specs, size=(320, 240), fps=30, notice=lambda *notice: told.append(notice))  # type: ignore[arg-type]
    try:
        return (
            sources.video.feed.subscribe().get(10) if sources.video else None,
            sources.audio.feed.subscribe().get(10) if sources.audio else None,
        )
    finally:
        for source in (sources.video, sources.audio):
            if source:
                source.start()
                source.close()
                source.close()


def test_nothing_is_sent_for_none() -> None:
    assert opened(Off(), Off()) == (None, None)


def test_the_test_signals_need_nothing() -> None:
    picture, sound = opened(Test(), Test())
    assert picture is not None
    assert (picture.frame.width, picture.frame.height) == (320, 240)
    assert sound is not None
    assert len(sound.samples) == BLOCK


@pytest.mark.integration
def test_the_default_microphone_and_the_screen(pulse: Pulse, xvfb: str) -> None:
    picture, sound = opened(Screen(), Default())
    assert picture is not None
    assert sound is not None
    assert opened(Off(), Device("Microphone"))[1] is not None
    assert opened(Off(), Device("1"))[1] is not None


@pytest.mark.integration
def test_two_files_are_two_players(speech_file: Path, speech_wav: Path) -> None:
    picture, sound = opened(File(speech_file), File(speech_wav))
    assert picture is not None
    assert sound is not None


@pytest.mark.integration
def test_one_file_is_one_player_however_its_path_is_written(
    speech_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(speech_file.parent)
    sources = open_sources(
        File(speech_file), File(Path(speech_file.name)), size=(320, 240), fps=30, notice=lambda *_: None
    )
    assert isinstance(sources.video, PlayedPictures)
    assert isinstance(sources.audio, PlayedSound)
    sources.video.close()
    sources.audio.close()
    assert sources.video._player is sources.audio._player


def test_missing_defaults_are_said_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    if Path("/proc/asound/cards").exists() or list(Path("/dev").glob("video*")):
        pytest.skip("this machine has devices")
    monkeypatch.setenv("PULSE_SERVER", "unix:/nowhere")
    notices: list[tuple[str, str]] = []
    assert opened(Default(), Default(), notices=notices) == (None, None)
    assert [code for code, _ in notices] == ["no-camera", "no-microphone"]
    assert all(sentence.endswith(".") for _, sentence in notices)


@pytest.mark.integration
def test_what_is_asked_for_by_name_must_be_there(pulse: Pulse) -> None:
    with pytest.raises(DeviceNotFound, match="There is no camera 'Nonesuch'"):
        opened(Device("Nonesuch"), Off())
    with pytest.raises(DeviceNotFound, match="There is no microphone '99'"):
        opened(Test(), Device("99"))
