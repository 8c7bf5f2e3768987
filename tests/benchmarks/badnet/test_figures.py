from __future__ import annotations

import pytest
from badnet.figures import (
    Freezes,
    Heard,
    Spread,
    first_after,
    freezes,
    lost_percent,
    percentile,
    sound_after,
    spread,
)


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(100, 0, -1)]

    assert percentile(values, 0.5) == 51
    assert percentile(values, 0.95) == 96
    assert percentile([7.0], 0.95) == 7
    assert percentile([], 0.5) is None


def test_a_gap_of_more_than_200_ms_is_a_freeze_and_counts_whole() -> None:
    times = [10.1, 10.25, 10.75, 10.9, 11.2]

    found = freezes(times, 10.0, 11.3)

    assert found.count == 2
    assert found.seconds == pytest.approx(0.8)
    assert found.longest_s == pytest.approx(0.5)


def test_a_window_without_pictures_is_one_freeze() -> None:
    assert freezes([], 10.0, 30.0) == Freezes(1, 20.0, 20.0)


def test_pictures_outside_the_window_do_not_count() -> None:
    assert freezes([9.0, 31.0], 10.0, 30.0) == Freezes(1, 20.0, 20.0)


def test_the_first_after_a_moment_is_the_next_whatever_the_order() -> None:
    assert first_after([1.0, 6.5, 5.5], 5.0) == 0.5
    assert first_after([1.0], 5.0) is None


def test_what_was_lost_before_the_first_look_does_not_count() -> None:
    assert lost_percent([Heard(0.0, 500, 1000), Heard(1.0, 510, 2000)]) == 1.0


def test_of_no_sound_nothing_is_known() -> None:
    assert lost_percent([]) is None
    assert lost_percent([Heard(0.0, 0, 0)]) is None
    assert lost_percent([Heard(0.0, 0, 0), Heard(1.0, 0, 0)]) is None


def test_sound_is_back_with_the_first_look_in_which_most_was_there() -> None:
    looks = [
        Heard(4.0, 0, 0),
        Heard(5.0, 960, 960),
        Heard(5.1, 1920, 1920),
        Heard(5.2, 2500, 2880),
        Heard(5.3, 2600, 3840),
        Heard(5.4, 2600, 4800),
    ]

    assert sound_after(looks, 5.0) == pytest.approx(0.3)
    assert sound_after(looks, 5.4) is None


def test_a_spread_leaves_out_what_is_not_known() -> None:
    assert spread([1.0, None, 3.0]) == Spread(2.0, 1.0, 3.0)
    assert spread([None]) is None


def test_spreads_overlap_where_they_share_a_value() -> None:
    assert Spread(2, 1, 3).overlaps(Spread(4, 3, 5))
    assert not Spread(2, 1, 3).overlaps(Spread(4, 3.5, 5))
