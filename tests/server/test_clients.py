from __future__ import annotations

import base64
import hashlib

import pytest

from pycall.core.seats import Member
from pycall.server.clients import Client, host_name, id_of, read_client

TOKEN = "vKz0_-123456789abcdefg"


def test_an_id_is_made_of_the_token_as_the_protocol_says() -> None:
    digest = base64.urlsafe_b64encode(hashlib.sha256(TOKEN.encode("ascii")).digest()).decode()
    assert id_of(TOKEN) == digest[:16]


def test_who_gives_a_token_has_its_id_and_keeps_it() -> None:
    client = read_client("sid", {"pycall": 1, "name": "Ann", "resume": TOKEN, "received": 7})
    assert client == Client(Member(id_of(TOKEN), "Ann", extended=True), token=TOKEN, received=7)


def test_who_gives_none_gets_a_token_of_128_bits() -> None:
    tokens = {read_client("sid", {"pycall": 1}).token for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {22}


@pytest.mark.parametrize(
    "given",
    [
        None,
        7,
        True,
        [TOKEN],
        "",
        TOKEN[:-1],
        TOKEN * 3,
        TOKEN + " ",
        TOKEN + "\n",
        "é" + TOKEN,
        TOKEN + "\ud800",
    ],
)
def test_what_is_no_token_counts_as_none(given: object) -> None:
    assert read_client("sid", {"pycall": 1, "resume": given}).token != given


@pytest.mark.parametrize("given", [None, -1, True, "1", 1.0, [1], 2**53])
def test_what_is_no_number_counts_as_none(given: object) -> None:
    assert read_client("sid", {"pycall": 1, "resume": TOKEN, "received": given}).received is None


def test_a_plain_client_is_known_by_its_socket_and_has_no_token() -> None:
    assert read_client("sid", {"resume": TOKEN, "name": "Ann"}, "x.test") == Client(Member("sid"))


def test_no_token_is_ever_shown() -> None:
    assert TOKEN not in repr(read_client("sid", {"pycall": 1, "resume": TOKEN}))


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
