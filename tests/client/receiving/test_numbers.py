"""Numbers grow with the stream, however often its counter begins again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.receiving.numbers import Unwrapper


@pytest.mark.parametrize("bits", [16, 32])
@given(start=st.integers(0, 2**32 - 1), steps=st.lists(st.integers(-20, 3_000), max_size=200))
def test_numbers_follow_a_counter_that_begins_again_and_again(
    bits: int, start: int, steps: list[int]
) -> None:
    unwrapper = Unwrapper(bits, 20)
    counted = start % 2**bits
    newest, first = counted, unwrapper.unwrap(counted)
    for step in steps:
        counted = newest + step
        assert unwrapper.unwrap(counted % 2**bits) - first == counted - start % 2**bits
        newest = max(newest, counted)


def test_what_was_overtaken_at_the_start_has_a_smaller_number() -> None:
    unwrapper = Unwrapper(16, 1)
    first = unwrapper.unwrap(0)
    assert unwrapper.unwrap(0xFFFF) == first - 1 >= 0


def test_what_is_further_behind_is_taken_for_what_comes_next() -> None:
    unwrapper = Unwrapper(16, 20)
    first = unwrapper.unwrap(1_000)
    assert unwrapper.unwrap(979) == first - 21 + (1 << 16)
    assert unwrapper.unwrap(980) == first - 20 + (1 << 16)
