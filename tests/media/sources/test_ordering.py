from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pycall.media.sources.ordering import MOST, in_order


@given(st.lists(st.floats(0, 100, allow_nan=False)), st.floats(0, 1.0))
def test_what_is_a_little_out_of_order_comes_out_sorted(times: list[float], span: float) -> None:
    nearly = sorted(times, key=lambda at: at + (hash(at) % 100) / 100 * span * 0.99)
    assert [at for at, _ in in_order(((at, None) for at in nearly), span)] == sorted(times)


def test_equal_times_keep_their_order() -> None:
    assert list(in_order([(1.0, "a"), (1.0, "b"), (0.5, "c")], 1.0)) == [(0.5, "c"), (1.0, "a"), (1.0, "b")]


def test_no_more_waits_than_must() -> None:
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield 0.0, None

    next(in_order(endless(), 1.0))  # type: ignore[arg-type]
    assert taken == MOST + 1


def test_without_a_span_everything_passes_at_once() -> None:
    things = iter([(3.0, "a"), (1.0, "b")])
    ordered = in_order(things, 0.0)
    assert next(ordered) == (3.0, "a")
    assert next(things) == (1.0, "b")
