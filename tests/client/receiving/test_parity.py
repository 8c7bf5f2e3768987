"""What is missing comes out of the parity of the others, and nothing else does."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.receiving.parity import KEPT, MOST_PARITIES, ParityPackets
from tests.client.receiving.parities import SSRC, packet, parity_of

BASE = (1 << 16) + 0xFFFE
"""The numbers wrap around behind the first two."""

PACKETS = {
    BASE + each: packet(BASE + each, bytes([each]) * (5 + 3 * each), last=each == 3) for each in range(4)
}


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("lost", list(PACKETS))
def test_the_one_that_is_missing_is_made_up_for(lost: int, wide: bool) -> None:
    parity = ParityPackets()
    for number, data in PACKETS.items():
        if number != lost:
            parity.received(number, data)
    assert parity.recover(SSRC) == []
    parity.parity(BASE + 4, parity_of(PACKETS, list(PACKETS), wide=wide))
    assert parity.recover(SSRC) == [(lost, PACKETS[lost])]
    assert parity.recover(SSRC) == []


def test_what_was_made_up_for_helps_to_make_up_for_another() -> None:
    parity, (first, second, third, fourth) = ParityPackets(), list(PACKETS)
    parity.parity(BASE + 4, parity_of(PACKETS, [first, second, third]))
    parity.parity(BASE + 5, parity_of(PACKETS, [second, fourth]))
    parity.received(first, PACKETS[first])
    assert parity.recover(SSRC) == []
    parity.received(fourth, PACKETS[fourth])
    assert parity.recover(SSRC) == [(second, PACKETS[second]), (third, PACKETS[third])]


def test_where_more_is_missing_than_parity_tells_nothing_is_made_up() -> None:
    parity = ParityPackets()
    parity.received(BASE, PACKETS[BASE])
    parity.parity(BASE + 4, parity_of(PACKETS, list(PACKETS)))
    assert parity.recover(SSRC) == []


def test_parity_that_protects_only_the_beginning_of_a_packet_makes_up_for_none() -> None:
    told = bytearray(parity_of(PACKETS, list(PACKETS)))
    told[10:12] = struct.pack("!H", 8)
    parity = ParityPackets()
    for number in list(PACKETS)[:3]:
        parity.received(number, PACKETS[number])
    parity.parity(BASE + 4, bytes(told))
    assert parity.recover(SSRC) == []


def test_old_packets_and_parities_are_forgotten() -> None:
    parity = ParityPackets()
    parity.parity(BASE, parity_of(PACKETS, list(PACKETS)))
    for number in range(BASE, BASE + 2 * KEPT):
        parity.received(number + 4, packet(number + 4, b"x"))
        parity.parity(number + 4, parity_of(PACKETS, list(PACKETS)))
    parity.recover(SSRC)
    assert len(parity._packets) == KEPT
    assert len(parity._parities) <= MOST_PARITIES
    parity.received(BASE + 4 * KEPT, packet(BASE, b"x"))
    parity.recover(SSRC)
    assert not parity._parities


@given(st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=60), st.booleans()), max_size=40))
def test_whatever_comes_is_taken(events: list[tuple[int, bytes, bool]]) -> None:
    parity = ParityPackets()
    for number, data, is_parity in events:
        if is_parity:
            parity.parity(number, data)
        else:
            parity.received(number, packet(number, data))
        assert all(len(recovered) > 12 for _, recovered in parity.recover(SSRC))
