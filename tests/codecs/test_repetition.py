"""A voice goes on for a moment where nothing came."""

from __future__ import annotations

import numpy as np
import pytest

from pycall.codecs.repetition import BLEND, FADE, Repetition, best_lag
from tests.codecs.voice import blocks, likeness, voice


def test_what_is_missing_goes_on_like_the_voice_before() -> None:
    sound = voice(0.5)
    repetition = Repetition()
    for block in blocks(sound)[:20]:
        repetition.heard(block)

    assert likeness(blocks(sound)[20], repetition.conceal(960), reach=100) > 0.9


@pytest.mark.parametrize("pitch", [75.0, 140.0, 390.0])
def test_neither_the_way_into_a_gap_nor_the_way_out_makes_a_click(pitch: float) -> None:
    parts, repetition = blocks(voice(1.0, pitch)), Repetition()
    largest = np.abs(np.diff(np.concatenate(parts).astype(np.int32))).max()
    heard = [
        repetition.conceal(960) if number in {20, 30, 31} else repetition.heard(part)
        for number, part in enumerate(parts)
    ]

    assert np.abs(np.diff(np.concatenate(heard).astype(np.int32))).max() < 1.3 * largest


def test_it_fades_and_ends() -> None:
    repetition = Repetition()
    for block in blocks(voice(0.2)):
        repetition.heard(block)
    made = np.concatenate([repetition.conceal(480) for _ in range(20)])

    assert not made[FADE:].any()
    assert np.abs(made[FADE // 2 : FADE]).max() < 0.6 * np.abs(made[:480]).max()


def test_what_came_is_changed_only_where_it_follows_a_gap() -> None:
    repetition, block = Repetition(), voice(0.02)
    before = block.copy()

    assert repetition.heard(block) is block
    repetition.conceal(480)
    after = repetition.heard(block)
    assert np.array_equal(after[BLEND:], block[BLEND:])
    assert np.array_equal(block, before)


def test_before_anything_was_heard_there_is_silence() -> None:
    assert not Repetition().conceal(960).any()


@pytest.mark.parametrize("pitch", [75.0, 140.0, 390.0])
def test_a_voice_is_most_like_itself_whole_periods_away(pitch: float) -> None:
    sound = voice(0.5, pitch)
    lag = 120 + best_lag(sound[9_600:10_080], sound[9_720:11_000])

    assert lag * pitch / 48_000 == pytest.approx(round(lag * pitch / 48_000), abs=0.1)


def test_silence_is_alike_everywhere() -> None:
    assert best_lag(np.zeros(480, np.int16), np.zeros(1_080, np.int16)) == 0
