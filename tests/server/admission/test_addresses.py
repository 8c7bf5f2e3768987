from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from pycall.server.admission.addresses import UNKNOWN, Networks, Proxies, Visitor, host_name

PROXIES = Proxies.of(["10.0.0.0/8", "127.0.0.1", "2001:db8:1::/48"])
CLIENT = "192.0.2.7"


class Wire:
    """What a request knows of its connection."""

    def __init__(self, peer: str, ours: str = "127.0.0.9") -> None:
        self._ends = {"peername": (peer, 1, 0, 0), "sockname": (ours, 2)}

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._ends.get(name, default)


def visitor(peer: str, *headers: tuple[str, str], proxies: Proxies = PROXIES) -> Visitor:
    request = make_mocked_request(
        "GET", "/", headers=CIMultiDict([("Host", "call.example.org"), *headers]), transport=Wire(peer)
    )
    return proxies.visitor(request)


def address(peer: str, *headers: tuple[str, str]) -> str:
    return str(visitor(peer, *headers).address)


# The address


def test_who_is_no_proxy_is_believed_nothing() -> None:
    lies = (("X-Forwarded-For", CLIENT), ("Forwarded", f"for={CLIENT};host=evil;proto=https"))
    lied = visitor("198.51.100.7", *lies, ("X-Forwarded-Host", "evil"), ("X-Forwarded-Proto", "https"))
    assert lied == Visitor(ipaddress.ip_address("198.51.100.7"), "call.example.org", "", False, False)


