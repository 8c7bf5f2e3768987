from __future__ import annotations

import numpy as np
import pytest
from badnet.figures import Heard, lost_percent
from badnet.gauge import Observer, laid_out
from badnet.plain_side import played
from badnet.pycall_side import Ear

from pycall.media.frames import BLOCK, Samples, Sound
from pycall.media.playout.playout import Playout

BLOCK_S = 0.02


def block(number: int, late_s: float = 0.0) -> tuple[float, int, Samples]:
    return 100.0 + number * BLOCK_S + late_s, number * BLOCK, np.full(BLOCK, number, np.int16)


def lost(sound: list[tuple[float, int, Samples]], window_s: float) -> float | None:
    return lost_percent([Heard(*look) for look in played(sound, window_s)])


def test_what_comes_in_time_is_played() -> None:
    assert lost([block(number) for number in range(50)], 1.0) == pytest.approx(0)


def test_what_never_came_was_not_played() -> None:
    assert lost([block(number) for number in range(50) if number % 10], 1.0) == pytest.approx(10)


def test_what_comes_100_ms_after_the_fastest_is_too_late() -> None:
    sound = [block(number, 0.11 if number >= 40 else 0.09 if number >= 30 else 0.0) for number in range(50)]

    assert lost(sound, 1.0) == pytest.approx(20)


def test_where_it_ends_early_the_rest_is_lost() -> None:
    assert lost([block(number) for number in range(25)], 1.0) == pytest.approx(50)
    assert lost([], 1.0) == pytest.approx(100)


async def test_until_the_first_sound_comes_all_is_lost() -> None:
    playout, observer = Playout(), Observer((64, 48))
    ear = Ear(playout, observer)

    def heard(blocks: range, *, comes: bool) -> float | None:
        for number in blocks:
            at = 100.0 + number * BLOCK_S
            if comes:
                playout.push(np.full(BLOCK, 1000, np.int16), number * BLOCK, at)
            ear.heard(Sound(playout.pull(BLOCK, at), at))
        return lost_percent([Heard(*look) for look in observer.heard])

    assert heard(range(50), comes=False) == 100
    assert heard(range(50, 100), comes=True) == pytest.approx(50, abs=5)
    observer.begin()
    assert heard(range(100, 150), comes=True) == 0


def test_a_recording_has_silence_where_nothing_came_and_begins_as_early_as_any_of_it_could_be_played() -> (
    None
):
    samples, at = laid_out([block(7, 0.05), block(9, 0.01), block(8, 0.03)])

    assert [int(each) for each in samples[::BLOCK]] == [7, 8, 9]
    assert at == pytest.approx(100 + 7 * BLOCK_S + 0.01)

    samples, _ = laid_out([block(0), block(2)])
    assert [int(each) for each in samples[::BLOCK]] == [0, 0, 2]
    assert len(samples) == 3 * BLOCK


def test_a_timestamp_from_nowhere_is_left_out() -> None:
    samples, _ = laid_out([block(0), (100.02, 1 << 32, np.ones(BLOCK, np.int16)), block(2)])

    assert len(samples) == 3 * BLOCK
