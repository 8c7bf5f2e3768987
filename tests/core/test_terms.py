from __future__ import annotations

import dataclasses

import pytest

from pycall.core.terms import CallTerms


def test_terms_are_without_limit_unless_said_otherwise_and_do_not_change() -> None:
    terms = CallTerms("den")
    assert (terms.duration_s, terms.wait_s, terms.stay) == (None, None, False)
    assert terms.reconnect_s == 60.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        terms.stay = True  # type: ignore[misc]
