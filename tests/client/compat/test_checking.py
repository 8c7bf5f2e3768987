"""Which pair is chosen, how many are checked, and that it ends."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aioice.candidate import Candidate
from aioice.ice import StunProtocol

from pycall.client.compat import checking
from pycall.client.compat.pairs import MAX_PAIRS
from pycall.client.iceservers import TurnServer
from tests.client.compat.ice import host_at, introduce, meet, of_ipv4, speak, through_nat, two
from tests.client.pair import until
from tests.client.turn import HOST, PASSWORD, USER, Coturn


async def test_two_connect_and_both_use_the_same_pair() -> None:
    async with two() as (one, other):
        await introduce(one, other)
        await meet(one, other)
        await speak(one, other)
        assert one.chosen is not None
        assert other.chosen is not None
        assert one.chosen.remote_addr == other.chosen.local_addr
        assert one.chosen.local_addr == other.chosen.remote_addr


@pytest.mark.parametrize("controlling", [True, False])
async def test_a_conflict_of_roles_is_repaired(controlling: bool) -> None:
    async with two() as (one, other):
        one.ice_controlling = other.ice_controlling = controlling
        await introduce(one, other)
        await meet(one, other)
        assert one.ice_controlling != other.ice_controlling
        await speak(one, other)


async def test_an_address_nobody_told_is_learned() -> None:
    async with through_nat() as (inside, outside, nat):
        await meet(inside, outside)
        await speak(inside, outside)
        assert outside.chosen is not None
        assert outside.chosen.remote_addr == nat.far
        assert outside.chosen.remote_candidate.type == "prflx"


async def test_candidates_may_come_while_checks_are_under_way() -> None:
    async with two() as (one, other):
        checks = asyncio.gather(one.connect(), other.connect())
        await asyncio.sleep(0)
        await one.add_remote_candidate(of_ipv4(other))
        await checks
        await speak(one, other)


async def test_when_nothing_works_it_fails_as_soon_as_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "CHECK_S", 0.3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        async with two() as (one, _):
            deaf.bind((of_ipv4(one).host, 0))
            await one.add_remote_candidate(host_at(deaf.getsockname()))
            with pytest.raises(ConnectionError):
                await one.connect()


async def test_without_any_candidate_of_the_other_it_fails_at_once() -> None:
    async with two() as (one, _):
        await one.add_remote_candidate(None)
        with pytest.raises(ConnectionError):
            await one.connect()


async def test_closing_ends_the_checks() -> None:
    async with two() as (one, other):
        await one.add_remote_candidate(of_ipv4(other))
        one.remote_password = "not the other's password"
        checks = asyncio.create_task(one.connect())
        await until(lambda: any(pair.task for pair in one.pairs))
        await one.close()
        with pytest.raises(ConnectionError):
            await checks


async def test_of_ten_thousand_candidates_few_are_checked_and_no_name_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("getaddrinfo", "gethostbyname"):
        monkeypatch.delattr(socket, name)
    monkeypatch.setattr(checking, "PACE_S", 0.001)
    asked: set[tuple[str, int]] = set()
    monkeypatch.setattr(StunProtocol, "send_stun", lambda _, __, address: asked.add(address))
    async with two() as (one, _):
        checks = asyncio.create_task(one.connect())
        for number in range(10_000):
            port = number % 60_000 + 1
            for host in ("192.0.2.77", "example.org", "255.255.255.255", "224.0.0.1", "0.0.0.0"):
                candidate = Candidate.from_sdp(f"1 1 udp {number + 1} {host} {port} typ host")
                await one.add_remote_candidate(candidate)
            assert len(one._check_list) <= MAX_PAIRS
        await until(lambda: one._checked == MAX_PAIRS)
        await asyncio.sleep(0.05)
        assert len(asked) <= MAX_PAIRS
        assert {host for host, _ in asked} == {"192.0.2.77"}
        await one.close()
        await asyncio.gather(checks, return_exceptions=True)


async def test_a_direct_way_that_opens_later_takes_over_from_the_relay(coturn: Coturn) -> None:
    moved: list[bool] = []
    async with through_nat(TurnServer(HOST, coturn.port, "udp", USER, PASSWORD)) as (inside, outside, nat):
        nat.blocked = True
        inside.moved = lambda: moved.append(inside.chosen is not None and inside.chosen.relayed)
        for end, other in ((inside, outside), (outside, inside)):
            relay = next(each for each in other.local_candidates if each.type == "relay")
            await end.add_remote_candidate(relay)
        moved.clear()
        await meet(inside, outside)
        assert moved == [True]
        await speak(inside, outside)
        nat.blocked = False
        await until(lambda: all(end.chosen and not end.chosen.relayed for end in (inside, outside)))
        assert moved == [True, False]
        await speak(inside, outside)
