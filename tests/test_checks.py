"""What may be configured, and what is told of the rest; most checks are tried through their keys."""

from __future__ import annotations

import pytest

from pycall import checks


@pytest.mark.parametrize(
    "url",
    [
        "stun:stun.example.org",
        "stun:192.0.2.1:3478",
        "stun:[2001:db8::1]:3478",
        "turn:turn.example.org:3478?transport=tcp",
        "turns:turn.example.org",
    ],
)
def test_the_address_of_a_stun_or_turn_server_is_taken(url: str) -> None:
    assert checks.ice_server(url) == url


@pytest.mark.parametrize(
    "url", ["", "example.org", "http://example.org", "stun:", "stun:a b", "turn:me:secret@x", "stuns:x"]
)
def test_what_is_no_address_of_one_is_told(url: str) -> None:
    with pytest.raises(checks.Unusable):
        checks.ice_server(url)


def test_patience_may_be_none_at_all() -> None:
    assert checks.patience("0") == 0.0
    assert checks.patience(90) == 90.0
    for wrong in ("-1", "soon", "nan", "inf", True):
        with pytest.raises(checks.Unusable):
            checks.patience(wrong)
