"""Lengths that cannot be are refused, and bridges are not offered."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import pytest
from aiortc.rtcsctptransport import encode_params
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.guards import decode_params, may_be_a_peer, without_bridges


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=8))
def test_parameters_come_back_as_they_were_encoded(params: list[tuple[int, bytes]]) -> None:
    assert decode_params(encode_params(params)) == params


@pytest.mark.parametrize("length", [0, 1, 3, 9, 0xFFFF])
def test_a_length_that_cannot_be_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="length"):
        decode_params(struct.pack("!HH", 7, length) + b"abcd")


@given(st.binary(max_size=200))
def test_any_bytes_are_parameters_or_refused(body: bytes) -> None:
    try:
        params = decode_params(body)
    except ValueError:
        return
    assert sum(4 + len(value) for _, value in params) <= len(body)


@dataclass
class Address:
    ip: str | tuple[str, int, int]


@dataclass
class Adapter:
    nice_name: str
    ips: list[Address] = field(default_factory=list)


ADAPTERS = [
    Adapter("eth0", [Address("192.0.2.5"), Address(("2001:db8::5", 0, 0))]),
    Adapter("docker0", [Address("172.17.0.1")]),
    Adapter("br-0f3c", [Address("172.18.0.1"), Address(("fd00:18::1", 0, 0))]),
    Adapter("tailscale0", [Address("100.64.0.9")]),
]


def test_bridges_are_left_out() -> None:
    found = ["192.0.2.5", "172.17.0.1", "172.18.0.1", "100.64.0.9", "2001:db8::5", "fd00:18::1"]
    assert without_bridges(found, ADAPTERS) == ["192.0.2.5", "100.64.0.9", "2001:db8::5"]  # type: ignore[arg-type]


def test_a_bridge_is_offered_when_there_is_nothing_else() -> None:
    assert without_bridges(["172.17.0.1"], ADAPTERS) == ["172.17.0.1"]  # type: ignore[arg-type]


def test_a_computer_without_any_network_calls_itself() -> None:
    assert without_bridges([], []) == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("address", "possible"),
    [
        ("192.0.2.1", True),
        ("10.0.0.1", True),
        ("127.0.0.1", True),
        ("2001:db8::1", True),
        ("0.0.0.0", False),
        ("0.1.2.3", False),
        ("224.0.0.251", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("ff02::fb", False),
        ("fe80::1%eth0", False),
        ("::ffff:192.0.2.1", False),
        ("example.org", False),
    ],
)
def test_only_addresses_of_one_computer_may_be_a_peers(address: str, possible: bool) -> None:
    assert may_be_a_peer(address) is possible
