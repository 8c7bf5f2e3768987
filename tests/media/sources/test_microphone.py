from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from pycall.errors import DeviceFailed
from pycall.media import keeper
from pycall.media.devices import soundcard
from pycall.media.devices.listing import Device, list_microphones
from pycall.media.frames import BLOCK, SAMPLE_RATE, Sound
from pycall.media.sources.microphone import Microphone
from tests.rig import Pulse, running_pulse, wait_until

pytestmark = pytest.mark.integration

MIC = Device(1, "Microphone", "mic", default=True)


def heard(microphone: Microphone, seconds: float) -> list[Sound]:
    reader = microphone.feed.subscribe(1000)
    microphone.start()
    try:
        return [block for _ in range(round(seconds * 50)) if (block := reader.get(10))]
    finally:
        microphone.close()


@pytest.mark.parametrize("through_miniaudio", [True, False])
def test_what_another_program_plays_is_heard(
    pulse: Pulse, speech_wav: Path, monkeypatch: pytest.MonkeyPatch, through_miniaudio: bool
) -> None:
    if not through_miniaudio:
        monkeypatch.setattr(soundcard, "AVAILABLE", False)
    elif not soundcard.AVAILABLE:
        pytest.skip("miniaudio is not installed")
    device = MIC if through_miniaudio else Device(1, "default", "default", default=True)
    with pulse.playing(speech_wav):
        blocks = heard(Microphone(device, lambda *_: None), 4.0)
    assert all(len(block.samples) == BLOCK for block in blocks)
    times = np.array([block.time for block in blocks])
    assert np.abs(np.diff(times) - BLOCK / SAMPLE_RATE).max() < 0.15
    assert similarity(np.concatenate([block.samples for block in blocks]), spoken(speech_wav)) > 0.8


@pytest.mark.skipif(not soundcard.AVAILABLE, reason="miniaudio is not installed")
def test_a_sound_server_that_dies_is_said_and_the_new_one_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    notices: list[str] = []
    modules = (
        "module-null-sink sink_name=micsink",
        "module-remap-source master=micsink.monitor source_name=mic",
    )
    with running_pulse(*modules) as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        microphone = Microphone(MIC, lambda code, _: notices.append(code), follow=True)
        reader = microphone.feed.subscribe()
        microphone.start()
        assert reader.get(10) is not None
    try:
        wait_until(lambda: notices == ["microphone-lost"])
        with running_pulse(*modules) as server:
            monkeypatch.setenv("PULSE_SERVER", server.env["PULSE_SERVER"])
            wait_until(lambda: notices == ["microphone-lost", "microphone-back"])
            assert reader.get(10) is not None
            microphone.close()
    finally:
        microphone.close()


@pytest.mark.skipif(not soundcard.AVAILABLE, reason="miniaudio is not installed")
def test_a_microphone_that_opens_and_gives_nothing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that is fed through a pipe, into which nobody writes."""
    monkeypatch.setattr(keeper, "OPEN_S", 2.0)
    with running_pulse(f"module-pipe-source source_name=mic file={tmp_path}/pipe") as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        notices: list[str] = []
        microphone = Microphone(MIC, lambda code, _: notices.append(code))
        with pytest.raises(DeviceFailed, match="gave nothing"):
            microphone.start()
        microphone.close()
        assert notices == []


@pytest.mark.skipif(not soundcard.AVAILABLE, reason="miniaudio is not installed")
def test_a_microphone_that_is_gone_is_an_error(pulse: Pulse) -> None:
    microphone = Microphone(Device(1, "Headset", "headset", default=False), lambda *_: None)
    with pytest.raises(DeviceFailed, match="Headset is not there any more"):
        microphone.start()
    microphone.close()


@pytest.mark.skipif(not soundcard.AVAILABLE, reason="miniaudio is not installed")
def test_a_monitor_can_be_listened_to_when_it_is_asked_for(pulse: Pulse, speech_wav: Path) -> None:
    monitor = next(device for device in list_microphones().devices if device.id == "speaker.monitor")
    with pulse.playing(speech_wav, sink="speaker"):
        blocks = heard(Microphone(monitor, lambda *_: None), 3.0)
    assert max(np.abs(block.samples).max() for block in blocks) > 1000


def spoken(wav: Path) -> np.ndarray:
    with av.open(str(wav)) as file:
        return np.concatenate([frame.to_ndarray().ravel() for frame in file.decode(audio=0)])


def similarity(recorded: np.ndarray, original: np.ndarray) -> float:
    """The best normalised correlation of the middle of the recording with any part of the original."""
    sounding = np.flatnonzero(np.abs(recorded) > 200)
    piece = recorded[sounding[0] :][: 2 * SAMPLE_RATE].astype(float)
    size = len(original) + len(piece)
    product = np.fft.irfft(np.fft.rfft(original, size) * np.conj(np.fft.rfft(piece, size)), size)
    squares = np.concatenate([[0.0], np.cumsum(original.astype(float) ** 2)])
    energy = squares[len(piece) :] - squares[: -len(piece)]
    return float((product[: len(energy)] / np.sqrt(energy * (piece**2).sum() + 1)).max())
