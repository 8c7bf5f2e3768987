"""Without transport-wide feedback, reports and estimates keep the rate within what the way takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.congestion.reports import BOUND_S, LEAST_S, Reports

START = 500_000


def rates(
    reports: Reports,
    rate: float,
    seconds: range,
    *,
    loss: float = 0.0,
    rtt_s: float | None = 0.05,
    bound: int | None = None,
    sends: float = 0.0,
) -> list[float]:
    """The rate after each second with a report and an estimate; ``sends`` is the share of it that leaves."""
    said = []
    for second in seconds:
        if sends:
            for packet in range(10):
                reports.left(round(rate * sends / 80), second - 1 + packet / 10)
        reports.reported(loss, rtt_s, float(second))
        rate = reports.judge(rate, float(second))
        if bound is not None:
            reports.estimated(bound, second + 0.5)
            rate = reports.judge(rate, second + 0.5)
        said.append(rate)
    return said


def test_the_rate_grows_while_nothing_is_lost() -> None:
    assert rates(Reports(START), START, range(20))[-1] == pytest.approx(START * 1.08**19)


def test_much_loss_lowers_it_and_some_leaves_it() -> None:
    reports = Reports(START)
    reports.reported(0.2, None, 1.0)
    assert reports.judge(500_000, 1.0) == pytest.approx(450_000)

    reports.reported(0.05, None, 2.0)

    assert reports.judge(500_000, 2.0) == 500_000


@pytest.mark.parametrize("loss", [0.2, 0.5])
def test_loss_lowers_it_whatever_the_other_end_believes_in(loss: float) -> None:
    lossy = rates(Reports(START), START, range(5), loss=loss, bound=2_000_000)

    assert lossy == pytest.approx([START * (1 - loss / 2) ** n for n in range(1, 6)])


def test_after_much_loss_it_grows_again_and_soon_to_half_of_what_the_other_end_believes_in() -> None:
    reports = Reports(START)
    rate = rates(reports, START, range(10), loss=0.3, bound=2_000_000)[-1]
    assert rate < 100_000

    assert rates(reports, rate, range(10, 20), bound=2_000_000)[-1] >= 1_000_000


def test_a_round_trip_that_became_longer_lowers_it_once_for_each_report() -> None:
    reports = Reports(START)
    reports.reported(0.0, 0.05, 1.0)
    reports.judge(500_000, 1.0)
    reports.reported(0.0, 0.3, 2.0)

    assert reports.judge(500_000, 2.0) == pytest.approx(425_000)
    assert reports.judge(425_000, 2.0) == 425_000


def test_what_a_longer_round_trip_lowered_no_estimate_lifts() -> None:
    reports = Reports(START)
    rates(reports, START, range(3))

    longer = rates(reports, START, range(3, 6), rtt_s=0.3, bound=2_000_000)

    assert longer == pytest.approx([START * 0.85**n for n in range(1, 4)])


def test_a_way_that_is_another_one_now_has_its_own_least_round_trip() -> None:
    reports = Reports(START)
    rates(reports, START, range(5))
    rate = rates(reports, START, range(5, 6 + LEAST_S), rtt_s=0.2)[-1]
    assert rate < 0.3 * START

    assert rates(reports, rate, range(6 + LEAST_S, 36 + LEAST_S), rtt_s=0.2)[-1] > START


def test_an_estimate_is_never_exceeded_and_half_of_it_is_soon_tried() -> None:
    reports = Reports(START)
    reports.estimated(300_000, 1.0)
    assert reports.judge(500_000, 1.0) == 300_000

    assert rates(reports, 300_000, range(2, 5), bound=2_000_000)[-1] >= 1_000_000


def test_a_huge_estimate_is_not_believed_at_once() -> None:
    reports = Reports(START)
    reports.judge(START, 1.0)
    reports.estimated(2**40, 1.0)
    assert reports.judge(START, 1.0) == START

    assert reports.judge(START, 2.0) <= 2 * START


def test_an_estimate_that_is_not_repeated_is_forgotten() -> None:
    reports = Reports(START)
    reports.estimated(100_000, 0.0)
    assert rates(reports, START, range(1, int(BOUND_S)))[-1] == 100_000

    assert rates(reports, 100_000, range(int(BOUND_S) + 1, 40))[-1] > 300_000


@pytest.mark.parametrize("bound", [None, 20_000_000])
def test_it_does_not_run_away_from_what_is_sent(bound: int | None) -> None:
    reports = Reports(START)
    rate = START
    for second in range(60):
        for packet in range(50):
            reports.left(500_000 // 8 // 50, second + packet / 50)
        rate = int(rates(reports, rate, range(second + 1, second + 2), bound=bound)[-1])

    assert rate == pytest.approx(1_000_000, rel=0.03)


def test_it_grows_back_to_what_was_begun_with_even_if_hardly_anything_is_sent() -> None:
    reports = Reports(START)

    assert rates(reports, 100_000, range(60), sends=0.1)[-1] == START


def test_what_is_used_grows_as_if_nobody_counted() -> None:
    assert rates(Reports(START), START, range(20), sends=0.9)[-1] == pytest.approx(START * 1.08**19)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.floats(0, 1), st.none() | st.floats(0, 10)),
            st.integers(0, 2**40),
        )
    )
)
def test_whatever_is_told_there_is_a_rate(told: list[tuple[float, float | None] | int]) -> None:
    reports, rate = Reports(START), 500_000.0
    for second, each in enumerate(told):
        reports.left(1_000, float(second))
        if isinstance(each, int):
            reports.estimated(each, float(second))
        else:
            reports.reported(*each, float(second))
        rate = reports.judge(rate, float(second))

        assert rate >= 0
