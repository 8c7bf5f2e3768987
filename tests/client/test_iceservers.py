"""URLs of STUN and TURN servers, as RFC 7064 and RFC 7065 write them and as people do."""

from __future__ import annotations

import pytest

from pycall.client.iceservers import MAX_SERVERS, Server, StunServer, TurnServer, parse_server, usable_servers
from pycall.core.messages import IceServer

WHO = ("ann", "secret")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("stun:example.org", StunServer("example.org", 3478)),
        ("stun:192.0.2.1:19302", StunServer("192.0.2.1", 19302)),
        ("stun:[2001:db8::1]:3479", StunServer("2001:db8::1", 3479)),
        ("turn:example.org", TurnServer("example.org", 3478, "udp", *WHO)),
        ("turn:example.org?transport=udp", TurnServer("example.org", 3478, "udp", *WHO)),
        ("turn:[2001:DB8::1]?transport=tcp", TurnServer("2001:db8::1", 3478, "tcp", *WHO)),
        ("turns:example.org", TurnServer("example.org", 5349, "tls", *WHO)),
        ("turns:example.org:443?transport=tcp", TurnServer("example.org", 443, "tls", *WHO)),
    ],
)
def test_a_server_is_known_by_its_url(url: str, server: Server) -> None:
    assert parse_server(url, *WHO) == server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "stun:",
        "stun:host:0",
        "stun:host:65536",
        "stun:host:port",
        "stun:host?transport=udp",
        "stun://host",
        "stuns:host",
        "turn:host?transport=sctp",
        "turn:host:3478?transport=tcp&x=y",
        "turns:host?transport=udp",
        "turn:[::1",
        "turn:[1.2.3.4]",
        "turn:2001:db8::1",
        "turn:host\n",
        "http://example.org",
        "STUN:host",
        "stun:hóst",
    ],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_server(url, *WHO)


@pytest.mark.parametrize("who", [(None, None), ("ann", None), ("", "secret")])
def test_a_relay_needs_a_name_and_a_password(who: tuple[str | None, str | None]) -> None:
    with pytest.raises(ValueError, match="credential"):
        parse_server("turn:example.org", *who)


def test_a_password_is_shown_nowhere() -> None:
    offered = IceServer(("turn:example.org",), *WHO)
    assert "secret" not in repr([offered, *usable_servers([offered])])


def test_unusable_servers_are_left_out_with_a_line_each(caplog: pytest.LogCaptureFixture) -> None:
    offered = [
        IceServer(("stun:one", "nonsense\x1b[31m")),
        IceServer(("turn:two",)),
        IceServer(("stun:one",)),
    ]
    assert usable_servers(offered) == (StunServer("one", 3478),)
    assert len(caplog.messages) == 2
    assert all(message.isprintable() for message in caplog.messages)


def test_more_servers_than_are_asked_are_left_out() -> None:
    urls = [f"{scheme}:host{number}" for number in range(50) for scheme in ("stun", "turn")]
    assert len(usable_servers([IceServer(tuple(urls), *WHO)])) == 2 * MAX_SERVERS
