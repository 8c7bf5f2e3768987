"""Loss is counted once for each packet, and taken back for those that were only overtaken."""

from __future__ import annotations

import pytest

from pycall.client.congestion.loss import Loss
from pycall.client.congestion.sent import Result


def result(sent_at: float, *, came: bool, late: bool = False, repeated: bool = False) -> Result:
    return Result(sent_at, sent_at if came else None, 100, late, repeated)


def test_the_share_is_of_the_seconds_asked_for() -> None:
    loss = Loss()
    loss.add([result(n * 0.01, came=n < 500) for n in range(600)])

    assert loss.counted(5.5)[1] == pytest.approx(1.0)
    assert loss.fraction(100.0) == pytest.approx(1 / 6, abs=0.02)


def test_one_that_was_overtaken_is_not_lost_but_one_that_was_repaired_is() -> None:
    loss = Loss()
    loss.add([result(n * 0.01, came=n >= 2) for n in range(10)])
    assert loss.fraction(1.0) == pytest.approx(0.2)

    loss.add([result(0.0, came=True, late=True), result(0.01, came=True, late=True, repeated=True)])

    assert loss.fraction(1.0) == pytest.approx(0.1)


def test_nothing_is_lost_of_nothing() -> None:
    assert Loss().fraction(1.0) == 0.0
