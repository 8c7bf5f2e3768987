from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aioice import stun
from aioice.ice import Connection, StunProtocol

from pycall.server.ice.stun import StunResponder
from tests.server.ice.test_binding import request

ADDRESSES = [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1")]


@pytest.fixture
async def responder() -> AsyncIterator[StunResponder]:
    responder = StunResponder()
    await responder.start(["127.0.0.1"], 0)
    yield responder
    responder.stop()


@pytest.mark.parametrize(("bound", "address"), ADDRESSES)
async def test_aioice_learns_its_address(bound: str, address: str) -> None:
    responder = StunResponder()
    try:
        await responder.start([bound], 0)
    except OSError:
        pytest.skip(f"this machine has no {address}")
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: StunProtocol(Connection(ice_controlling=True)), local_addr=(address, 0)
    )
    try:
        asked = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        response, source = await protocol.request(asked, (address, responder.port or 0))
        assert response.attributes["XOR-MAPPED-ADDRESS"] == transport.get_extra_info("sockname")[:2]
        assert source[:2] == (address, responder.port)
    finally:
        transport.close()
        responder.stop()


@pytest.mark.parametrize("asked", ["127.0.0.1", "127.0.0.2", "127.0.0.3"])
async def test_on_all_addresses_it_is_the_asked_one_that_answers(asked: str) -> None:
    """Others than that are heard neither by clients nor through their NATs."""
    responder = StunResponder()
    await responder.start(["0.0.0.0"], 0)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.bind(("127.0.0.1", 0))
        asking.connect((asked, responder.port))  # hears nobody else
        await loop.sock_sendall(asking, bytes(2000))
        await loop.sock_sendall(asking, request())
        assert len(await asyncio.wait_for(loop.sock_recv(asking, 100), 5)) == 32
    responder.stop()
    assert responder.port is None


async def test_what_is_no_request_has_no_answer(responder: StunResponder) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.connect(("127.0.0.1", responder.port))
        for datagram in (b"", b"x", bytes(1000), request(kind=0x0101), request()):
            await loop.sock_sendall(asking, datagram)
        assert await loop.sock_recv(asking, 100)
        with pytest.raises(BlockingIOError):
            asking.recv(100)


async def test_every_address_is_answered_on_the_same_port(free_port: int) -> None:
    responder = StunResponder()
    await responder.start(["127.0.0.1", "127.0.0.2"], free_port)
    assert responder.port == free_port
    responder.stop()
    assert responder.port is None


async def test_a_port_in_use_is_said_so_and_nothing_stays_open(responder: StunResponder) -> None:
    assert responder.port
    with pytest.raises(OSError, match="in use"):
        await StunResponder().start(["127.0.0.2", "127.0.0.1"], responder.port)


async def test_who_cannot_be_reached_disturbs_nobody(responder: StunResponder) -> None:
    loop = asyncio.get_running_loop()
    gone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    gone.connect(("127.0.0.1", responder.port))
    gone.send(request())
    gone.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.connect(("127.0.0.1", responder.port))
        await loop.sock_sendall(asking, request())
        assert len(await loop.sock_recv(asking, 100)) == 32
