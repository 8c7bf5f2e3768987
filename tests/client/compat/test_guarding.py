"""A stranger is not heard, and nothing malformed ends a call."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from typing import Any

import aioice.ice
import pytest
from aiortc import RTCPeerConnection

from pycall.client.compat import guarding
from pycall.client.peer import Outgoing
from pycall.core import inputs
from pycall.core.messages import State
from tests.client.pair import End, Source, call, running, until

QUIET = State(muted=True, camera_off=False, recording=True)


async def test_a_stranger_can_neither_end_nor_prevent_a_call() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End()
    with running(source), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        flooding = asyncio.create_task(_flood(stranger, caller, callee))
        async with call(caller, callee):
            await until(lambda: callee.taker.pictures)
            flooding.cancel()
            for kind in (b"", *_FOREIGN):
                for port in _ports(caller, callee):
                    for _ in range(100):
                        stranger.sendto(kind and kind + os.urandom(40), port)
                await asyncio.sleep(0)
            seen = len(callee.taker.sounds)
            caller.peer.send_control(QUIET)
            await until(lambda: callee.said(inputs.ControlReceived) and len(callee.taker.sounds) > seen + 20)
            assert caller.said(inputs.PeerClosed) + callee.said(inputs.PeerClosed) == []


_FOREIGN = [bytes([first]) for first in (0, 3, 4, 19, 20, 22, 23, 63, 64, 127, 128, 144, 191, 192, 255)]
"""First bytes of every range of RFC 7983."""


async def _flood(stranger: socket.socket, *ends: End) -> None:
    """Strange datagrams from the moment there are ports."""
    while True:
        for port in _ports(*ends):
            for kind in (b"", *_FOREIGN):
                stranger.sendto(kind and kind + os.urandom(20), port)
        await asyncio.sleep(0.005)


def _ports(*ends: End) -> list[tuple[str, int]]:
    protocols = [
        protocol
        for end in ends
        if end.peer._dtls is not None
        for protocol in end.peer._dtls.transport._connection._protocols
    ]
    addresses = [(p.local_candidate.host, p.local_candidate.port) for p in protocols]
    return [address for address in addresses if ":" not in address[0]]


async def test_only_signalled_and_proven_addresses_are_known() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        assert caller.peer._dtls is not None
        ice = caller.peer._dtls.transport._connection
        known = guarding.known_addresses(ice)
        assert set(_ports(callee)) <= known
        assert ("203.0.113.9", 9) not in known
        assert guarding.known_addresses(ice) is known


async def test_datagrams_nobody_reads_are_bounded(connection: RTCPeerConnection) -> None:
    connection.createDataChannel("x")
    assert connection.sctp is not None
    ice = connection.sctp.transport.transport._connection
    for _ in range(3 * guarding.MAX_DATAGRAMS):
        ice.data_received(b"\x80", 1)
        ice.data_received(b"", 1)
        ice.data_received(b"\x01", 1)
    assert ice._queue.qsize() == guarding.MAX_DATAGRAMS


async def test_what_waited_to_be_read_came_when_it_came(connection: RTCPeerConnection) -> None:
    connection.createDataChannel("x")
    assert connection.sctp is not None
    transport = connection.sctp.transport
    ice: Any = transport.transport._connection
    ice._nominated = {1: None}
    before = time.monotonic()
    ice.data_received(b"\x80", 1)
    came = time.monotonic()
    await asyncio.sleep(0.02)
    assert await ice.recv() == b"\x80"
    assert before <= guarding.arrived_at(transport) <= came
    ice._nominated = {}


async def test_a_relay_passes_on_no_more_than_a_socket(connection: RTCPeerConnection) -> None:
    connection.createDataChannel("x")
    assert connection.sctp is not None
    ice = connection.sctp.transport.transport._connection
    known = aioice.Candidate.from_sdp("1 1 udp 1 192.0.2.1 5000 typ relay")
    await ice.add_remote_candidate(known)
    relay = aioice.ice.StunProtocol(ice)  # what a relay hands its datagrams to
    relay.local_candidate = known
    for address in (("203.0.113.9", 5_000), ("192.0.2.1", 5_001), ("192.0.2.1", 5_000)):
        relay.datagram_received(b"\x80", address)
    assert ice._queue.qsize() == 1


async def test_a_malformed_data_packet_is_dropped_and_the_call_goes_on() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        sctp = callee.peer._opened.sctp
        assert sctp is not None
        for size in range(80):
            await sctp._handle_data(os.urandom(size))
        caller.peer.send_control(QUIET)
        await until(lambda: callee.said(inputs.ControlReceived))


async def test_a_bug_in_handling_a_packet_drops_the_packet_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def stumble(*_: object, **__: object) -> None:
        raise KeyError("surprise")

    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End()
    with running(source), caplog.at_level(logging.ERROR, "pycall"):
        async with call(caller, callee):
            for transceiver in callee.peer._opened.getTransceivers():
                receiver: Any = transceiver.receiver
                receiver._handle_rtp_packet = receiver._handle_rtcp_packet = stumble
            seen = (await callee.peer.counters()).packets_received
            while (await callee.peer.counters()).packets_received < seen + 50:
                await asyncio.sleep(0.01)
            caller.peer.send_control(QUIET)
            await until(lambda: callee.said(inputs.ControlReceived))
            assert callee.said(inputs.PeerClosed) + callee.said(inputs.PeerFailed) == []
    assert [record.message for record in caplog.records] == ["A received packet could not be handled."]
