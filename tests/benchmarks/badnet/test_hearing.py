from __future__ import annotations

import numpy as np
import pytest
from badnet.hearing import hear

from pycall.media.frames import SAMPLE_RATE, Samples

SPOKEN_AT = 1000.0


def speech(seconds: float = 9.0) -> Samples:
    """Noise that comes and goes as syllables do, in bands that change."""
    noise = np.random.default_rng(1)
    count = int(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    sound = np.zeros(count)
    for start in range(0, count, 9600):
        part = slice(start, start + 9600)
        hertz = noise.uniform(200, 3000, 4)
        waves = np.sin(2 * np.pi * hertz[:, None] * time[None, part]).sum(axis=0)
        sound[part] = waves * noise.uniform(0.1, 1) + 0.1 * noise.standard_normal(len(time[part]))
    return (sound * 3000).astype(np.int16)


def heard(text: Samples, late_s: float, seconds: float = 6.0, begun: int = 100_000) -> tuple[Samples, float]:
    """What is played from sample ``begun`` of the text on, and when."""
    recording = np.take(text, range(begun, begun + int(seconds * SAMPLE_RATE)), mode="wrap")
    return recording, SPOKEN_AT + 5 * len(text) / SAMPLE_RATE + begun / SAMPLE_RATE + late_s


def test_what_is_played_as_it_was_spoken_is_understood_whole_and_its_delay_is_found() -> None:
    text = speech()
    recording, at = heard(text, 0.150)

    found = hear(recording, at, text, SPOKEN_AT)

    assert found is not None
    assert found.stoi > 0.99
    assert found.latency_s == pytest.approx(0.150, abs=0.001)


def test_the_end_of_the_text_and_its_beginning_are_neighbours() -> None:
    text = speech()
    recording, at = heard(text, 0.1, begun=len(text) - SAMPLE_RATE)

    found = hear(recording, at, text, SPOKEN_AT)

    assert found is not None
    assert found.latency_s == pytest.approx(0.1, abs=0.001)


def test_holes_make_it_harder_to_understand_but_not_to_place() -> None:
    text = speech()
    recording, at = heard(text, 0.2)
    blocks = recording.copy().reshape(-1, 960)
    blocks[np.random.default_rng(2).random(len(blocks)) < 0.4] = 0

    found = hear(blocks.ravel(), at, text, SPOKEN_AT)

    assert found is not None
    assert 0.1 < found.stoi < 0.95
    assert found.latency_s == pytest.approx(0.2, abs=0.001)


def test_in_silence_nothing_is_understood() -> None:
    text = speech()

    found = hear(np.zeros(4 * SAMPLE_RATE, np.int16), SPOKEN_AT, text, SPOKEN_AT)

    assert found is not None
    assert found.stoi == 0
    assert found.latency_s is None


def test_a_delay_that_clocks_make_negative_stays_so() -> None:
    text = speech()
    recording, at = heard(text, -0.02)

    found = hear(recording, at, text, SPOKEN_AT)

    assert found is not None
    assert found.latency_s == pytest.approx(-0.02, abs=0.001)


def test_too_short_a_recording_is_not_judged() -> None:
    assert hear(np.ones(SAMPLE_RATE, np.int16), 0.0, speech(), SPOKEN_AT) is None


def test_what_a_player_cut_and_stretched_is_understood_nevertheless() -> None:
    text = speech()
    recording, at = heard(text, 0.1)
    stretched = np.concatenate([recording[:90_000], recording[89_300:180_000], recording[180_600:]])

    found = hear(stretched, at, text, SPOKEN_AT)

    assert found is not None
    assert found.stoi > 0.9
    assert found.latency_s == pytest.approx(0.1, abs=0.02)
