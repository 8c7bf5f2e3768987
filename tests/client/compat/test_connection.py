"""What is known of a connection is true, and one that hangs is let go."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import pytest
from aioice.ice import get_host_addresses

from pycall.client.compat import connection
from pycall.client.peer import Outgoing
from pycall.core import inputs
from pycall.core.events import Path
from pycall.core.messages import Bye
from tests.client.pair import LOCAL, End, Source, call, running, until

pytestmark = pytest.mark.integration


async def test_a_call_within_one_computer_is_direct() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        assert caller.peer._dtls is not None
        assert connection.nominated_path(caller.peer._dtls.transport) == LOCAL
        assert caller.peer.local_address in get_host_addresses(use_ipv4=True, use_ipv6=True)
    assert End().peer.local_address is None


async def test_a_relay_at_either_end_makes_the_path_relayed() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        assert caller.peer._dtls is not None
        ice = caller.peer._dtls.transport
        [pair] = ice._connection._nominated.values()
        pair.remote_candidate.type = "relay"
        assert connection.nominated_path(ice) == Path("relay", "host", "relay")


async def test_a_connection_that_breaks_on_this_side_is_not_told_as_a_hang_up() -> None:
    async def stumble() -> None:
        raise KeyError("surprise")

    caller, callee = End(), End()
    async with call(caller, callee):
        dtls: Any = callee.peer._dtls
        dtls._recv_next = stumble
        caller.peer.send_control(Bye())  # so that something comes
        await until(lambda: callee.said(inputs.PeerFailed))
        assert not connection.hung_up(dtls)
    assert callee.said(inputs.PeerClosed) == []


async def test_an_end_that_hangs_up_is_known_by_its_word() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        assert callee.peer._dtls is not None
        assert not connection.hung_up(callee.peer._dtls)
        await caller.peer.close(say_bye=False)
        await until(lambda: callee.said(inputs.PeerClosed))
        assert connection.hung_up(callee.peer._dtls)


async def test_packets_are_counted_when_they_are_the_other_ends_and_no_checks() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(None, source.sounds)), End()
    assert callee.peer.packets_received == 0
    with running(source):
        async with call(caller, callee):
            await until(lambda: callee.peer.packets_received > 20)
            source.stop()
            dtls: Any = callee.peer._dtls
            stats = await callee.peer.counters()
            for _ in range(100):
                dtls.transport._connection.data_received(b"\x80\x60" + os.urandom(40), 1)
            while (await callee.peer.counters()).packets_received < stats.packets_received + 100:
                await asyncio.sleep(0.01)
            assert connection.packets_heard(dtls) < stats.packets_received + 50


async def test_a_path_that_is_known_better_later_is_told() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        assert caller.peer._dtls is not None
        ice: Any = caller.peer._dtls.transport._connection
        ice.chosen.remote_candidate.type = "relay"
        ice.moved()
        ice.moved()
        way = Path("relay", "host", "relay")
        assert caller.said(inputs.PathChanged) == [inputs.PathChanged(1, way)]
        assert caller.peer.path == way


class _Socket:
    closed = False

    def close(self) -> None:
        self.closed = True


class _DeadRelay:
    """A relay whose server is gone: closing it waits for an answer that never comes."""

    def __init__(self) -> None:
        self.transport = _Socket()

    async def close(self) -> None:
        await asyncio.Event().wait()


async def test_what_does_not_close_in_time_is_let_go() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End(Outgoing(None, source.sounds))
    with running(source):
        async with call(caller, callee):
            await until(lambda: caller.taker.sounds)
            relay: Any = _DeadRelay()
            assert caller.peer._dtls is not None
            caller.peer._dtls.transport._connection._protocols.append(relay)
            start = time.monotonic()
            await caller.peer.close(say_bye=False)
            assert time.monotonic() - start < 3
    assert relay.transport.closed
