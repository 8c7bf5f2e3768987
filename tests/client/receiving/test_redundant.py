"""A packet of redundancy is told as the one that parity was made of."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.receiving.redundant import as_protected, block_of

FIXED = struct.pack("!HII", 7, 90_000, 77)
EXTENSIONS = struct.pack("!HH", 0xBEDE, 3) + b"\x10a" + b"\x22\1\2\3" + b"\x00" + b"\x41\4\5" + b"\0\0"
EMPTIED = struct.pack("!HH", 0xBEDE, 3) + b"\x10a" + b"\x22\0\0\0" + b"\x00" + b"\x41\0\0" + b"\0\0"


def test_one_block_is_opened_and_several_are_not() -> None:
    assert block_of(b"\x61abc") == (97, b"abc")
    assert block_of(b"\xe1\0\0\1\x61abc") is None
    assert block_of(b"") is None


def test_the_block_takes_the_place_of_the_redundancy_and_what_is_filled_in_late_is_empty() -> None:
    source = b"\0\0\0\5"
    packet = b"\x91\xe7" + FIXED + source + EXTENSIONS + b"\x61abc"
    assert as_protected(packet, {2, 4}) == b"\x91\xe1" + FIXED + source + EMPTIED + b"abc"
    assert as_protected(b"\x80\x67" + FIXED + b"\x61abc", {2, 4}) == b"\x80\x61" + FIXED + b"abc"


@pytest.mark.parametrize(
    "packet",
    [b"", b"\x80\x67" + FIXED, b"\xa0\x67" + FIXED + b"\x61a\1", b"\x90\x67" + FIXED + EXTENSIONS[:6]],
    ids=["none", "empty", "padded", "cut"],
)
def test_what_is_no_packet_of_redundancy_is_none(packet: bytes) -> None:
    assert as_protected(packet, {2, 4}) is None


@given(st.binary(max_size=80))
def test_whatever_comes_is_looked_at(packet: bytes) -> None:
    for first in (b"", b"\x90\x67" + FIXED, b"\x90\x67" + FIXED + EXTENSIONS[:2]):
        protected = as_protected(first + packet, {1, 2, 4})
        assert protected is None or len(protected) == len(first + packet) - 1
