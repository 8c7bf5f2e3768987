"""Two ends through a real relay, and servers that do not answer."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aioice.ice import get_host_addresses

from pycall.client.peer import Outgoing
from pycall.core import inputs
from pycall.core.events import Path as Way
from pycall.core.events import PathProtocol
from pycall.core.messages import IceServer
from pycall.errors import CallError
from tests.client.pair import DEADLINE_S, LOCAL, End, Source, call, connect, running, until
from tests.client.turn import GIVEN_BACK, HOST, Coturn, running_coturn

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    with running_coturn(tmp_path_factory.mktemp("coturn")) as server:
        yield server


@pytest.fixture
def deaf() -> Iterator[IceServer]:
    """STUN and TURN servers that take everything and never answer."""
    with contextlib.ExitStack() as stack:
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind((HOST, 0))
        tcp = stack.enter_context(socket.create_server((HOST, 0)))
        places = [f"{HOST}:{each.getsockname()[1]}" for each in (udp, tcp)]
        urls = (
            f"stun:{places[0]}",
            f"turn:{places[0]}",
            f"turn:{places[1]}?transport=tcp",
            f"turns:{places[1]}",
        )
        yield IceServer(urls, "ann", "secret")


@pytest.mark.parametrize("kind", ["udp", "tcp", "tls"])
async def test_two_who_use_relays_only_meet_there(
    kind: PathProtocol, coturn: Coturn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(coturn.certificate))
    source = Source(200, 440)
    caller = End(
        Outgoing(source.pictures, source.sounds), ice_servers=(coturn.server(kind),), relay_only=True
    )
    callee = End(ice_servers=(coturn.server(kind),), relay_only=True)
    with running(source):
        async with call(caller, callee):
            await until(lambda: callee.taker.pictures and callee.taker.sounds)
            assert caller.peer.local_address == HOST
    way = Way("relay", "relay", "relay", kind)
    assert caller.said(inputs.PeerConnected) == [inputs.PeerConnected(1, way)]
    assert callee.said(inputs.PeerConnected) == [inputs.PeerConnected(1, way)]


async def test_with_relays_only_no_address_of_this_computer_is_told(coturn: Coturn) -> None:
    caller = End(ice_servers=(coturn.server("udp"), coturn.stun), relay_only=True)
    await caller.peer.open()
    offer = await caller.peer.create_offer(5.0)
    await caller.peer.close(say_bye=False)
    lines = [line for line in offer.splitlines() if line.startswith("a=candidate:")]
    assert lines
    assert all(" typ relay raddr 0.0.0.0 rport 9" in line for line in lines)
    own = {address for address in get_host_addresses(use_ipv4=True, use_ipv6=True) if address != HOST}
    assert [address for address in own if address in offer] == []


async def test_direct_wins_over_the_relay_where_both_work(coturn: Coturn) -> None:
    caller, callee = (End(ice_servers=(coturn.server("udp", "tcp"), coturn.stun)) for _ in range(2))
    async with call(caller, callee):
        pass
    assert caller.said(inputs.PeerConnected) == [inputs.PeerConnected(1, LOCAL)]


async def test_servers_that_never_answer_delay_neither_the_offer_nor_the_end(deaf: IceServer) -> None:
    caller = End(ice_servers=(deaf,))
    await caller.peer.open()
    offer = await caller.peer.create_offer()
    assert "a=candidate:" in offer
    assert "a=ice-options:trickle" in offer
    assert "a=end-of-candidates" not in offer
    start = time.monotonic()
    await caller.peer.close(say_bye=False)
    assert time.monotonic() - start < 2
    assert caller.posted == []


async def test_two_connect_while_servers_do_not_answer(deaf: IceServer) -> None:
    caller, callee = End(ice_servers=(deaf,)), End(ice_servers=(deaf,))
    async with call(caller, callee):
        assert caller.said(inputs.CandidateGathered) == []  # gathering has not ended


async def test_who_waits_can_gather_anew_at_once_and_gives_back_what_was_not_used(
    coturn: Coturn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(coturn.certificate))
    before = coturn.said(GIVEN_BACK)
    start = time.monotonic()
    for _ in range(5):
        waiting = End(ice_servers=(coturn.server(), coturn.stun))
        await waiting.peer.open()
        offer = await waiting.peer.create_offer(5.0)
        assert len({line for line in offer.splitlines() if " typ relay " in line}) == 3
        await waiting.peer.close(say_bye=False)
    assert time.monotonic() - start < DEADLINE_S
    await until(lambda: coturn.said(GIVEN_BACK) == before + 5 * 3)


async def test_a_relay_that_died_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_coturn(tmp_path / "coturn") as coturn:
        monkeypatch.setenv("SSL_CERT_FILE", str(coturn.certificate))
        caller, callee = (End(ice_servers=(coturn.server(),), relay_only=True) for _ in range(2))
        await connect(caller, callee)
        coturn.process.kill()
        start = time.monotonic()
        await caller.peer.close(say_bye=False)
        assert time.monotonic() - start < 2
        await callee.peer.close(say_bye=False)


@pytest.mark.parametrize(
    ("password", "kind", "why"),
    [
        ("wrong", "udp", "the relay refused: its user name or password is not valid (401)."),
        ("correct horse", "tls", "the certificate of the TURN server 127.0.0.1 is not trusted."),
    ],
)
async def test_a_relay_that_cannot_be_used_is_told_with_the_reason(
    coturn: Coturn, password: str, kind: PathProtocol, why: str
) -> None:
    caller = End(ice_servers=(coturn.server(kind, password=password),), relay_only=True)
    await caller.peer.open()
    with pytest.raises(CallError) as refused:
        await caller.peer.create_offer()
    await caller.peer.close(say_bye=False)
    assert refused.value.message == why
    assert refused.value.hint


async def test_a_quota_that_is_used_up_is_told_and_the_end_of_a_call_gives_back(tmp_path: Path) -> None:
    with running_coturn(tmp_path / "coturn", "user-quota=1") as coturn:
        first = End(ice_servers=(coturn.server("udp"),), relay_only=True)
        assert await _refusal(first) is None
        error = await _refusal(second := End(ice_servers=first.ice_servers, relay_only=True))
        assert error is not None
        assert "(486)" in error.message
        await first.peer.close(say_bye=False)
        await second.peer.close(say_bye=False)
        deadline = time.monotonic() + DEADLINE_S
        while error is not None:  # coturn frees it a second later
            assert time.monotonic() < deadline
            error = await _refusal(another := End(ice_servers=first.ice_servers, relay_only=True))
            await another.peer.close(say_bye=False)


async def _refusal(end: End) -> CallError | None:
    await end.peer.open()
    try:
        await end.peer.create_offer()
    except CallError as error:
        return error
    return None
