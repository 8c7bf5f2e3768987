"""When attempts to reach a server begin."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from pycall.client.signalling.pace import BETWEEN_S, HURRY_S, LONGEST_PAUSE_S, Pace


def pauses(pace: Pace, spread: float = 1.0) -> Iterator[float]:
    """Between attempts, each begun when its time has come."""
    while True:
        now = pace.next
        pace.dialled(now, spread)
        yield pace.next - now


def test_the_first_attempt_is_due_when_it_was_said_to_be() -> None:
    assert Pace(7.25).next == 7.25


def test_pauses_double_up_to_the_longest() -> None:
    assert list(islice(pauses(Pace(0.0)), 6)) == pytest.approx([0.5, 1.0, 2.0, 4.0, 5.0, 5.0])


def test_pauses_are_spread() -> None:
    assert list(islice(pauses(Pace(0.0), 1.2), 3)) == pytest.approx([0.6, 1.2, 2.4])


def test_a_hurry_dials_at_once_and_then_quickly_until_it_is_over() -> None:
    pace = Pace(0.0)
    list(islice(pauses(pace), 5))
    now = pace.next - 1.0
    pace.hurry(now)
    assert pace.next == now
    quick = list(islice(pauses(pace), int(HURRY_S / BETWEEN_S)))
    assert quick == pytest.approx([BETWEEN_S] * len(quick))
    assert next(pauses(pace)) == LONGEST_PAUSE_S


def test_a_hurry_may_be_called_for_at_every_moment_and_attempts_stay_apart() -> None:
    pace = Pace(0.0)
    attempts = []
    for step in range(1_000):
        now = step / 100
        pace.hurry(now)
        if now >= pace.next:
            attempts.append(now)
            pace.dialled(now, 1.0)
    assert attempts[0] == 0.0
    assert len(attempts) == pytest.approx(10 / BETWEEN_S, abs=1)


def test_a_hurry_never_puts_off_what_is_due_earlier() -> None:
    pace = Pace(5.0)
    pace.hurry(7.0)
    assert pace.next == 5.0
