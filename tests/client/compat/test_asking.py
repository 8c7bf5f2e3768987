from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aioice import stun

from pycall.client.compat.asking import CHANGE_PORT, NoBindingError, StunSocket
from pycall.server.ice.stun import StunResponder

HOST = "127.0.0.1"


@pytest.fixture
async def sock() -> AsyncIterator[StunSocket]:
    opened = StunSocket()
    await opened.open(4)
    yield opened
    opened.close()


@asynccontextmanager
async def answering(attributes: Mapping[str, object], kind: stun.Class) -> AsyncIterator[tuple[str, int]]:
    """A STUN server that says whatever it is told to."""

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.DatagramTransport", transport)

        def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
            request = stun.parse_message(data)
            answer = stun.Message(stun.Method.BINDING, kind, request.transaction_id, dict(attributes))
            self.transport.sendto(b"nonsense", source)
            self.transport.sendto(bytes(answer), source)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Server, local_addr=(HOST, 0))
    try:
        yield transport.get_extra_info("sockname")[:2]
    finally:
        transport.abort()


async def test_several_servers_see_one_socket_at_one_address(sock: StunSocket) -> None:
    responder, other = StunResponder(), StunResponder()
    await responder.start([HOST], 0)
    await other.start([HOST], 0)
    try:
        seen = await asyncio.gather(
            *(sock.ask((HOST, each.port)) for each in (responder, other) if each.port is not None)
        )
    finally:
        responder.stop()
        other.stop()

    assert [each.mapped for each in seen] == [(HOST, sock.port)] * 2
    assert [each.other for each in seen] == [None, None]


async def test_who_does_not_answer_is_given_up(sock: StunSocket) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((HOST, 0))
        with pytest.raises(NoBindingError) as raised:
            await sock.ask(deaf.getsockname(), retries=0)

    assert raised.value.code == 0


async def test_what_a_server_tells_of_itself_is_read(sock: StunSocket) -> None:
    said = {"XOR-MAPPED-ADDRESS": ("192.0.2.7", 7), "OTHER-ADDRESS": ("192.0.2.8", 8), "SOFTWARE": "Mine 1.0"}
    async with answering(said, stun.Class.RESPONSE) as place:
        binding = await sock.ask(place, change=CHANGE_PORT)

    assert (binding.mapped, binding.other, binding.software) == (
        ("192.0.2.7", 7),
        ("192.0.2.8", 8),
        "Mine 1.0",
    )


async def test_an_error_is_told_by_its_code(sock: StunSocket) -> None:
    async with answering({"ERROR-CODE": (420, "Unknown")}, stun.Class.ERROR) as place:
        with pytest.raises(NoBindingError) as raised:
            await sock.ask(place)

    assert raised.value.code == 420


async def test_an_answer_without_an_address_is_none(sock: StunSocket) -> None:
    async with answering({}, stun.Class.RESPONSE) as place:
        with pytest.raises(NoBindingError):
            await sock.ask(place)


async def test_a_socket_that_was_never_opened_can_be_closed() -> None:
    StunSocket().close()
