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


def test_a_limit_may_be_off() -> None:
    assert checks.whole_or_off(1, 20)("20") == 20
    assert checks.rate_or_off(0.1, 5)(2.5) == checks.time_or_off(0.1, 5)("2.5") == 2.5
    for check in (checks.whole_or_off(1, 20), checks.rate_or_off(0.1, 5), checks.time_or_off(0.1, 5)):
        assert check("off") is None
        for wrong in ("0", 21, "none", "inf", True, ""):
            with pytest.raises(checks.Unusable) as caught:
                check(wrong)
            assert "off" in caught.value.hint


def test_a_time_lies_in_bounds() -> None:
    assert checks.time(0.1, 60)("0.1") == 0.1
    for wrong in ("0", 61, "off", True):
        with pytest.raises(checks.Unusable):
            checks.time(0.1, 60)(wrong)


def test_an_origin_is_scheme_host_and_port() -> None:
    assert checks.origin(" https://WWW.example.org/ ") == "https://www.example.org"
    assert checks.origin("http://[::1]:3000") == "http://[::1]:3000"
    for wrong in (
        "www.example.org",
        "null",
        "https://",
        "https://a/b",
        "https://a:0",
        7,
        "http://[",
        "http://a b",
    ):
        with pytest.raises(checks.Unusable):
            checks.origin(wrong)


def test_a_stun_server_relays_nothing() -> None:
    assert checks.turn_server("turns:a?transport=tcp") == "turns:a?transport=tcp"
    with pytest.raises(checks.Unusable, match="is a STUN server"):
        checks.turn_server("stun:a")


def test_a_host_is_a_name_or_an_address() -> None:
    assert [checks.host(each) for each in ("", "a.example", "::1")] == ["", "a.example", "[::1]"]
    for wrong in ("a b", "http://a", "a:80", True):
        with pytest.raises(checks.Unusable):
            checks.host(wrong)


def test_an_address_is_one_with_numbers() -> None:
    assert [checks.ip_address(each) for each in ("", "192.0.2.7", "2001:DB8::1")] == [
        "",
        "192.0.2.7",
        "2001:db8::1",
    ]
    for wrong in ("a.example", "192.0.2", "[::1]", 7):
        with pytest.raises(checks.Unusable):
            checks.ip_address(wrong)


def test_a_range_of_ports_has_a_first_and_a_last() -> None:
    assert checks.port_range("61000-65535") == (61000, 65535)
    for wrong in ("61000", "61000-60000", "80-90", "61000-70000", "a-b", 61000):
        with pytest.raises(checks.Unusable):
            checks.port_range(wrong)
