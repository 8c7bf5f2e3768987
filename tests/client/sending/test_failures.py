"""What fails is begun anew, and given up when that does not help; both are said once."""

from __future__ import annotations

import logging

import pytest

from pycall.client.sending.failures import MOST, Failures


def test_failures_apart_from_each_other_change_nothing() -> None:
    failures = Failures("sound")
    for _ in range(10 * MOST):
        failures.failed(ValueError())
        failures.worked()
    assert not failures.stock


def test_failures_in_a_row_lead_to_another_encoder_which_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = Failures("pictures")
    with caplog.at_level(logging.WARNING):
        for _ in range(10 * MOST):
            failures.failed(ValueError("too green"))
    assert failures.stock
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert "too green" in caplog.text
