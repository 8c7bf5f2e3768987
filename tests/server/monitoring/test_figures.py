from __future__ import annotations

import pytest

from pycall.server.monitoring.figures import BOUNDS_S, Figures, Histogram, code_of
from pycall.server.refusal import Refusal
from pycall.server.wire.causes import CAUSES


def test_a_duration_is_counted_by_the_lowest_bound_that_it_does_not_exceed() -> None:
    histogram = Histogram()
    for duration in (0.0, BOUNDS_S[0], BOUNDS_S[0] + 1e-9, BOUNDS_S[-1], BOUNDS_S[-1] + 1):
        histogram.observe(duration)
    assert histogram.counts == [2, 1, *[0] * (len(BOUNDS_S) - 3), 1, 1]
    assert histogram.total_s == pytest.approx(2 * BOUNDS_S[0] + 2 * BOUNDS_S[-1] + 1)


def test_every_code_of_a_refusal_is_there_from_the_start() -> None:
    assert Figures().refusals == {each.code: 0 for each in Refusal}


@pytest.mark.parametrize(
    "cause", [*CAUSES, "bad-message: malformed packet", "unknown-event: refused too often"]
)
def test_the_code_of_a_cause_is_one_word(cause: str) -> None:
    assert code_of(cause).replace("-", "").isalpha()
    assert code_of(f"{cause}: more") == code_of(cause)
