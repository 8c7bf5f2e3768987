from __future__ import annotations

import pytest

from pycall.core.iceurls import check_host
from pycall.server.ice.iceservers import HERE, LOOPBACK, IceServers, Turn

NOW = 1_700_000_000.9


def ice_servers(**options: str) -> IceServers:
    servers = IceServers(**options, lifetime_s=600, clock=lambda: NOW)
    servers.stun = (f"stun:{HERE}:8080",)
    servers.turns = (
        Turn((f"turn:{HERE}:3478?transport=udp", f"turns:{HERE}:5349?transport=tcp"), "one secret"),
        Turn(("turn:relay.example.org:3478?transport=udp",), "another"),
    )
    return servers


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("call.example.org", "call.example.org"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "[2001:db8::1]"),
    ],
)
def test_a_member_is_told_the_name_it_came_by(name: str, host: str) -> None:
    stun, turn, elsewhere = ice_servers().for_member("ann", name)
    assert stun == {"urls": [f"stun:{host}:8080"]}
    assert turn["urls"] == [f"turn:{host}:3478?transport=udp", f"turns:{host}:5349?transport=tcp"]
    assert elsewhere["urls"] == ["turn:relay.example.org:3478?transport=udp"]


def test_a_public_host_is_told_whatever_the_member_came_by() -> None:
    stun, *_ = ice_servers(public_host="2001:db8::9").for_member("ann", "localhost")
    assert stun == {"urls": ["stun:[2001:db8::9]:8080"]}


@pytest.mark.parametrize("name", ["", "a:80", "a b", 'a"b', "a?b", "[::1", "fe80::1%eth0", "a\nb", "x" * 300])
def test_what_is_no_host_is_handed_to_nobody(name: str) -> None:
    told = ice_servers().for_member("ann", name)
    assert [server["urls"] for server in told] == [["turn:relay.example.org:3478?transport=udp"]]


def test_credentials_expire_and_are_each_members_own() -> None:
    """The password by `printf 1700000600:ann | openssl dgst -sha1 -hmac "one secret" -binary | base64`."""
    servers = ice_servers()
    _, anns, elsewhere = servers.for_member("ann", "localhost")
    _, bobs, _ = servers.for_member("bob", "localhost")
    assert anns["username"] == elsewhere["username"] == "1700000600:ann"
    assert anns["credential"] == "m4DNrp0iY0qhYzeUM04lvPz16MY="
    assert bobs["username"] == "1700000600:bob"
    assert len({anns["credential"], bobs["credential"], elsewhere["credential"]}) == 3


def test_without_servers_there_is_nothing_to_tell() -> None:
    assert IceServers().for_member("ann", "localhost") == []


def test_a_secret_is_not_shown() -> None:
    assert "one secret" not in repr(Turn((), "one secret"))


@pytest.mark.parametrize(
    "name", ["localhost", "LOCALHOST.", "ann.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]
)
def test_what_only_this_machine_reaches_is_told_to_who_came_by_a_name_of_it_for_itself(name: str) -> None:
    servers = ice_servers()
    servers.stun = (f"stun:{LOOPBACK}:8080",)
    assert servers.for_member("ann", name)[0] == {"urls": [f"stun:{check_host(name)}:8080"]}


@pytest.mark.parametrize(
    "name", ["call.example.org", "localhost.example.org", "notlocalhost", "192.0.2.1", ""]
)
def test_what_only_this_machine_reaches_is_told_to_nobody_else(name: str) -> None:
    servers = ice_servers()
    servers.stun, servers.turns = (f"stun:{LOOPBACK}:8080",), (Turn((f"turn:{LOOPBACK}:3478",), "secret"),)
    assert servers.for_member("ann", name) == []


def test_nor_by_a_public_host_which_is_told_to_everybody() -> None:
    servers = IceServers(public_host="call.example.org")
    servers.stun = (f"stun:{LOOPBACK}:8080",)
    assert servers.for_member("ann", "localhost") == []
