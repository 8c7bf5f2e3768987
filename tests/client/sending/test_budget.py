"""Sound has its part of any path; pictures get what is left."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pycall.client.sending.budget import PICTURES_LEAST, SOUND_HEADERS, SOUND_LEAST, SOUND_MOST, Budget


def test_on_a_narrow_path_sound_keeps_its_least_and_on_a_wide_one_it_gets_its_most() -> None:
    budget = Budget()
    assert budget.split(60_000, 0.0, 1.0).sound == SOUND_LEAST
    assert budget.split(60_000, 0.0, 1.0).pictures == PICTURES_LEAST
    assert budget.split(2_000_000, 0.0, 1.0).sound == SOUND_MOST


def test_half_a_megabit_shows_pictures_as_sharp_as_a_browser() -> None:
    assert 380_000 <= Budget().split(500_000, 0.0, 1.0).pictures <= 410_000


def test_repairs_are_paid_for_by_pictures_for_a_second() -> None:
    budget = Budget()
    before = budget.split(1_000_000, 0.0, 1.0)
    for number in range(10):
        budget.repaired(1_250, 1.0 + number / 100)
    during = budget.split(1_000_000, 0.0, 1.5)
    assert before.pictures - during.pictures == 93_000
    assert during.sound == before.sound
    assert budget.split(1_000_000, 0.0, 2.2) == before


def test_the_redundancy_in_sound_follows_the_loss() -> None:
    losses = (0.0, 0.04, 0.055, 0.9)
    assert [Budget().split(500_000, loss, 1.0).expected_loss for loss in losses] == [3, 4, 6, 25]


@given(st.integers(0, 50_000_000), st.floats(0, 1), st.lists(st.integers(0, 1_500), max_size=100))
def test_no_path_gets_more_than_it_takes_unless_it_takes_next_to_nothing(
    target: int, loss: float, repairs: list[int]
) -> None:
    budget = Budget()
    for size in repairs:
        budget.repaired(size, 1.0)
    shares = budget.split(target, loss, 1.1)
    least = SOUND_LEAST + SOUND_HEADERS + PICTURES_LEAST
    assert shares.sound + SOUND_HEADERS + shares.pictures <= max(target, least)
