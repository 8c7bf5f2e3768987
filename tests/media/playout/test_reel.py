"""Sound in a row, from which a period is left out, or repeated, without a click."""

from __future__ import annotations

import numpy as np
import pytest

from pycall.media.frames import SAMPLE_RATE, Samples
from pycall.media.playout.reel import JOINT, PIECE, Reel
from pycall.media.playout.splice import LONGEST, SHORTEST


def tone(first: int, count: int) -> Samples:
    at = np.arange(first, first + count)
    return (8_000 * np.sin(2 * np.pi * 220 * at / SAMPLE_RATE)).astype(np.int16)


STEP = 8_000 * 2 * np.pi * 220 / SAMPLE_RATE


def wound(count: int) -> Reel:
    reel = Reel()
    reel.restart(10_000)
    reel.append(tone(0, count))
    return reel


def test_what_is_put_in_comes_out_with_its_timestamps() -> None:
    reel = wound(9_600)
    heard = []
    for number in range(20):
        assert reel.timestamp == 10_000 + number * PIECE
        heard.append(reel.take())

    assert np.array_equal(np.concatenate(heard)[JOINT:], tone(0, 9_600)[JOINT:])
    assert (reel.ahead, reel.timestamp) == (0, 19_600)


def test_what_is_played_does_not_stay() -> None:
    reel = wound(PIECE)
    for number in range(500):
        reel.take()
        reel.append(tone(number, PIECE))

    assert len(reel._row) < 10_000


def test_while_time_stands_still_the_end_does_not_move() -> None:
    reel = wound(PIECE)
    reel.append(tone(0, PIECE), still=True)
    reel.take()

    assert reel.end == 10_000 + PIECE


@pytest.mark.parametrize("longer", [False, True])
def test_a_period_more_or_less_makes_no_click(longer: bool) -> None:
    reel = wound(9_600)
    heard = [reel.take() for _ in range(5)]
    before, at = reel.ahead, reel.timestamp
    moved = reel.lengthen() if longer else reel.shorten()
    assert SHORTEST <= moved <= LONGEST
    assert reel.ahead == before + (moved if longer else -moved)
    assert reel.timestamp == at + (-moved if longer else moved)
    heard += [reel.take() for _ in range(12)]

    assert np.abs(np.diff(np.concatenate(heard).astype(np.int32))).max() < 1.5 * STEP


def test_nothing_is_left_out_of_what_is_not_there() -> None:
    reel = wound(LONGEST + PIECE - 1)

    assert reel.shorten() == 0


@pytest.mark.parametrize("jump", [100, 5_000, 50_000])
def test_going_on_from_elsewhere_makes_no_click(jump: int) -> None:
    reel = wound(9_600)
    heard = [reel.take() for _ in range(5)]
    target = reel.timestamp + jump
    reel.go(target)
    assert reel.timestamp == target
    reel.append(tone(reel.end - 10_000, 5 * PIECE))
    heard += [reel.take() for _ in range(5)]

    assert np.abs(np.diff(np.concatenate(heard).astype(np.int32))).max() < 3 * STEP + 8_000 * 2 / JOINT


def test_there_is_no_going_back() -> None:
    reel = wound(9_600)
    reel.take()
    reel.go(5_000)

    assert reel.timestamp == 10_000 + PIECE
