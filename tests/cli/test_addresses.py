from __future__ import annotations

import ipaddress
import socket

import pytest

from pycall.cli import addresses
from pycall.cli.addresses import is_listened_on, is_loopback, lan_address, own_names, reachable


def test_a_server_bound_to_one_address_is_reached_there() -> None:
    assert reachable("192.0.2.7") == ["192.0.2.7"]
    assert reachable("example.org") == ["example.org"]


def test_a_server_bound_to_all_is_reached_at_each_of_its_family_loopback_last() -> None:
    found = [ipaddress.ip_address(address) for address in reachable("0.0.0.0")]
    assert all(address.version == 4 and not address.is_link_local for address in found)
    assert found[-1].is_loopback
    loopback = [address.is_loopback for address in found]
    assert loopback == sorted(loopback)
    sixes = [address for address in reachable("::") if address != "::"]
    assert all(ipaddress.ip_address(address).version == 6 for address in sixes)


def test_this_machine_is_called_by_its_name_and_its_addresses() -> None:
    names = own_names()
    assert {"localhost", socket.gethostname(), *reachable("0.0.0.0")} <= set(names)
    assert any(name.endswith(".local") for name in names)


def test_the_address_in_the_network_is_one_that_others_reach() -> None:
    address = lan_address()
    if address is None:
        assert all(map(is_loopback, reachable("0.0.0.0")))
    else:
        assert address in reachable("0.0.0.0")
        assert not is_loopback(address)


def test_without_a_way_out_it_is_any_that_is_not_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_way_out", lambda _: None)
    address = lan_address()
    assert address is None or not is_loopback(address)


@pytest.mark.parametrize("only", ["127.0.0.1", "0.0.0.0"])
def test_a_machine_without_a_network_has_none(monkeypatch: pytest.MonkeyPatch, only: str) -> None:
    monkeypatch.setattr(addresses, "_way_out", lambda _: None)
    monkeypatch.setattr(addresses, "reachable", lambda _: [only])
    assert lan_address() is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("192.0.2.7", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_loopback_is_recognised(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


def test_whether_anything_listens_is_tried(free_port: int) -> None:
    assert not is_listened_on("127.0.0.1", free_port)
    with socket.create_server(("127.0.0.1", free_port)):
        assert is_listened_on("127.0.0.1", free_port)
        assert not is_listened_on("127.0.0.2", free_port)
