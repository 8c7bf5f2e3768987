"""Proof that the laboratory's TURN server relays, over each transport, and what it refuses."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aioice import stun, turn

from tests.netlab.addresses import Kind
from tests.netlab.conftest import Laboratories
from tests.netlab.coturn import PORT, RELAY_PORTS, TLS_PORT, Coturn, Transport
from tests.netlab.laboratory import Laboratory
from tests.netlab.probes import Place, probes

pytestmark = [pytest.mark.integration, pytest.mark.parallel]


class Ear(asyncio.DatagramProtocol):
    """What came through the relay."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[bytes, Place]] = asyncio.Queue()
        self.is_over = asyncio.Event()

    def datagram_received(self, data: bytes, addr: Place) -> None:
        self.heard.put_nowait((data, addr))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over.set()


@asynccontextmanager
async def relayed(
    lab: Laboratory, coturn: Coturn, transport: Transport, credentials: tuple[str, str] | None = None
) -> AsyncIterator[tuple[turn.TurnTransport, Ear]]:
    """A relayed place for somebody on host a, given back at the end."""
    name, password = credentials or coturn.credentials()
    trusting = ssl.create_default_context(cafile=str(coturn.certificate))
    with lab.a.namespace.inside():
        relay, ear = await turn.create_turn_endpoint(
            Ear,
            (coturn.address, TLS_PORT if transport == "tls" else PORT),
            name,
            password,
            ssl=trusting if transport == "tls" else False,
            transport="udp" if transport == "udp" else "tcp",
        )
    try:
        yield relay, ear
    finally:
        relay.close()
        await asyncio.wait_for(ear.is_over.wait(), 10)


@pytest.mark.parametrize(
    ("kind", "transport"),
    [("symmetric", "udp"), ("udp-blocked", "tcp"), ("udp-blocked", "tls"), ("ipv6", "udp"), ("ipv6", "tls")],
)
async def test_a_packet_goes_through_the_relay_and_back(
    laboratory: Laboratories, kind: Kind, transport: Transport
) -> None:
    lab = laboratory(kind, "ipv6" if kind == "ipv6" else "open")
    coturn = lab.coturn()
    async with relayed(lab, coturn, transport) as (relay, ear):
        address, port = relay.get_extra_info("sockname")
        assert address == coturn.address
        assert port in RELAY_PORTS
        with probes((lab.b.namespace, lab.b.address)) as (bob,):
            bob.send("opens his own filter", (address, port))
            relay.sendto(b"from ann", bob.place)
            assert await asyncio.to_thread(bob.receive) == ("from ann", (address, port))
            bob.send("from bob", (address, port))
            assert await asyncio.wait_for(ear.heard.get(), 10) == (b"from bob", bob.place)


@pytest.mark.parametrize(("lifetime_s", "invented"), [(-5, ""), (600, "invented")])
async def test_expired_and_invented_credentials_get_nothing(
    laboratory: Laboratories, lifetime_s: float, invented: str
) -> None:
    lab = laboratory("cone")
    coturn = lab.coturn()
    name, password = coturn.credentials(lifetime_s=lifetime_s)
    with pytest.raises(stun.TransactionFailed, match="401"):
        async with relayed(lab, coturn, "udp", (name, invented or password)):
            pass


async def test_the_quota_of_a_user_is_kept(laboratory: Laboratories) -> None:
    lab = laboratory("cone")
    coturn = lab.coturn(user_quota=1)
    credentials = coturn.credentials()
    async with relayed(lab, coturn, "udp", credentials):
        with pytest.raises(stun.TransactionFailed, match="486"):
            async with relayed(lab, coturn, "udp", credentials):
                pass


async def test_the_inside_of_a_network_is_no_peer(laboratory: Laboratories) -> None:
    lab = laboratory("cone")
    async with relayed(lab, lab.coturn(), "udp") as (relay, _):
        client: turn.TurnClientMixin = relay._TurnTransport__inner_protocol  # type: ignore[attr-defined]
        for number, inside in enumerate(("192.168.1.2", "10.1.2.3", "127.0.0.1", "224.0.0.1")):
            with pytest.raises(stun.TransactionFailed, match="403"):
                await client.channel_bind(0x4000 + number, (inside, 80))


async def test_nothing_of_it_stands_outside_its_folder(laboratory: Laboratories) -> None:
    def outside() -> dict[Path, int]:
        folders = [Path("/var/lib/turn"), Path("/var/log"), Path("/run"), Path("/var/tmp"), Path("/tmp")]
        return {path: path.stat().st_mtime_ns for folder in folders for path in folder.glob("*turn*")}

    before = outside()
    lab = laboratory("cone")
    async with relayed(lab, lab.coturn(), "tcp"):
        pass
    assert outside() == before
