"""Every call has a key of its own."""

from __future__ import annotations

from pycall.client.identity import Identity


def test_two_calls_show_different_keys() -> None:
    one, other = (Identity().certificate.getFingerprints() for _ in range(2))
    assert {each.value for each in one}.isdisjoint(each.value for each in other)
