"""Speakers: a real sound server's, nobody's, and one that dies."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from pycall.errors import DeviceNotFound
from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples, Sound
from pycall.media.playout.speaker import DeviceSpeaker, SilentSpeaker, Speaker, open_speaker
from pycall.media.spec import Default, Device, Off
from tests.rig import Pulse, end, wait_until

BLOCK_S = BLOCK / SAMPLE_RATE


class Tone:
    """Something to be played: ``hertz``, as loud as half of full scale."""

    def __init__(self, hertz: float) -> None:
        self._hertz = hertz
        self.pulled = 0

    def pull(self, count: int, _now: float) -> Samples:
        """The next ``count`` samples."""
        at = np.arange(self.pulled, self.pulled + count)
        self.pulled += count
        return (16_000 * np.sin(2 * np.pi * self._hertz * at / SAMPLE_RATE)).astype(np.int16)


class Notices:
    """Collects what a person would be told."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.sentences: list[str] = []

    def __call__(self, code: str, sentence: str) -> None:
        self.codes.append(code)
        self.sentences.append(sentence)


@pytest.fixture
def no_sound_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a sound server nor a sound card."""
    nothing = tmp_path / "nothing"
    nothing.touch()
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/none")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(nothing))


def blocks_of(speaker: Speaker, count: int) -> list[Sound]:
    """The first ``count`` blocks a speaker publishes."""
    reader = speaker.played.subscribe(count)
    speaker.start()
    try:
        blocks = [block for _ in range(count) if (block := reader.get(20)) is not None]
    finally:
        speaker.close()
    assert len(blocks) == count
    return blocks


def loudest_hertz(raw: Path) -> float:
    """The strongest frequency in the loud part of a recording, in steps of 5 Hz."""
    sound = np.frombuffer(raw.read_bytes(), np.int16)
    loud = np.flatnonzero(np.abs(sound) > 8_000)
    assert len(loud) > SAMPLE_RATE // 5, "nothing was heard"
    middle = int(loud[len(loud) // 2])
    part = sound[max(0, middle - 4_800) : middle + 4_800].astype(float)
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return float(np.argmax(spectrum) * SAMPLE_RATE / len(part))


def test_the_silent_speaker_pulls_a_block_each_twentieth_millisecond() -> None:
    tone = Tone(440)
    blocks = blocks_of(SilentSpeaker(tone.pull), 20)

    assert np.diff([block.time for block in blocks]) == pytest.approx(BLOCK_S)
    assert all(len(block.samples) == BLOCK for block in blocks)
    assert tone.pulled >= 20 * BLOCK


def test_none_is_a_silent_speaker() -> None:
    notices = Notices()

    assert isinstance(open_speaker(Off(), Tone(440).pull, notices), SilentSpeaker)
    assert notices.codes == []


def test_no_speaker_at_all_is_said_and_becomes_silence(no_sound_system: None) -> None:
    notices = Notices()

    assert isinstance(open_speaker(Default(), Tone(440).pull, notices), SilentSpeaker)
    assert notices.codes == ["no-speaker"]
    assert "without sound" in notices.sentences[0]


@pytest.mark.integration
def test_a_speaker_asked_for_by_name_that_is_missing_is_an_error(pulse: Pulse) -> None:
    with pytest.raises(DeviceNotFound, match="no speaker 'Kitchen radio'") as error:
        open_speaker(Device("Kitchen radio"), Tone(440).pull, Notices())

    assert "Speaker" in error.value.hint


@pytest.mark.integration
def test_what_was_pulled_is_heard_from_the_default_speaker(pulse: Pulse, tmp_path: Path) -> None:
    tone, notices, raw = Tone(440), Notices(), tmp_path / "heard.raw"
    with pulse.recording(raw):
        speaker = open_speaker(Default(), tone.pull, notices)
        blocks = blocks_of(speaker, 150)

    assert loudest_hertz(raw) == pytest.approx(440, abs=10)
    assert speaker.label == "Speaker"
    assert notices.codes == []
    expected = Tone(440).pull(150 * BLOCK, 0.0)
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), expected)


@pytest.mark.integration
def test_a_speaker_asked_for_by_id_is_the_one_that_plays(pulse: Pulse, tmp_path: Path) -> None:
    raw = tmp_path / "heard.raw"
    with pulse.recording(raw, "micsink.monitor"):
        blocks_of(open_speaker(Device("micsink"), Tone(700).pull, Notices()), 150)

    assert loudest_hertz(raw) == pytest.approx(700, abs=10)


@pytest.mark.integration
def test_a_speaker_that_dies_is_reported_stood_in_for_and_comes_back(pulse: Pulse) -> None:
    tone, notices = Tone(440), Notices()
    speaker = open_speaker(Default(), tone.pull, notices)
    assert isinstance(speaker, DeviceSpeaker)
    reader = speaker.played.subscribe(1)
    speaker.start()
    try:
        wait_until(lambda: tone.pulled)
        end(pulse.process)
        wait_until(lambda: notices.codes == ["speaker-lost"])
        reader.get(0)
        assert reader.get(5) is not None
        again = subprocess.Popen(pulse.process.args, env=pulse.env, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: notices.codes == ["speaker-lost", "speaker-back"])
            assert reader.get(5) is not None
        finally:
            speaker.close()
            end(again)
    finally:
        speaker.close()
