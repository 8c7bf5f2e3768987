"""Somebody in a room is killed, stopped or cut off: how long its seat is nobody else's."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from tests.client.cable import cable
from tests.program import Programs
from tests.server.raw import Clients, RawClient, raw_clients
from tests.server.seating import auth, joined

pytestmark = pytest.mark.integration

SEAT_FREE_S = 15.0
"""What docs/protocol.md promises, whatever happened to the one who had it."""

SLACK_S = 2.0
"""For a busy machine, and for asking now and then."""

OPTIONS = ["--camera", "none", "--microphone", "none", "--speaker", "none", "--display", "none", "--json"]


async def test_a_seat_is_free_within_fifteen_seconds(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--host", "127.0.0.1", "--port", "0")
    await asyncio.to_thread(program.wait_for, "In a browser")
    port = int(program.stdout.split("127.0.0.1:")[1].split()[0])
    async with raw_clients(port) as clients, cable(port) as wire:
        urls = {
            "killed": f"http://127.0.0.1:{port}",
            "stopped": f"http://127.0.0.1:{port}",
            "cut off": wire.url,
        }
        ghosts = {
            how: start_pycall("call", _room(how), "--server", url, *OPTIONS) for how, url in urls.items()
        }
        for ghost in ghosts.values():
            await asyncio.to_thread(ghost.wait_for_event, "joined")
        partners = {how: await _partner(clients, _room(how)) for how in ghosts}
        ghosts["killed"].send_signal(signal.SIGKILL)
        ghosts["stopped"].send_signal(signal.SIGSTOP)
        wire.freeze()
        began = time.monotonic()
        free = await asyncio.gather(*(_free(clients, _room(how), partners[how], began) for how in ghosts))
        ghosts["stopped"].send_signal(signal.SIGCONT)
        for ghost in ghosts.values():
            ghost.process.kill()
    print(", ".join(f"{how}: free after {taken_s:.1f} s" for how, taken_s in zip(ghosts, free, strict=True)))
    assert max(free) < SEAT_FREE_S + SLACK_S
    assert min(free) > SEAT_FREE_S - SLACK_S


def _room(how: str) -> str:
    return how.replace(" ", "-")


async def _partner(clients: Clients, room: str) -> RawClient:
    partner = await clients()
    assert await partner.call("join", room) == {"ok": True}
    return partner


async def _free(clients: Clients, room: str, partner: RawClient, began: float) -> float:
    """When a newcomer got the seat; the partner answers pings meanwhile."""
    newcomer = await clients()
    while not (await newcomer.call("join", room))["ok"]:
        await partner.heard()
        await asyncio.sleep(0.2)
    return time.monotonic() - began


async def test_its_owner_is_back_at_once(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--host", "127.0.0.1", "--port", "0")
    await asyncio.to_thread(program.wait_for, "In a browser")
    port = int(program.stdout.split("127.0.0.1:")[1].split()[0])
    async with raw_clients(port) as clients:
        _, more = await joined(await clients(auth()))
        took = []
        for _ in range(20):
            began = time.monotonic()
            assert (await joined(await clients(auth(more["resume"]))))[1]["resumed"]
            took.append(time.monotonic() - began)
    print(f"20 times back, the slowest after {max(took):.3f} s")
    assert max(took) < 1.0 + SLACK_S
