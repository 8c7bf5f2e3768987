from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pycall.errors import ConfigError, ListenFailed
from pycall.server.app import SignallingServer
from pycall.server.ice.coturn import RelaySettings
from pycall.server.ice.iceservers import Turn
from pycall.server.ice.service import Ice
from tests.server.raw import raw_clients

ELSEWHERE = Turn(("turn:relay.example.org:3478?transport=udp",), "shared")


async def test_members_of_rooms_are_told_of_it() -> None:
    server = SignallingServer("127.0.0.1", 0, ice=Ice(stun_port=0, elsewhere=[ELSEWHERE]))
    await server.start()
    async with raw_clients(server.port) as clients:
        ann = await clients({"pycall": 1})
        assert await ann.heard() == []
        await ann.call("join", "kitchen")
        _, _, ann_id, more = await ann.event()
    stun, turn = more["ice_servers"]
    assert stun == {"urls": [f"stun:127.0.0.1:{server.port}"]}
    assert turn["urls"] == list(ELSEWHERE.urls)
    expires, _, member_id = turn["username"].partition(":")
    assert member_id == ann_id
    assert ELSEWHERE.credentials(ann_id, int(expires))[1] == turn["credential"]
    await server.stop()


@pytest.mark.parametrize(("stun_address", "told"), [("127.0.0.1", []), ("0.0.0.0", ["call.example.org"])])
async def test_behind_a_web_server_members_are_told_of_what_they_can_reach(
    stun_address: str, told: list[str]
) -> None:
    ice = Ice(stun_port=0, stun_addresses=[stun_address])
    server = SignallingServer("127.0.0.1", 0, ice=ice)
    await server.start()
    port = server.port
    assert ice.servers.for_member("ann", "call.example.org") == [
        {"urls": [f"stun:{host}:{port}"]} for host in told
    ]
    assert ice.servers.for_member("ann", "localhost") == [{"urls": [f"stun:localhost:{port}"]}]
    await server.stop()


async def test_an_address_for_stun_that_is_not_of_this_machine_is_said_so() -> None:
    with pytest.raises(ListenFailed, match="the address is not of this machine"):
        await SignallingServer("127.0.0.1", 0, ice=Ice(stun_port=0, stun_addresses=["203.0.113.1"])).start()


async def test_by_default_stun_is_answered_on_the_number_of_the_http_port_and_ends_with_the_server() -> None:
    ice = Ice(stun_port=0)
    server = SignallingServer("127.0.0.1", 0, ice=ice)
    await server.start()
    assert ice.stun_port == server.port
    await server.stop()
    assert ice.stun_port is None


async def test_without_a_wish_there_is_no_stun() -> None:
    ice = Ice()
    server = SignallingServer("127.0.0.1", 0, ice=ice)
    await server.start()
    assert ice.stun_port is None
    assert ice.servers.for_member("ann", "localhost") == []
    await server.stop()


@pytest.fixture
def taken() -> Iterator[int]:
    """A UDP port that somebody has, while that of TCP is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
            other.bind(("127.0.0.1", port))
        yield port


async def test_a_port_nobody_asked_for_is_done_without(taken: int, caplog: pytest.LogCaptureFixture) -> None:
    ice = Ice(stun_port=0)
    server = SignallingServer("127.0.0.1", taken, ice=ice)
    await server.start()
    assert f"STUN is not answered: UDP port {taken} is in use. Choose another --stun-port" in caplog.text
    assert ice.servers.for_member("ann", "localhost") == []
    await server.stop()


async def test_a_port_that_was_asked_for_is_needed(taken: int) -> None:
    with pytest.raises(ListenFailed, match=f"UDP port {taken} is in use"):
        await SignallingServer("127.0.0.1", 0, ice=Ice(stun_port=taken)).start()


async def test_a_relay_that_cannot_run_is_the_end_of_the_server_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="coturn"):
        await SignallingServer("127.0.0.1", 0, ice=Ice(relay=RelaySettings(("127.0.0.1",)))).start()
