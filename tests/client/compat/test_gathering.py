"""What servers tell becomes candidates, and what they refuse is remembered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aioice.ice
import pytest
from aioice import stun
from aioice.candidate import Candidate

from pycall.client.compat.checking import IceConnection
from pycall.client.compat.gathering import Gathering, one_of_each_family
from pycall.client.iceservers import Server, StunServer, TurnServer
from tests.client.compat.ice import here
from tests.client.turn import HOST, PASSWORD, USER, Coturn


class _Stun(asyncio.DatagramProtocol):
    """A STUN server that tells everybody the same address."""

    transport: Any

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        request = stun.parse_message(data)
        response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = ("203.0.113.7", 7_000)
        self.transport.sendto(bytes(response), address)


@contextlib.asynccontextmanager
async def gathered(*servers: Server) -> AsyncIterator[tuple[Gathering, list[Candidate]]]:
    found: list[Candidate] = []
    protocols: list[aioice.ice.StunProtocol] = []

    def remember(candidate: Candidate, protocol: aioice.ice.StunProtocol | None) -> None:
        found.append(candidate)
        if protocol is not None:
            protocols.append(protocol)

    gathering = Gathering(IceConnection(ice_controlling=True), servers, remember)
    await gathering.bind([here()])
    await gathering.ask(relay_only=False)
    try:
        yield gathering, found
    finally:
        for protocol in protocols:
            await protocol.close()


async def test_a_stun_server_tells_our_address_once_however_many_tell_the_same() -> None:
    loop = asyncio.get_running_loop()
    made = [await loop.create_datagram_endpoint(_Stun, local_addr=(here(), 0)) for _ in range(2)]
    servers = [StunServer(here(), transport.get_extra_info("sockname")[1]) for transport, _ in made]
    async with gathered(*servers) as (gathering, found):
        assert [each.type for each in found] == ["host", "srflx"]
        assert (found[1].host, found[1].port) == ("203.0.113.7", 7_000)
        assert (found[1].related_address, found[1].related_port) == (found[0].host, found[0].port)
        assert found[0].priority > found[1].priority
        assert gathering.findings.udp_answered
        for transport, _ in made:
            transport.close()


async def test_every_relay_becomes_a_candidate_the_one_over_udp_first(
    coturn: Coturn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(coturn.certificate))
    ports = {"udp": coturn.port, "tcp": coturn.port, "tls": coturn.tls_port}
    servers = [TurnServer(HOST, ports[kind], kind, USER, PASSWORD) for kind in ("udp", "tcp", "tls")]
    async with gathered(*servers) as (gathering, found):
        relays = [each for each in found if each.type == "relay"]
        assert len(relays) == len({each.priority for each in relays}) == 3
        assert gathering.complete


async def test_a_server_that_refuses_is_remembered(coturn: Coturn) -> None:
    async with gathered(TurnServer(HOST, coturn.port, "udp", USER, "wrong")) as (gathering, _):
        assert 401 in gathering.findings.refusals
        assert gathering.findings.udp_answered


async def test_an_address_that_cannot_be_bound_is_passed_over() -> None:
    found: list[Candidate] = []
    gathering = Gathering(
        IceConnection(ice_controlling=True), (), lambda candidate, _: found.append(candidate)
    )
    await gathering.bind(["203.0.113.200"])
    assert found == []


async def test_a_server_of_an_unknown_name_ends_the_asking_like_any_other() -> None:
    async with gathered(StunServer("no-such-host.invalid", 3478)) as (gathering, found):
        assert gathering.enough.is_set()
        assert [each.type for each in found] == ["host"]


def test_one_address_of_each_family_is_tried() -> None:
    assert one_of_each_family(["::1", "192.0.2.1", "::2", "192.0.2.2"]) == ["::1", "192.0.2.1"]
