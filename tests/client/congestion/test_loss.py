"""Loss is counted once for each packet, and it is told whether sending less would lessen it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.congestion.loss import Loss, Trial, Verdict
from pycall.client.congestion.sent import Result


def result(sent_at: float, *, came: bool, late: bool = False, repeated: bool = False) -> Result:
    return Result(sent_at, sent_at if came else None, 100, late, repeated)


def test_the_share_is_of_what_left_since_the_time_asked_for_and_is_settled() -> None:
    loss = Loss()
    loss.add([result(n * 0.01, came=n < 500) for n in range(600)])

    assert loss.settled_at == pytest.approx(5.9)
    assert loss.counted(5.5) == (40, 1.0)
    assert loss.counted(0.0)[1] == pytest.approx(90 / 590, abs=0.01)


def test_one_that_was_overtaken_is_not_lost_but_one_that_was_repaired_is() -> None:
    loss = Loss()
    loss.add([result(n * 0.01, came=n >= 2) for n in range(20)])
    assert loss.counted(0.0) == (10, 0.2)

    loss.add([result(0.0, came=True, late=True), result(0.01, came=True, late=True, repeated=True)])

    assert loss.counted(0.0) == (10, 0.1)


def test_nothing_is_lost_of_nothing() -> None:
    assert Loss().counted(0.0) == (0, 0.0)


def verdicts(seconds: float, lost: Callable[[float], float], seed: int = 1) -> list[Verdict]:
    """What is said of a way that loses a share depending on the rate, which is 1 or, while tried, 0.8."""
    loss, chance, rate = Loss(), random.Random(seed), 1.0
    trial = Trial(loss)
    said = []
    for n in range(round(seconds / 0.05)):
        now = n * 0.05
        loss.add([result(now + m * 0.005, came=chance.random() >= lost(rate)) for m in range(10)])
        verdict = trial.judge(0.05, 0.05, now + 0.05)
        if verdict is not None:
            said.append(verdict)
            rate = 1.0 if verdict is Verdict.OWN else 0.8
    return said


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_loss_that_does_not_come_from_the_rate_is_found_to_be_the_ways_own(share: float) -> None:
    assert verdicts(10, lambda _: share) == [Verdict.TRY, Verdict.OWN]


def test_loss_that_ends_when_less_is_sent_comes_from_sending_too_much() -> None:
    assert verdicts(10, lambda rate: 0.2 if rate == 1.0 else 0.0) == [Verdict.TRY, Verdict.TOO_MUCH]


def test_little_loss_is_hardly_ever_worth_a_trial_and_never_taken_for_too_much() -> None:
    assert verdicts(20, lambda _: 0.02, seed=2) == []
    assert verdicts(20, lambda _: 0.02, seed=1) in ([], [Verdict.TRY, Verdict.OWN])


def test_the_ways_own_loss_is_forgotten_when_it_ends() -> None:
    loss = Loss()
    trial = Trial(loss)
    trial.own = 0.2
    for n in range(3000):
        loss.add([result(n * 0.02, came=True)])
        trial.judge(0.02, 0.05, n * 0.02)

    assert trial.own < 0.05


def test_one_that_came_after_all_is_counted_back_only_if_it_was_counted() -> None:
    loss = Loss()
    loss.add([result(n * 0.01, came=True) for n in range(40)])
    loss.add([result(0.05, came=True, late=True)])

    assert loss.counted(0.0)[1] == 0.0


def test_what_is_left_out_is_never_counted() -> None:
    loss = Loss()
    loss.add([result(n * 0.01, came=True) for n in range(100)])
    loss.add([result(1 + n * 0.01, came=False) for n in range(100)])

    loss.leave_out(1.0, 3.0)
    loss.add([result(1.5, came=False), result(1.6, came=True, late=True)])
    loss.add([result(3 + n * 0.01, came=True) for n in range(100)])

    assert loss.counted(0.0)[1] == 0.0


@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.booleans(), st.booleans(), st.booleans(), st.booleans()),
        max_size=200,
    )
)
def test_whatever_is_told_no_less_than_nothing_and_no_more_than_all_is_lost(
    packets: list[tuple[float, bool, bool, bool, bool]],
) -> None:
    loss = Loss()
    trial = Trial(loss)
    for sent_at, came, late, repeated, leaves_out in packets:
        loss.add([result(sent_at, came=came, late=late and came, repeated=repeated)])
        if leaves_out:
            loss.leave_out(sent_at - 0.5, sent_at)
        trial.judge(0.1, 0.1, sent_at)

        assert 0 <= loss.counted(0.0)[1] <= 1
        assert all(0 <= slot[2] <= slot[1] for slot in loss._slots)
