"""ICE as the rest of the client sees it, and the names of aioice it stands on."""

from __future__ import annotations

import aioice.ice
import aiortc.rtcicetransport
import pytest
from aioice.candidate import Candidate

from pycall.client.compat import agent
from pycall.client.compat.checking import IceConnection
from pycall.client.iceservers import StunServer, TurnServer
from pycall.core import inputs
from tests.client.pair import End, call

SERVERS = (
    StunServer("stun.example.org", 3478),
    StunServer("2001:db8::1", 3478),
    TurnServer("turn.example.org", 5349, "tls", "ann", "secret"),
    TurnServer("turn.example.org", 3478, "tcp", "ann", "secret"),
)


async def test_the_names_used_and_replaced_are_there() -> None:
    stock = aioice.ice.Connection(ice_controlling=False)
    assert [name for name in (*agent.USED, *agent.REPLACED) if not hasattr(stock, name)] == []
    defined = {*vars(IceConnection), *vars(IceConnection.__mro__[1])}
    assert set(agent.REPLACED) <= defined
    for name in ("StunProtocol", "CandidatePair", "candidate_pair_priority", "unref_mdns_protocol"):
        assert hasattr(aioice.ice, name), name


def test_every_connection_from_now_on_is_ours() -> None:
    assert vars(aiortc.rtcicetransport)["Connection"] is IceConnection
    assert agent.servers_of_aiortc(SERVERS) == []


def test_a_line_is_written_as_in_descriptions() -> None:
    text = "1 1 udp 2130706431 192.0.2.1 5000 typ host"
    assert agent.line_of(Candidate.from_sdp(text)) == f"candidate:{text}"


@pytest.fixture
def _stock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiortc.rtcicetransport, "Connection", aioice.ice.Connection)


@pytest.mark.usefixtures("_stock")
def test_aiortc_is_told_the_servers_it_can_use_when_it_asks_them_itself() -> None:
    assert [server.urls for server in agent.servers_of_aiortc(SERVERS)] == [
        "stun:stun.example.org:3478",
        "turns:turn.example.org:5349?transport=tcp",
        "turn:turn.example.org:3478?transport=tcp",
    ]


@pytest.mark.usefixtures("_stock")
async def test_with_aioice_as_it_is_two_connect_too() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        assert caller.said(inputs.CandidateGathered) == []
