from __future__ import annotations

from itertools import pairwise

import numpy as np

from pycall.media.frames import BLOCK, SAMPLE_RATE
from pycall.media.testsignals.tones import BEEP_HZ, NOTES_HZ, ToneSource, melody, sound_at
from pycall.media.testsignals.wallclock import wall_offset


def test_each_half_second_has_its_note() -> None:
    tones = melody()
    assert len(tones) == 8 * SAMPLE_RATE
    for number, hertz in enumerate(NOTES_HZ):
        start = number * SAMPLE_RATE // 2 + SAMPLE_RATE // 10
        spectrum = np.abs(np.fft.rfft(tones[start : start + SAMPLE_RATE // 4] * np.hanning(SAMPLE_RATE // 4)))
        assert abs(np.argmax(spectrum) * 4 - hertz) <= 4


def test_every_second_begins_with_a_beep() -> None:
    tones = melody()
    for second in range(8):
        at = second * SAMPLE_RATE
        beep = np.abs(np.fft.rfft(tones[at : at + SAMPLE_RATE // 25]))
        assert np.argmax(beep) * 25 == BEEP_HZ


def test_it_is_neither_loud_nor_clicking() -> None:
    tones = melody().astype(float) / 32768
    assert 0.1 < np.abs(tones).max() < 0.5
    assert np.abs(np.diff(np.concatenate([tones, tones[:1]]))).max() < 0.12


def test_what_sounds_depends_only_on_the_time() -> None:
    tones = melody()
    whole = sound_at(tones, 8 * SAMPLE_RATE * 1000 - 500, 1000)
    assert np.array_equal(whole, np.concatenate([tones[-500:], tones[:500]]))


def test_the_source_gives_blocks_without_gaps_in_step_with_the_time_of_day() -> None:
    source = ToneSource()
    assert not source.is_microphone
    reader = source.feed.subscribe(100)
    to_wall = wall_offset()
    source.start()
    try:
        blocks = [block for _ in range(20) if (block := reader.get(5))]
    finally:
        source.close()
    assert len(blocks) == 20
    tones = melody()
    for earlier, later in pairwise(blocks):
        assert abs(later.time - earlier.time - BLOCK / SAMPLE_RATE) < 1e-6
    for block in blocks:
        index = round((block.time + to_wall) * SAMPLE_RATE / BLOCK) * BLOCK
        assert np.array_equal(block.samples, sound_at(tones, index, BLOCK))
