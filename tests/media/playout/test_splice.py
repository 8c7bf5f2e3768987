"""Leaving out or repeating a piece of sound unheard."""

from __future__ import annotations

import numpy as np
import pytest

from pycall.codecs.repetition import best_lag
from pycall.media.frames import Samples
from pycall.media.playout.splice import LONGEST, SHORTEST, cross_fade


def tone(hertz: float, count: int, first: int = 0) -> Samples:
    """A sine of a third of full scale."""
    return (11_000 * np.sin(2 * np.pi * hertz * np.arange(first, first + count) / 48_000)).astype(np.int16)


@pytest.mark.parametrize("hertz", [90, 120, 220, 330, 1_000])
def test_a_tone_is_spliced_at_whole_periods(hertz: float) -> None:
    sound = tone(hertz, 480 + LONGEST)
    lag = SHORTEST + best_lag(sound[:480], sound[SHORTEST:])

    periods = lag * hertz / 48_000
    assert periods == pytest.approx(round(periods), abs=0.03)
    assert SHORTEST <= lag <= LONGEST


def test_a_cross_fade_goes_from_the_one_to_the_other_and_keeps_what_is_equal() -> None:
    old, new = np.full(480, 30_000, np.int16), np.full(480, -30_000, np.int16)
    mixed = cross_fade(old, new)

    assert mixed.dtype == np.int16
    assert mixed[0] > 29_800
    assert mixed[-1] < -29_800
    assert np.all(np.diff(mixed) < 0)
    assert np.array_equal(cross_fade(tone(440, 480), tone(440, 480)), tone(440, 480))
