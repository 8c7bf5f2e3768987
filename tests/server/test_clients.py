from __future__ import annotations

import base64
import hashlib
import ipaddress

import pytest

from pycall.core.credentials import NONE, Credentials
from pycall.core.seats import Member
from pycall.server.admission.addresses import UNKNOWN, Visitor
from pycall.server.clients import Client, id_of, read_client

TOKEN = "vKz0_-123456789abcdefg"
VISITOR = Visitor(ipaddress.IPv4Address("192.0.2.7"), "call.test:8080", "", is_certain=True, is_local=False)


def read(auth: object, *, keeps_shown: bool = False) -> Client:
    return read_client("sid", auth, VISITOR, keeps_shown=keeps_shown)


def test_an_id_is_made_of_the_token_as_the_protocol_says() -> None:
    digest = base64.urlsafe_b64encode(hashlib.sha256(TOKEN.encode("ascii")).digest()).decode()
    assert id_of(TOKEN) == digest[:16]


def test_who_gives_a_token_has_its_id_and_keeps_it() -> None:
    client = read({"pycall": 1, "name": "Ann", "resume": TOKEN, "received": 7})
    member = Member(id_of(TOKEN), "Ann", extended=True)
    assert client == Client(member, "call.test", VISITOR.source, TOKEN, 7)


def test_who_gives_none_gets_a_token_of_128_bits() -> None:
    tokens = {read({"pycall": 1}).token for _ in range(100)}
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
    assert read({"pycall": 1, "resume": given}).token != given


@pytest.mark.parametrize("given", [None, -1, True, "1", 1.0, [1], 2**53])
def test_what_is_no_number_counts_as_none(given: object) -> None:
    assert read({"pycall": 1, "resume": TOKEN, "received": given}).received is None


def test_a_plain_client_is_known_by_its_socket_and_has_no_token() -> None:
    assert read({"resume": TOKEN, "name": "Ann"}) == Client(Member("sid"), source=VISITOR.source)


def test_no_token_is_ever_shown() -> None:
    assert TOKEN not in repr(read({"pycall": 1, "resume": TOKEN}))


@pytest.mark.parametrize("more", [{}, {"pycall": 1}])
def test_what_is_shown_is_kept_only_where_it_is_looked_at(more: dict[str, object]) -> None:
    auth = {"password": "open sesame", "invite": "an invite", **more}
    kept, dropped = read(auth, keeps_shown=True), read(auth)
    assert (kept.shown, kept.network) == (Credentials("open sesame", "an invite"), VISITOR.network)
    assert (dropped.shown, dropped.network) == (NONE, UNKNOWN)
