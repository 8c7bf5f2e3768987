from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples, Sound
from pycall.media.recording.mixing import HOLD, Mix, Voice
from tests.media.recording.footage import tone

START = 1000.0
BLOCK_S = BLOCK / SAMPLE_RATE


def mixed(*voices: list[Sound], until: float | None = None) -> Samples:
    mix = Mix(START)
    blocks = sorted(
        ((index, sound) for index, voice in enumerate(voices) for sound in voice),
        key=lambda each: each[1].time,
    )
    out: list[Samples] = []
    newest = START
    for index, sound in blocks:
        newest = max(newest, sound.time)
        out += mix.advance(newest)
        mix.add(index, sound)
    out += mix.finish(until or newest)
    return np.concatenate(out)


def flat(time: float, value: int, count: int = BLOCK) -> Sound:
    return Sound(np.full(count, value, np.int16), time)


def test_two_voices_are_added() -> None:
    far = [flat(START + i * BLOCK_S, 1000) for i in range(10)]
    near = [flat(START + i * BLOCK_S, -300) for i in range(10)]
    assert np.all(mixed(far, near) == 700)


def test_two_loud_voices_saturate_and_do_not_wrap() -> None:
    far = [flat(START, 30_000), flat(START + BLOCK_S, -30_000)]
    sound = mixed(far, far)
    assert np.all(sound[:BLOCK] == 32_767)
    assert np.all(sound[BLOCK:] == -32_768)


def test_silence_fills_the_gaps_of_a_voice() -> None:
    sound = mixed([flat(START, 1000), flat(START + 3.5, 1000)])
    assert len(sound) == round(3.5 * SAMPLE_RATE) + BLOCK
    assert np.flatnonzero(sound).tolist() == [
        *range(BLOCK),
        *range(round(3.5 * SAMPLE_RATE), round(3.5 * SAMPLE_RATE) + BLOCK),
    ]


def test_a_long_gap_is_given_out_in_pieces() -> None:
    mix = Mix(START)
    pieces = [len(piece) for piece in mix.advance(START + 3600)]
    assert max(pieces) == SAMPLE_RATE
    assert sum(pieces) == pytest.approx((3600 - HOLD) * SAMPLE_RATE, abs=1)


def test_both_voices_are_given_out_as_soon_as_both_are_there() -> None:
    mix = Mix(START)
    mix.add(0, flat(START, 1))
    assert list(mix.advance(START + BLOCK_S)) == []
    mix.add(1, flat(START, 1))
    assert [len(piece) for piece in mix.advance(START + BLOCK_S)] == [BLOCK]
    assert mix.settled == START + BLOCK_S


def test_a_voice_that_stopped_is_waited_for_only_so_long() -> None:
    mix = Mix(START)
    mix.add(0, flat(START, 1))
    assert [len(piece) for piece in mix.advance(START + HOLD + BLOCK_S / 2)] == [BLOCK // 2]


def test_what_comes_too_late_is_left_out_and_changes_nothing_after_it() -> None:
    mix = Mix(START)
    assert sum(len(piece) for piece in mix.advance(START + HOLD + 1)) == SAMPLE_RATE
    mix.add(0, flat(START, 500))
    mix.add(1, flat(START + 1 - BLOCK_S / 2, 700))
    sound = np.concatenate(list(mix.finish(START + 1 + BLOCK_S)))
    assert np.all(sound[: BLOCK // 2] == 700)
    assert not sound[BLOCK // 2 :].any()


def test_what_was_before_time_zero_is_left_out() -> None:
    assert len(mixed([flat(START - BLOCK_S / 4, 5)])) == BLOCK * 3 // 4


def test_jitter_of_the_stamps_is_not_heard() -> None:
    chance = np.random.default_rng(7)
    blocks = [
        Sound(tone(START + i * BLOCK_S).samples, START + i * BLOCK_S + max(0, chance.normal(0, 0.004)))
        for i in range(500)
    ]
    sound = mixed(blocks).astype(int)
    steepest = 8000 * 2 * np.pi * 440 / SAMPLE_RATE
    assert np.abs(np.diff(sound)).max() < steepest * 1.1
    assert len(sound) == pytest.approx(500 * BLOCK, abs=0.01 * SAMPLE_RATE)


@pytest.mark.parametrize("drift", [300e-6, -300e-6])
def test_a_drifting_clock_is_followed_without_clicks(drift: float) -> None:
    blocks = [
        Sound(tone(START + i * BLOCK_S).samples, START + i * BLOCK_S * (1 + drift)) for i in range(5000)
    ]
    sound = mixed(blocks).astype(int)
    steepest = 8000 * 2 * np.pi * 440 / SAMPLE_RATE
    assert np.abs(np.diff(sound)).max() < steepest * 1.1
    assert len(sound) == pytest.approx(5000 * BLOCK * (1 + drift), abs=0.01 * SAMPLE_RATE)


@pytest.mark.parametrize("shift", [0.06, -0.06, 0.5, -0.5])
def test_a_lasting_shift_of_the_stamps_is_followed(shift: float) -> None:
    voice = Voice()
    for i in range(50):
        voice.place(flat(0, 1).samples, i * BLOCK)
    placed = [
        voice.place(flat(0, 1).samples, i * BLOCK + round(shift * SAMPLE_RATE))[0] for i in range(50, 100)
    ]
    assert placed[-1] / SAMPLE_RATE == pytest.approx(99 * BLOCK_S + shift, abs=0.005)


def test_one_wrong_stamp_moves_nothing() -> None:
    voice = Voice()
    placed = [voice.place(flat(0, 1).samples, i * BLOCK + (2400 if i == 20 else 0))[0] for i in range(40)]
    assert all(later - earlier == BLOCK for earlier, later in pairwise(placed))


def test_a_voice_never_overlaps_itself() -> None:
    chance = np.random.default_rng(3)
    voice = Voice()
    end = 0
    for i in range(500):
        stamp = i * BLOCK + int(chance.integers(-9600, 9600))
        position, samples = voice.place(flat(0, 1).samples, stamp)
        if len(samples):
            assert position >= end
            end = position + len(samples)
        assert end == voice.end
