"""Without transport-wide feedback, reports and estimates keep the rate within what the way takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.congestion.reports import Reports


def test_the_rate_grows_while_nothing_is_lost() -> None:
    reports, rate = Reports(), 500_000.0
    for second in range(20):
        reports.reported(0.0, 0.05)
        rate = reports.judge(rate, float(second))

    assert rate == pytest.approx(500_000 * 1.08**19)


def test_much_loss_lowers_it_and_some_leaves_it() -> None:
    reports = Reports()
    reports.reported(0.2, None)
    assert reports.judge(500_000, 1.0) == pytest.approx(450_000)

    reports.reported(0.05, None)

    assert reports.judge(500_000, 2.0) == 500_000


def test_a_round_trip_that_became_longer_lowers_it_once_for_each_report() -> None:
    reports = Reports()
    reports.reported(0.0, 0.05)
    reports.judge(500_000, 1.0)
    reports.reported(0.0, 0.3)

    assert reports.judge(500_000, 2.0) == pytest.approx(425_000)
    assert reports.judge(425_000, 2.0) == 425_000


def test_an_estimate_is_never_exceeded_and_half_of_it_is_believed_at_once() -> None:
    reports = Reports()
    reports.estimated(300_000)
    assert reports.judge(500_000, 1.0) == 300_000

    reports.estimated(2_000_000)

    assert reports.judge(300_000, 1.1) == 1_000_000


@given(
    st.lists(
        st.one_of(
            st.tuples(st.floats(0, 1), st.none() | st.floats(0, 10)),
            st.integers(0, 2**40),
        )
    )
)
def test_whatever_is_told_there_is_a_rate(told: list[tuple[float, float | None] | int]) -> None:
    reports, rate = Reports(), 500_000.0
    for second, each in enumerate(told):
        if isinstance(each, int):
            reports.estimated(each)
        else:
            reports.reported(*each)
        rate = reports.judge(rate, float(second))

        assert rate >= 0
