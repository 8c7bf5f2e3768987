"""Pairs are few, each there once, and the best first."""

from __future__ import annotations

from aioice.candidate import Candidate
from aioice.ice import Connection, StunProtocol

from pycall.client.compat.pairs import MAX_PAIRS, Pair, Pairs, State


def candidate(kind: str, port: int, priority: int = 1) -> Candidate:
    return Candidate.from_sdp(f"1 1 udp {priority} 192.0.2.1 {port} typ {kind}")


def protocol(kind: str = "host") -> StunProtocol:
    made = StunProtocol(Connection(ice_controlling=True))
    made.local_candidate = candidate(kind, 1_000)
    return made


async def test_a_direct_pair_comes_before_a_relayed_one_of_higher_priority() -> None:
    listed: list[Pair] = []
    pairs, socket = Pairs(listed), protocol()
    pairs.add(socket, candidate("relay", 1, priority=1_000), controlling=True)
    pairs.add(socket, candidate("srflx", 2, priority=10), controlling=True)
    pairs.add(socket, candidate("host", 3, priority=100), controlling=True)
    assert [pair.remote_candidate.type for pair in listed] == ["host", "srflx", "relay"]
    assert [pair.relayed for pair in pairs] == [False, False, True]


async def test_a_relay_of_ours_makes_a_pair_relayed() -> None:
    assert Pair(protocol("relay"), candidate("host", 1)).relayed


async def test_each_pair_is_there_once() -> None:
    pairs, socket = Pairs([]), protocol()
    first = pairs.add(socket, candidate("host", 1), controlling=True)
    assert pairs.add(socket, candidate("host", 1), controlling=True) is None
    assert pairs.find(socket, ("192.0.2.1", 1)) is first


async def test_too_many_make_room_for_better_ones_only() -> None:
    listed: list[Pair] = []
    pairs, socket = Pairs(listed), protocol()
    for number in range(1, 2 * MAX_PAIRS):
        pairs.add(socket, candidate("host", number, priority=number), controlling=True)
    assert len(listed) == MAX_PAIRS
    assert pairs.add(socket, candidate("host", 5_000, priority=1), controlling=True) is None
    listed[0].state = State.FAILED
    assert pairs.add(socket, candidate("host", 5_001, priority=1), controlling=True) is not None
    assert len(listed) == MAX_PAIRS
