from __future__ import annotations

import aiohttp
import pytest

from pycall.limits import Limits
from pycall.server.app import SignallingServer
from tests.server.raw import Clients

HANDSHAKE = {"EIO": "4", "transport": "websocket"}


async def test_the_greeting_says_what_the_client_must_know(clients: Clients) -> None:
    client = await clients.open()
    assert set(client.opened) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
    assert client.opened["upgrades"] == []
    assert client.opened["pingInterval"] == Limits().ping_interval_s * 1000
    assert client.opened["pingTimeout"] == Limits().ping_timeout_s * 1000


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, 5),
        ({"EIO": "3", "transport": "websocket"}, 5),
        ({"EIO": "4", "transport": "polling"}, 0),
        ({"EIO": "4"}, 0),
        (HANDSHAKE, 3),
        ({**HANDSHAKE, "sid": "\x1b]0;pwned\x07\nFAKE"}, 1),
    ],
)
async def test_what_is_no_websocket_handshake_is_refused(
    server: SignallingServer, query: dict[str, str], code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{server.port}/socket.io/"
    async with aiohttp.ClientSession() as session, session.get(url, params=query) as response:
        assert response.status == 400
        assert (await response.json())["code"] == code
    assert capfd.readouterr() == ("", "")


async def test_a_page_of_another_origin_is_refused(clients: Clients) -> None:
    for origin in ("http://evil.example", "null", "http://[", ""):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await clients.open(Origin=origin)
        assert refused.value.status == 403


async def test_a_page_of_this_server_is_served(clients: Clients, server: SignallingServer) -> None:
    await clients.open(Origin=f"http://127.0.0.1:{server.port}")


async def test_compression_is_not_agreed_on(server: SignallingServer) -> None:
    url = f"http://127.0.0.1:{server.port}/socket.io/"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, params=HANDSHAKE, compress=15) as socket,
    ):
        assert not socket.compress


async def test_ids_are_unguessable_and_all_different(clients: Clients) -> None:
    ids = {(await clients()).id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(each) >= 20 for each in ids)
