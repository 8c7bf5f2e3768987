"""Echo, noise and level of the microphone, on spoken English."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples, Sound
from pycall.media.sources.processing import VoiceProcessing
from tests.rig import needs

Signal = NDArray[np.float64]

CONVERGED = 2 * SAMPLE_RATE
BEHIND = 3
"""Blocks: the microphone's sound reaches the processing this long after what the speaker played meanwhile."""

OTHER_SPEECH = (
    "When the sunlight strikes raindrops in the air, they act as a prism and form a rainbow. "
    "The rainbow is a division of white light into many beautiful colours."
)


def samples_of(wav: Path) -> Signal:
    """All samples of a mono file."""
    with wave.open(str(wav)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float64)


@pytest.fixture(scope="module")
def far_speech(speech_wav: Path) -> Signal:
    """Twelve seconds of what the other side says, at -26 dBFS."""
    return at_level(np.resize(samples_of(speech_wav), 12 * SAMPLE_RATE), -26)


@pytest.fixture(scope="module")
def near_speech(tmp_path_factory: pytest.TempPathFactory) -> Signal:
    """Twelve seconds of another voice, at -26 dBFS."""
    folder = tmp_path_factory.mktemp("near")
    spoken, wav = folder / "spoken.wav", folder / "near.wav"
    command = [needs("espeak-ng", "espeak-ng"), "-v", "en-gb+f3", "-w", str(spoken), OTHER_SPEECH]
    subprocess.run(command, check=True)
    subprocess.run([needs("sox", "sox"), str(spoken), "-r", "48000", "-b", "16", str(wav)], check=True)
    return at_level(np.resize(samples_of(wav), 12 * SAMPLE_RATE), -26)


def dbfs(signal: NDArray[np.generic]) -> float:
    """Power against full scale."""
    power = np.mean((signal.astype(np.float64) / 32_768) ** 2)
    return float(10 * np.log10(power + 1e-12))


def at_level(signal: Signal, level: float) -> Signal:
    """The signal made as loud as ``level`` dBFS."""
    return signal * 10 ** ((level - dbfs(signal)) / 20)


def late(signal: Signal, seconds: float) -> Signal:
    """The signal after a delay, as long as before."""
    return np.concatenate((np.zeros(round(seconds * SAMPLE_RATE)), signal))[: len(signal)]


def echo_of(far: Signal, seconds: float = 0.080, level: float = -10) -> Signal:
    """What a microphone hears of the speaker."""
    return late(far, seconds) * 10 ** (level / 20)


def heard(
    near: Signal, far: Signal | None, *, jitter: float = 0.0, drift: float = 0.0
) -> tuple[Signal, Signal]:
    """What goes in and what comes out; the speaker's card runs slow by ``drift``."""
    voice, random = VoiceProcessing(), np.random.default_rng(1)
    near = np.rint(np.clip(near, -32_768, 32_767))
    out: list[Samples] = []
    for at in range(0, len(near), BLOCK):
        if far is not None:
            when = 100 + at / SAMPLE_RATE * (1 + drift) + random.uniform(0, jitter)
            voice.far(Sound(far[at : at + BLOCK].astype(np.int16), when))
        then = at - BEHIND * BLOCK
        if then >= 0:
            block = near[then : then + BLOCK].astype(np.int16)
            sound = Sound(block, 100 + then / SAMPLE_RATE + random.uniform(0, jitter))
            cleaned = voice.near(sound)
            assert (cleaned.time, len(cleaned.samples)) == (sound.time, BLOCK)
            out.append(cleaned.samples)
    cleaned_signal = np.concatenate(out).astype(np.float64)
    return near[: len(cleaned_signal)], cleaned_signal


def understood(sent: Signal, got: Signal) -> float:
    """STOI."""
    from pystoi import stoi  # with it comes SciPy, for which who runs other tests would wait

    return float(stoi(sent, got, SAMPLE_RATE))