@pytest.mark.parametrize(
    ("told", "client"),
    [
        (CLIENT, CLIENT),
        (f" {CLIENT} ", CLIENT),
        (f"{CLIENT}:4711", CLIENT),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:192.0.2.7", CLIENT),
        ("127.0.0.1, 198.51.100.9, " + CLIENT, CLIENT),  # the client said the first two itself
        (f"198.51.100.9, {CLIENT}, 10.1.2.3, 127.0.0.1", CLIENT),
        (f"198.51.100.9, {CLIENT}, 2001:db8:1::5", CLIENT),
        ("10.1.2.3, 10.1.2.4", "10.1.2.3"),  # one of the proxies asks for itself
        ("", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        (f"{CLIENT}, _hidden", "10.0.0.1"),
        (f"{CLIENT}, \x1b]0;x, 10.1.2.3", "10.1.2.3"),
        (", ".join(["10.1.2.3"] * 1000), "10.1.2.3"),
    ],
)
def test_of_those_a_proxy_asks_for_the_last_that_is_none_is_the_client(told: str, client: str) -> None:
    assert address("10.0.0.1", ("X-Forwarded-For", told)) == client


def test_several_headers_of_one_name_are_one() -> None:
    told = (("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-For", f"{CLIENT}, 10.1.2.3"))
    assert address("::ffff:10.0.0.1", *told) == CLIENT


@pytest.mark.parametrize(
    ("told", "client"),
    [
        (f"for={CLIENT}", CLIENT),
        (f'for="{CLIENT}:4711";proto=https', CLIENT),
        ('For="[2001:db8::7]:4711"', "2001:db8::7"),
        (f"for=198.51.100.9, for={CLIENT}, for=10.1.2.3", CLIENT),
        ("for=_secret", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
        ("for=;;,,=", "10.0.0.1"),
    ],
)
def test_the_standard_header_says_the_same(told: str, client: str) -> None:
    assert address("10.0.0.1", ("Forwarded", told)) == client


def test_headers_that_contradict_each_other_are_not_believed() -> None:
    """A proxy sets one of them, and passes the other on as a stranger wrote it."""
    for true, lie in ((CLIENT, "198.51.100.9"), ("198.51.100.9", CLIENT)):
        assert address("10.0.0.1", ("X-Forwarded-For", true), ("Forwarded", f"for={lie}")) == "10.0.0.1"
    assert address("10.0.0.1", ("X-Forwarded-For", CLIENT), ("Forwarded", f"for={CLIENT}")) == CLIENT


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_told_there_is_an_address(told: str, also_told: str) -> None:
    printable = [text.replace("\r", "").replace("\n", "") for text in (told, also_told)]
    for headers in (
        [("X-Forwarded-For", printable[0])],
        [("Forwarded", f"for={printable[0]}")],
        [("X-Forwarded-For", printable[0]), ("Forwarded", printable[1])],
    ):
        assert visitor("10.0.0.1", *headers).address is not None


# What it counts as


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_this_machine_has_no_limits_unless_it_is_a_listed_proxy(peer: str) -> None:
    stranger = Proxies()
    assert visitor(peer, proxies=stranger).source is None
    assert visitor(peer, ("X-Forwarded-For", CLIENT), proxies=stranger).source is None
    listed = Proxies.of(["127.0.0.0/8", "::1"])
    assert visitor(peer, proxies=listed).source is not None
    told = visitor(peer, ("X-Forwarded-For", "127.0.0.1"), proxies=Proxies.of(["127.1.2.3", "::1"]))
    assert (told.source is None) == (peer in {"127.0.0.1", "::ffff:127.0.0.1"})


def test_what_is_counted_of_this_machine_too_is_counted_by_its_addresses() -> None:
    stranger = Proxies()
    assert visitor("127.0.0.1", proxies=stranger).network == visitor("::ffff:127.0.0.1").network
    assert visitor("127.0.0.1", proxies=stranger).network != visitor("127.0.0.2").network


def test_an_ipv6_network_of_one_owner_is_one_source() -> None:
    one = visitor("2001:db8:5:6::1").source
    assert one == visitor("2001:db8:5:6:ffff::9").source
    assert one != visitor("2001:db8:5:7::1").source
    assert visitor("0.0.0.1").source not in {visitor("::1:0:0:0:0").source, visitor("0.0.0.2").source}
    assert visitor("::ffff:192.0.2.7").source == visitor(CLIENT).source


def test_who_is_not_known_is_one_source() -> None:
    assert visitor("").source == visitor("somewhere").source == UNKNOWN


# Host and scheme


def test_host_and_scheme_are_those_of_the_proxy_nearest_to_the_client() -> None:
    told = visitor(
        "10.0.0.1", ("X-Forwarded-Host", "call.test, inner.test"), ("X-Forwarded-Proto", "HTTPS, http")
    )
    assert (told.host, told.scheme) == ("call.test", "https")
    assert visitor("10.0.0.1", ("X-Forwarded-Proto", "gopher")).scheme == ""
    assert visitor("10.0.0.1", ("X-Forwarded-Proto", "wss")).scheme == "https"
    assert visitor("10.0.0.1").host == "call.example.org"


def test_what_is_no_network_is_none() -> None:
    with pytest.raises(ValueError, match="kitchen"):
        Proxies.of(["kitchen"])


def test_an_address_is_in_the_networks_that_were_named_of_its_own_kind() -> None:
    named = Networks.of(["192.0.2.0/24", "2001:db8::/32"])
    assert ipaddress.ip_address("192.0.2.7") in named
    assert ipaddress.ip_address("2001:db8::7") in named
    assert ipaddress.ip_address("192.0.3.7") not in named
    assert ipaddress.ip_address("::192.0.2.7") not in named
    assert ipaddress.ip_address("192.0.2.7") not in Networks()


# The host


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("call.example.org", "call.example.org"),
        ("call.example.org:8443", "call.example.org"),
        ("my_server:8080", "my_server"),
        ("localhost.", "localhost."),
        ("192.0.2.1:80", "192.0.2.1"),
        ("[2001:db8::1]:8080", "2001:db8::1"),
        ("[::1]", "::1"),
        ("", ""),
        (":8080", ""),
        ("a b", ""),
        ("a/b", ""),
        ("a@b", ""),
        ("ü.example", ""),
        ("-x", ""),
        ("x\n", ""),
        ("::1", ""),
        ("[::1", ""),
        ("[fe80::1%eth0]", ""),
        ("[x]", ""),
        ("x" * 254, ""),
    ],
)
def test_a_host_is_a_name_or_an_address_or_not_known(header: str, host: str) -> None:
    assert host_name(header) == host
