"""Packets in the order of their timestamps, and not too many of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pycall.media.playout.packets import MOST, Held, Shelf


def held(timestamp: int, length: int = 960) -> Held:
    return Held(timestamp, length, timestamp // 960, b"x")


@given(st.lists(st.integers(-(1 << 40), 1 << 40), max_size=50))
def test_they_come_out_in_order_however_they_came(timestamps: list[int]) -> None:
    shelf = Shelf()
    for timestamp in timestamps:
        shelf.put(held(timestamp))
    first = min(timestamps, default=0)
    taken = []
    while shelf.first(first) is not None:
        taken.append(shelf.take().timestamp)

    assert taken == sorted(set(timestamps))


def test_a_duplicate_is_not_kept() -> None:
    shelf = Shelf()

    assert shelf.put(held(960))
    assert not shelf.put(held(960))
    assert len(shelf) == 1


def test_those_whose_time_is_over_are_thrown_away_and_one_that_is_half_over_is_not() -> None:
    shelf = Shelf()
    for timestamp in (0, 960, 1_920):
        shelf.put(held(timestamp))

    assert shelf.first(after=1_000) == held(960)
    assert len(shelf) == 2
    assert shelf.first(after=2_880) is None


def test_the_oldest_go_when_there_are_too_many() -> None:
    shelf = Shelf()
    for number in range(MOST + 5):
        shelf.put(held(number * 960))

    assert len(shelf) == MOST
    assert shelf.first(after=-1) == held(5 * 960)
    assert shelf.stop == (MOST + 5) * 960
    shelf.clear()
    assert shelf.stop is None
