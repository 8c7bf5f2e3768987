"""Candidates come as they are found, and the end waits for nobody."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aioice import stun
from aioice.candidate import Candidate
from aioice.ice import TransportPolicy

from pycall.client.compat import gathering
from pycall.client.compat.checking import IceConnection
from pycall.client.compat.pairs import MAX_LEARNED
from pycall.client.iceservers import StunServer, TurnServer
from tests.client.compat.ice import here, host_at, meet, of_ipv4, two
from tests.client.pair import until
from tests.client.turn import HOST, PASSWORD, USER, Coturn


async def test_host_candidates_are_there_before_servers_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "GATHER_S", 0.2)
    found: list[Candidate | None] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((here(), 0))
        connection = IceConnection(ice_controlling=True)
        connection.servers = (StunServer(*deaf.getsockname()),)
        connection.gathered = found.append
        await connection.gather_candidates()
        assert connection.gathering is not None
        assert not connection.gathering.complete
        assert found == connection.local_candidates
        assert {each.type for each in connection.local_candidates} == {"host"}
        await until(lambda: found[-1] is None)
        assert connection.gathering.complete
        await connection.close()


async def test_with_relays_only_nothing_else_is_bound(coturn: Coturn) -> None:
    connection = IceConnection(ice_controlling=True, transport_policy=TransportPolicy.RELAY)
    connection.servers = (
        StunServer(HOST, coturn.port),
        TurnServer(HOST, coturn.port, "udp", USER, PASSWORD),
    )
    await connection.gather_candidates()
    assert [each.type for each in connection.local_candidates] == ["relay"]
    assert len(connection._protocols) == 1
    await connection.close()


async def test_a_relay_found_late_is_paired_with_what_is_known(coturn: Coturn) -> None:
    async with two() as (one, other):
        relayed = IceConnection(ice_controlling=True)
        relayed.servers = (TurnServer(HOST, coturn.port, "udp", USER, PASSWORD),)
        relayed.remote_username, relayed.remote_password = one.local_username, one.local_password
        await relayed.add_remote_candidate(of_ipv4(one))
        await relayed.gather_candidates()
        checks = asyncio.create_task(relayed.connect())
        await until(lambda: any(pair.local_candidate.type == "relay" for pair in relayed.pairs))
        await relayed.close()
        await asyncio.gather(checks, return_exceptions=True)
        assert other.chosen is None


@pytest.mark.parametrize("host", ["224.0.0.1", "255.255.255.255", "0.0.0.0", "0.1.2.3", "::ffff:192.0.2.1"])
async def test_addresses_of_no_single_computer_are_dropped(host: str) -> None:
    async with two() as (one, _):
        await one.add_remote_candidate(host_at((host, 5_000)))
        await one.add_remote_candidate(host_at(("192.0.2.1", 0)))
        assert one.remote_candidates == []


async def test_learned_addresses_are_bounded() -> None:
    async with two() as (one, other):
        await one.add_remote_candidate(of_ipv4(other))
        await meet(one, other)
        chosen = one.chosen
        check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes={"PRIORITY": 1})
        for port in range(5_000, 5_100):
            one.check_incoming(check, (here(), port), one._protocols[0])
        learned = [each for each in one.remote_candidates if each.type == "prflx"]
        assert len(learned) <= MAX_LEARNED
        assert one.chosen is chosen
