from __future__ import annotations

import pytest

from pycall.core.iceurls import IceUrl, check_host, parse_ice_url

ANY_REASON = "host|address|Octet|Expected|octets|label|zone|server|port|parts|digits"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("call.example.org", "call.example.org"),
        ("localhost", "localhost"),
        ("my_box", "my_box"),
        ("call.example.org.", "call.example.org."),
        ("192.0.2.1", "192.0.2.1"),
        ("::1", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
    ],
)
def test_a_host_is_a_name_or_an_address(text: str, host: str) -> None:
    assert check_host(text) == host


@pytest.mark.parametrize(
    "text",
    ["", ".", "a..b", "-a", "a b", "a\n", "a/b", "a@b", "a?b", "a:80", "[a]", "[192.0.2.1]", "[::1", "1.2.3",
     "1.2.3.4.5", "256.1.1.1", "fe80::1%eth0", "[::1]x", "a." * 130, "x" * 64, "é.example", "a\x1b"],
)  # fmt: skip
def test_everything_else_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match=ANY_REASON):
        check_host(text)


@pytest.mark.parametrize(
    "url",
    ["stun:stun.example.org", "stun:192.0.2.1:8080", "stun:[::1]:3478", "turn:a:3478",
     "turn:a?transport=udp", "turn:[2001:db8::1]:3478?transport=tcp", "turns:a:5349?transport=tcp"],
)  # fmt: skip
def test_urls_of_servers_are_taken(url: str) -> None:
    assert parse_ice_url(url).host


def test_a_url_is_taken_apart_with_the_port_that_is_meant() -> None:
    assert parse_ice_url("turns:[2001:DB8::1]") == IceUrl("turns", "2001:db8::1", 5349, "")
    assert parse_ice_url("turn:a:80?transport=tcp") == IceUrl("turn", "a", 80, "tcp")


@pytest.mark.parametrize(
    "url",
    ["", "turns:a?transport=udp", "a:3478", "stuns:a", "turn:", "turn://a:3478", "http://a", "turn:a:0",
     "turn:a:65536", "turn:a?transport=sctp", "stun:a?transport=udp", "turn:a b", "turn:user@a",
     "turn:::1:3478", "TURN:a", "turn:a:"],
)  # fmt: skip
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=ANY_REASON):
        parse_ice_url(url)
