from __future__ import annotations

import random
import struct
import zlib

import pytest
from aioice import stun

from pycall.server.ice.binding import MOST_BYTES, answer

TRANSACTION = bytes(range(12))
SOFTWARE = b"\x80\x22\x00\x03abc\x00"
PADDING = b"\x00\x26\x00\x04aaaa"
CHANGE_REQUEST = b"\x00\x03\x00\x04\x00\x00\x00\x06"
USERNAME = b"\x00\x06\x00\x03a:b\x00"

IP_AND_UDP = {4: 20 + 8, 6: 40 + 8}
"""Bytes of the headers of a packet, which an attacker has to send as well."""


def request(
    attributes: bytes = b"", *, kind: int = 1, cookie: int = 0x2112A442, length: int | None = None
) -> bytes:
    size = len(attributes) if length is None else length
    return struct.pack("!HHI12s", kind, size, cookie, TRANSACTION) + attributes


def with_fingerprint(before: bytes) -> bytes:
    kind, size = struct.unpack_from("!HH", before)
    message = struct.pack("!HH", kind, size + 8) + before[4:]
    return message + struct.pack("!HHI", 0x8028, 4, zlib.crc32(message) ^ 0x5354554E)


@pytest.mark.parametrize("host", ["192.0.2.7", "255.255.255.255", "2001:db8::7", "fe80::7"])
@pytest.mark.parametrize("port", [1, 65535])
def test_the_answer_is_the_address_asked_from(host: str, port: int) -> None:
    response = answer(request(), host, port)
    assert response is not None
    parsed = stun.parse_message(response)
    assert (parsed.message_method, parsed.message_class) == (stun.Method.BINDING, stun.Class.RESPONSE)
    assert parsed.transaction_id == TRANSACTION
    assert parsed.attributes == {"XOR-MAPPED-ADDRESS": (host, port)}


def test_the_answer_is_that_of_the_standards_test_vector() -> None:
    """RFC 5769 section 2.2 has the attribute for 192.0.2.1:32853 in this transaction."""
    transaction = bytes.fromhex("b7e7a701bc34d686fa87dfae")
    response = answer(struct.pack("!HHI", 1, 0, 0x2112A442) + transaction, "192.0.2.1", 32853)
    assert response is not None
    assert response[20:].hex() == "002000080001a147e112a643"


def test_a_zone_is_no_part_of_the_address() -> None:
    assert answer(request(), "fe80::7%eth0", 9) == answer(request(), "fe80::7", 9)


def test_a_fingerprint_is_answered_with_one() -> None:
    response = answer(with_fingerprint(request(SOFTWARE)), "192.0.2.7", 9)
    assert response is not None
    assert stun.parse_message(response).attributes.keys() == {"XOR-MAPPED-ADDRESS", "FINGERPRINT"}


@pytest.mark.parametrize(("host", "version"), [("192.0.2.7", 4), ("2001:db8::7", 6)])
@pytest.mark.parametrize("asked", [request(), request(SOFTWARE), with_fingerprint(request())])
def test_nothing_is_amplified(asked: bytes, host: str, version: int) -> None:
    response = answer(asked, host, 9)
    assert response is not None
    headers = IP_AND_UDP[version]
    assert (headers + len(response)) / (headers + len(asked)) <= 1.5


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"x",
        b"GET / HTTP/1.1\r\n\r\n",
        request()[:-1],
        request() + b"x",
        request() + bytes(4),
        request(kind=0),
        request(kind=0x0101),
        request(kind=0x0011),
        request(kind=0x0003),
        request(cookie=0x2112A443),
        request(length=4),
        request(length=0xFFFC),
        request(b"\x80\x22\x00\x00", length=3),
        request(b"\x80\x22\x00\x01"),
        request(b"\x80\x22\xff\xff"),
        request(b"\x80\x22\x00\x05abcd"),
        request(CHANGE_REQUEST),
        request(PADDING),
        request(USERNAME),
        request(SOFTWARE + USERNAME),
        request(SOFTWARE * (MOST_BYTES // 8)),
        with_fingerprint(request())[:-1] + b"\x00",
        with_fingerprint(with_fingerprint(request())),
        with_fingerprint(request())[:2] + b"\x00\x10" + with_fingerprint(request())[4:] + SOFTWARE,
    ],
    ids=lambda datagram: datagram.hex()[:80] or "empty",
)
def test_everything_else_has_no_answer(datagram: bytes) -> None:
    assert answer(datagram, "192.0.2.7", 9) is None


def test_no_datagram_breaks_it() -> None:
    chance = random.Random(7)
    whole = with_fingerprint(request(SOFTWARE + b"\x80\x2c\x00\x02aa\x00\x00"))
    for _ in range(20_000):
        datagram = bytearray(whole[: chance.randrange(len(whole) + 1)])
        for _ in range(chance.randrange(4)):
            if datagram:
                datagram[chance.randrange(len(datagram))] = chance.randrange(256)
        response = answer(bytes(datagram), "192.0.2.7", 9)
        assert response is None or len(response) <= 40