def aligned(sent: Signal, got: Signal) -> tuple[Signal, Signal]:
    """Both from the second second on, without the delay of the processing, which is below 40 ms."""
    from scipy.signal import correlate

    sent, got = sent[CONVERGED:], got[CONVERGED:]
    likeness = correlate(got[: 4 * SAMPLE_RATE], sent[: 4 * SAMPLE_RATE], "full", "fft")
    middle = 4 * SAMPLE_RATE - 1
    delay = int(np.argmax(likeness[middle : middle + 1_920]))
    return sent[: len(sent) - delay], got[delay:]


@pytest.mark.parametrize("delay", [0.010, 0.080, 0.200])
def test_an_echo_comes_out_at_least_30_db_lower_after_two_seconds(far_speech: Signal, delay: float) -> None:
    before, after = heard(echo_of(far_speech, delay), far_speech)

    assert dbfs(before[CONVERGED:]) - dbfs(after[CONVERGED:]) >= 30


def test_so_does_the_echo_of_a_room_with_some_noise_in_it(far_speech: Signal) -> None:
    random = np.random.default_rng(1)
    tail = random.normal(0, 1, 4_800) * np.exp(-np.arange(4_800) / 960)
    room = np.convolve(echo_of(far_speech), tail / np.sqrt(np.sum(tail**2)))[: len(far_speech)]
    before, after = heard(room + random.normal(0, 8, len(room)), far_speech)

    assert dbfs(before[CONVERGED:]) - dbfs(after[CONVERGED:]) >= 25


@pytest.mark.parametrize(("jitter", "drift"), [(0.010, 0.0), (0.0, 1e-4), (0.005, -1e-4)])
def test_unsteady_threads_and_sound_cards_that_disagree_do_not_hinder_it(
    far_speech: Signal, jitter: float, drift: float
) -> None:
    positions = np.arange(len(far_speech)) / (1 + drift)
    played = np.interp(positions, np.arange(len(far_speech)), far_speech)
    before, after = heard(echo_of(played), far_speech, jitter=jitter, drift=drift)

    assert dbfs(before[CONVERGED:]) - dbfs(after[CONVERGED:]) >= 25


@pytest.mark.parametrize("level", [-26, -40])
def test_near_speech_passes_and_a_quiet_voice_is_raised(near_speech: Signal, level: float) -> None:
    sent, got = aligned(*heard(at_level(near_speech, level), np.zeros_like(near_speech)))

    assert understood(sent, got) > 0.95
    assert np.corrcoef(sent, got)[0, 1] > 0.9
    assert 0 < dbfs(got) - dbfs(sent) < 13


def test_near_speech_passes_while_the_echo_of_the_far_end_does_not(
    near_speech: Signal, far_speech: Signal
) -> None:
    """Eight seconds of echo, then only the near voice: the canceller has learned and lets it through."""
    silence_from = 8 * SAMPLE_RATE
    far = far_speech.copy()
    far[silence_from:] = 0
    near = near_speech.copy()
    near[: silence_from // 2] = 0
    before, after = heard(near + echo_of(far), far)

    alone = np.s_[CONVERGED : silence_from // 2]
    assert dbfs(before[alone]) - dbfs(after[alone]) >= 25
    both = np.s_[silence_from // 2 - CONVERGED :]
    sent, got = aligned(near[: len(after)][both], after[both])
    assert understood(sent, got) > 0.7


def test_noise_is_not_raised_while_nobody_speaks() -> None:
    before, after = heard(np.random.default_rng(1).normal(0, 30, 6 * SAMPLE_RATE), None)

    assert dbfs(after[CONVERGED:]) < dbfs(before[CONVERGED:]) - 5


def test_without_a_far_end_and_after_its_pauses_the_microphone_goes_on(near_speech: Signal) -> None:
    voice = VoiceProcessing()
    for number in range(100):
        if number not in range(30, 60):
            voice.far(Sound(np.zeros(BLOCK, np.int16), 5 + number * 0.020))
        block = near_speech[number * BLOCK : (number + 1) * BLOCK].astype(np.int16)
        assert len(voice.near(Sound(block, 5 + number * 0.020)).samples) == BLOCK
