"""A server that stood still: who answered meanwhile is not taken for one that is silent."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

import aiohttp
import psutil
import pytest

from tests.cli.serving import serve
from tests.program import Programs
from tests.server.raw import PATIENCE_S, RawClient, raw_clients

STANDSTILL_S: Final = 2.0
LIMITS: Final = {"PYCALL_LIMITS_PING_INTERVAL_S": "0.8", "PYCALL_LIMITS_PING_TIMEOUT_S": "0.5"}

pytestmark = pytest.mark.integration


async def test_who_answers_outlives_a_standstill_and_who_does_not_is_cut_off(start_pycall: Programs) -> None:
    program, port = serve(start_pycall, "--no-stun", env=LIMITS)
    async with raw_clients(port) as clients:
        answering, silent = [await clients() for _ in range(10)], await clients()
        for number, each in enumerate([*answering, silent]):
            assert await each.call("join", f"room-{number}") == {"ok": True}
            await each.event()
        await asyncio.gather(*map(_pinged, [*answering, silent]))
        program.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(PATIENCE_S):
            while psutil.Process(program.process.pid).status() != psutil.STATUS_STOPPED:
                await asyncio.sleep(0.01)
        for each in answering:
            await each.send("3")
        await asyncio.sleep(STANDSTILL_S)
        program.send_signal(signal.SIGCONT)
        async with asyncio.timeout(PATIENCE_S):
            assert (await silent.socket.receive()).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        for each in answering:
            assert await each.call("leave", "nowhere-at-all") == {"ok": True}
    program.send_signal(signal.SIGTERM)
    assert program.wait() == 0


async def _pinged(client: RawClient) -> None:
    async with asyncio.timeout(PATIENCE_S):
        assert (await client.socket.receive()).data == "2"
