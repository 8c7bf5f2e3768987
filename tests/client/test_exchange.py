"""What is told, and when: each candidate once, the description first."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from pycall.client import compat
from pycall.client.exchange import Exchange
from pycall.core import inputs
from pycall.core.messages import Candidate
from pycall.errors import CallError


@contextlib.asynccontextmanager
async def exchanging() -> AsyncIterator[tuple[Exchange, list[inputs.Input]]]:
    compat.install()
    posted: list[inputs.Input] = []
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    channel = connection.createDataChannel("x")
    assert channel.label == "x"
    assert connection.sctp is not None
    ice = compat.IceAgent(
        connection.sctp.transport.transport,
        (),
        relay_only=False,
        gathered=lambda line: exchange.gathered(line),  # noqa: PLW0108  it is made below
        moved=lambda: None,
    )
    exchange = Exchange(7, connection, ice, posted.append)
    try:
        yield exchange, posted
    finally:
        await exchange.close()
        await connection.close()


async def test_what_comes_after_the_description_is_posted_once() -> None:
    async with exchanging() as (exchange, posted):
        exchange.gathered("candidate:too early")
        offer = await exchange.offer(1.0)
        told = next(line for line in offer.splitlines() if line.startswith("a=candidate:"))
        posted.clear()
        exchange._told_end = False
        for line in (told[2:], "candidate:late", "candidate:late", None, None, "candidate:after the end"):
            exchange.gathered(line)
        assert posted == [
            inputs.CandidateGathered(7, "candidate:late"),
            inputs.CandidateGathered(7, None),
        ]


async def test_a_description_with_all_candidates_says_so() -> None:
    async with exchanging() as (exchange, posted):
        offer = await exchange.offer(1.0)
        assert "a=ice-options:trickle" in offer
        assert "a=end-of-candidates" in offer
        assert posted == []


async def test_after_closing_nothing_is_told() -> None:
    async with exchanging() as (exchange, posted):
        await exchange.offer(0)
        await exchange.close()
        exchange.gathered("candidate:late")
        assert posted == []


async def test_what_cannot_be_used_is_refused_with_one_error() -> None:
    async with exchanging() as (exchange, _):
        with pytest.raises(CallError, match="offer cannot be used"):
            await exchange.answer("v=0\r\n", 0)
        with pytest.raises(CallError, match="answer cannot be used"):
            await exchange.accept("v=0\r\n")
        await exchange.add(Candidate("nonsense", None, None, None))
