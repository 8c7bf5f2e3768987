"""Size and frame rate follow the path and the processor: quickly down, slowly up, never to and fro."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.sending.ladder import (
    SMALLEST,
    UP_AFTER_MOST_S,
    UP_AFTER_S,
    Ladder,
    Rung,
    max_bitrate,
    rungs_of,
)

STEP_S = 0.1
FAST_S = 0.002


def drive(
    ladder: Ladder, bitrates: Iterable[int], began: float = 0.0, encode_s: float = FAST_S
) -> list[Rung]:
    """The rung after each tenth of a second at a bit rate."""
    return [ladder.step(bitrate, encode_s, began + at * STEP_S) for at, bitrate in enumerate(bitrates)]


def size(rung: Rung) -> tuple[int, int]:
    return rung.width, rung.height


def test_vga_is_held_where_a_browser_holds_it() -> None:
    assert {size(rung) for rung in drive(Ladder(640, 480, 30), [359_000] * 600)} == {(640, 480)}


@pytest.mark.parametrize(
    ("bitrate", "width", "height", "fps"),
    [
        (2_000_000, 640, 480, 30),
        (260_000, 640, 480, 30),
        (240_000, 480, 360, 30),
        (140_000, 320, 240, 30),
        (90_000, 320, 240, 15),
        (0, 320, 240, 15),
    ],
)
def test_what_the_path_takes_decides_what_is_sent(bitrate: int, width: int, height: int, fps: int) -> None:
    rung = drive(Ladder(640, 480, 30), [bitrate] * 100)[-1]
    assert (rung.width, rung.height, rung.fps) == (width, height, fps)


def test_a_dip_is_overlooked_and_a_collapse_is_not() -> None:
    ladder = Ladder(640, 480, 30)
    assert size(drive(ladder, [*[200_000] * 12, 300_000])[-1]) == (640, 480)
    assert size(drive(ladder, [60_000] * 6, began=5.0)[-1]) == (320, 240)


def test_a_path_that_gets_better_is_used_at_once_but_not_too_soon() -> None:
    ladder = Ladder(1280, 720, 30)
    assert size(drive(ladder, [120_000] * 30)[-1]) == (480, 270)
    rungs = drive(ladder, [3_000_000] * 60, began=10.0)
    assert size(rungs[int(UP_AFTER_S / STEP_S) - 2]) == (480, 270)
    assert size(rungs[-1]) == (1280, 720)
    assert len(set(rungs)) == 2  # each size costs a key picture


def test_an_encoder_that_cannot_keep_up_gets_less_to_do() -> None:
    ladder, cost_s = Ladder(1280, 720, 30), 0.040 / (1280 * 720)
    now, encode_s, rungs = 0.0, 0.040, []
    while now < 60:
        rungs.append(rung := ladder.step(3_000_000, encode_s, now))
        encode_s = cost_s * rung.width * rung.height
        now += 1 / rung.fps
    assert size(rungs[-1]) == (960, 540)
    assert len(set(rungs)) == 2


def test_an_encoder_that_never_keeps_up_makes_fewer_pictures() -> None:
    rung = drive(Ladder(640, 480, 30), [1_000_000] * 600, encode_s=0.1)[-1]
    assert (size(rung), rung.fps) == ((320, 240), 15)


def test_what_turned_out_too_much_is_tried_ever_more_seldom() -> None:
    """The path takes 400 kbit/s until more is sent, when it takes less."""
    ladder, changes, last = Ladder(640, 480, 30), [], None
    drive(ladder, [200_000] * 30)
    for at in range(6_000):
        now = 10 + at * STEP_S
        rung = ladder.step(200_000 if ladder.rung.width == 640 else 400_000, FAST_S, now)
        if rung != last:
            changes.append(now)
            last = rung
    waits = [round(later - earlier) for earlier, later in zip(changes[::2], changes[1::2], strict=False)]
    assert waits == sorted(waits)
    assert max(waits) <= UP_AFTER_MOST_S + 1
    assert len(changes) < 30


def test_a_rate_about_the_limit_changes_nothing_for_long() -> None:
    rungs = drive(Ladder(640, 480, 30), [*[230_000] * 20, *[240_000, 280_000, 260_000] * 300])
    assert len(set(rungs)) == 2


@given(
    st.integers(80, 2_000).map(lambda half: 2 * half),
    st.integers(60, 1_100).map(lambda half: 2 * half),
    st.sampled_from([5, 10, 15, 24, 25, 30, 60]),
)
def test_every_picture_has_rungs_that_can_be_encoded(width: int, height: int, fps: int) -> None:
    rungs = rungs_of(width, height, fps)
    assert size(rungs[0]) == (width, height)
    assert rungs[-1].least == 0
    assert [rung.least for rung in rungs] == sorted((rung.least for rung in rungs), reverse=True)
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width * rung.height >= min(SMALLEST, width * height)
        assert abs(rung.width / rung.height / (width / height) - 1) < 0.05
        assert rung.fps in {fps, fps / 2}


@given(st.lists(st.tuples(st.integers(0, 5_000_000), st.floats(0, 0.2)), max_size=400))
def test_whatever_comes_it_is_a_rung_and_changes_are_seldom(paths: list[tuple[int, float]]) -> None:
    ladder = Ladder(1280, 720, 30)
    rungs = [ladder.step(bitrate, encode_s, at * STEP_S) for at, (bitrate, encode_s) in enumerate(paths)]
    assert set(rungs) <= set(ladder.rungs)
    ups = sum(size(b) > size(a) for a, b in itertools.pairwise(rungs))
    assert ups <= len(paths) * STEP_S / UP_AFTER_S


@given(st.lists(st.integers(0, 5_000_000), max_size=200), st.integers(0, 5_000_000))
def test_a_steady_path_ends_at_what_it_takes(before: list[int], bitrate: int) -> None:
    ladder = Ladder(640, 480, 30)
    drive(ladder, before)
    rung = drive(ladder, [bitrate] * int((UP_AFTER_MOST_S + 2) / STEP_S), began=100.0)[-1]
    assert rung.least <= bitrate
    higher = [other for other in ladder.rungs if other.least > rung.least]
    assert all(bitrate < 1.25 * other.least for other in higher)


def test_the_largest_useful_rates_are_those_of_browsers_and_grow_with_the_picture() -> None:
    assert max_bitrate(640, 480, 30) == 1_800_000
    assert 3_300_000 < max_bitrate(1280, 720, 30) < 3_700_000
    assert 5_500_000 < max_bitrate(1920, 1080, 30) < 6_500_000
    assert max_bitrate(640, 480, 15) < max_bitrate(640, 480, 30)


def test_the_load_is_judged_by_the_pictures_that_come() -> None:
    ladder = Ladder(640, 480, 30)
    few = [ladder.step(1_000_000, 0.06, 1.0 + at / 10, coming=10) for at in range(600)]
    assert set(few) == {ladder.rungs[0]}
    many = [ladder.step(1_000_000, 0.06, 61.0 + at / 30, coming=30) for at in range(100)]
    assert many[-1] != ladder.rungs[0]
