"""An allocation is used as a socket is, and given back without waiting."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aioice import stun, turn

from pycall.client.compat import relaying
from pycall.client.compat.relaying import MAX_PEERS, Relay, allocate
from pycall.client.iceservers import TurnServer
from tests.client.pair import until
from tests.client.turn import GIVEN_BACK, HOST, PASSWORD, USER, Coturn, running_coturn


def refuse(code: int, reason: str) -> None:
    raise AssertionError(code, reason)


class _Taker(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.taken: list[tuple[bytes, tuple[str, int]]] = []
        self.lost = asyncio.Event()

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.taken.append((data, address))

    def connection_lost(self, exc: Exception | None) -> None:
        assert exc is None
        self.lost.set()


@contextlib.asynccontextmanager
async def relay_of(
    coturn: Coturn, refused: Callable[[int, str], None] = refuse
) -> AsyncIterator[tuple[Relay, _Taker]]:
    relay = await allocate(TurnServer(HOST, coturn.port, "udp", USER, PASSWORD), HOST, None, refused)
    taker = _Taker()
    relay.attach(taker)
    try:
        yield relay, taker
    finally:
        relay.close()
        await taker.lost.wait()


@pytest.mark.parametrize("kind", [turn.TurnClientUdpProtocol, turn.TurnClientTcpProtocol])
async def test_the_names_used_of_the_client_are_there(
    kind: type[turn.TurnClientUdpProtocol | turn.TurnClientTcpProtocol],
) -> None:
    client = kind((HOST, 1), username="a", password="b", lifetime=600, channel_refresh_time=600)
    for name in (
        "_send", "channel_bind", "channel_to_peer", "connect", "integrity_key", "mapped_address", "nonce",
        "peer_to_channel", "realm", "receiver", "refresh_task", "relayed_address", "send_stun", "server",
        "username",
    ):  # fmt: skip
        assert hasattr(client, name), name


async def test_packets_pass_both_ways(coturn: Coturn) -> None:
    async with relay_of(coturn) as (relay, taker):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind((HOST, 0))
            peer.setblocking(False)
            relay.sendto(b"first", peer.getsockname())
            relay.sendto(b"second", peer.getsockname())
            loop = asyncio.get_running_loop()
            for expected in (b"first", b"second"):
                data, source = await loop.sock_recvfrom(peer, 100)
                assert data == expected
                assert source == relay.get_extra_info("sockname")
                peer.sendto(b"back", source)
            await until(lambda: (b"back", peer.getsockname()) in taker.taken)


async def test_channels_are_bound_anew_before_they_end(
    coturn: Coturn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "REFRESH_S", 0.05)
    before = coturn.said("CHANNEL_BIND processed, success")
    async with relay_of(coturn) as (relay, _):
        relay.sendto(b"hello", (HOST, 9))
        await until(lambda: coturn.said("CHANNEL_BIND processed, success") >= before + 3)


async def test_no_more_peers_than_can_be_meant_get_a_channel(coturn: Coturn) -> None:
    async with relay_of(coturn) as (relay, _):
        for port in range(1, 1_000):
            relay.sendto(b"x", (HOST, port))
        assert len(relay._waiting) == MAX_PEERS
        relay.close()
        relay.sendto(b"x", (HOST, 1))
        assert relay.is_closing()


async def test_a_peer_the_server_does_not_relay_to_is_told(coturn: Coturn) -> None:
    refused: list[int] = []
    async with relay_of(coturn, lambda code, _: refused.append(code)) as (relay, _):
        relay.sendto(b"x", ("224.0.0.251", 5_353))
        await until(lambda: refused == [403])


async def test_a_wrong_password_is_refused_and_leaves_nothing(coturn: Coturn) -> None:
    with pytest.raises(stun.TransactionFailed):
        await allocate(TurnServer(HOST, coturn.port, "tcp", USER, "wrong"), HOST, None, refuse)
    await asyncio.sleep(0)  # its transport closes in the next round of the loop


class _Middleman(asyncio.DatagramProtocol):
    """Between one client and a server; the answers after the first it keeps to itself."""

    def __init__(self) -> None:
        self.answers = 0
        self._client = self._server = (HOST, 0)

    async def open(self, port: int) -> tuple[asyncio.DatagramTransport, int]:
        self._server = (HOST, port)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, 0))
        return self._transport, self._transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if address != self._server:
            self._client = address
            self._transport.sendto(data, self._server)
            return
        self.answers += 1
        if self.answers == 1:
            self._transport.sendto(data, self._client)


async def test_what_was_granted_to_one_who_waits_no_more_is_given_back(coturn: Coturn) -> None:
    middleman = _Middleman()
    transport, port = await middleman.open(coturn.port)
    before = coturn.said(GIVEN_BACK)
    server = TurnServer(HOST, port, "udp", USER, PASSWORD)
    asking = asyncio.create_task(allocate(server, HOST, None, refuse))
    await until(lambda: middleman.answers == 2)
    asking.cancel()
    await asyncio.wait([asking])
    await until(lambda: coturn.said(GIVEN_BACK) == before + 1)
    transport.close()


async def test_a_server_with_ipv6_relays_by_that_too_when_asked(tmp_path: Path) -> None:
    with running_coturn(tmp_path / "coturn", "listening-ip=::1", "relay-ip=::1") as coturn:
        server = TurnServer("::1", coturn.port, "udp", USER, PASSWORD)
        for ipv6 in (True, False):
            relay = await allocate(server, "::1", None, refuse, ipv6=ipv6)
            taker = _Taker()
            relay.attach(taker)
            assert (":" in relay.get_extra_info("sockname")[0]) is ipv6
            relay.close()
            await taker.lost.wait()


def test_the_names_used_of_stun_are_there() -> None:
    for name in ("ATTRIBUTES_BY_TYPE", "ATTRIBUTES_BY_NAME", "pack_unsigned", "unpack_unsigned"):
        assert hasattr(stun, name), name
