"""What strangers can take from a server in its own process: memory, descriptors and other people's time."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import quantiles

import psutil
import pytest

from tests.program import Programs
from tests.server.raw import Clients, RawClient, raw_clients

pytestmark = pytest.mark.integration

DEADLINE_S = 10.0
TARDY_S = 5.0
"""So much later than it should, a process on a busy machine may see something."""

MEGABYTE = 2**20
TALK_S = 2.5
WORST_S = 0.05
"""What all but one in a hundred of an honest pair's messages should not take, whatever a stranger does."""


@dataclass(frozen=True)
class Siege:
    """How much is done to a server; over TLS less, for the time it takes."""

    options: tuple[str, ...] = ()
    idle: int = 1000
    deadline_s: float = DEADLINE_S
    deaf: int = 8
    turns: int = 3
    left: float = 1.1
    """The most memory when they are gone, of that before; with TLS the first leave more, the next none."""


@pytest.fixture(params=[Siege(), Siege(("--tls",), 200, 3.0, 2, 2, 1.3)], ids=["plain", "tls"])
def siege(request: pytest.FixtureRequest) -> Siege:
    """Plain and over TLS."""
    siege: Siege = request.param
    return siege


class Served:
    """A running server."""

    def __init__(self, process: psutil.Process, port: int, clients: Clients) -> None:
        self.process = process
        self.port = port
        self.clients = clients

    @property
    def memory(self) -> int:
        """Resident, in bytes."""
        rss: int = self.process.memory_info().rss
        return rss

    async def has_closed_all_but(self, descriptors: int, within_s: float) -> None:
        """Wait until it has no more descriptors open than these."""
        async with asyncio.timeout(within_s):
            while self.process.num_fds() > descriptors:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(start_pycall: Programs, *options: str, **limits: str) -> AsyncIterator[Served]:
    """`pycall serve` with these limits, and what opens connections to it."""
    env = {f"PYCALL_LIMITS_{name.upper()}": value for name, value in limits.items()}
    env["XDG_DATA_HOME"] = str(start_pycall.folder / "data")  # for the certificate
    server = start_pycall("serve", "--host", "127.0.0.1", "--port", "0", "--no-stun", *options, env=env)
    server.wait_for("In a browser")
    port = int(server.stdout.partition("127.0.0.1:")[2].split()[0])
    async with raw_clients(port, is_secure="--tls" in options) as clients:
        yield Served(psutil.Process(server.process.pid), port, clients)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    assert server.stderr == ""


async def test_a_thousand_who_never_join_are_gone_in_time_and_leave_nothing(
    start_pycall: Programs, siege: Siege
) -> None:
    deadlines = dict.fromkeys(("connect_timeout_s", "join_timeout_s"), str(siege.deadline_s))
    async with serving(start_pycall, *siege.options, **deadlines) as server:
        (await server.clients()).cut()
        before, descriptors = server.memory, server.process.num_fds()
        began = time.monotonic()
        silent = [await server.clients.open() for _ in range(siege.idle // 2)]
        joinless = [await server.clients() for _ in range(siege.idle // 2)]
        opening_s = time.monotonic() - began
        assert server.process.num_fds() >= descriptors + siege.idle // 2
        codes = {await each.close_code() for each in [*silent, *joinless]}
        lasted_s = time.monotonic() - began
        await server.has_closed_all_but(descriptors, TARDY_S)
        left = server.memory / before
        print(f"{siege.idle} gone {lasted_s:.1f} s after the first came; {left:.3f} of the memory")
        assert codes == {1006, 1008}
        assert lasted_s <= opening_s + siege.deadline_s + TARDY_S
        assert left <= siege.left


async def test_without_the_deadlines_they_stay(start_pycall: Programs) -> None:
    limits = {
        "connect_timeout_s": "off",
        "join_timeout_s": "off",
        "ping_interval_s": "1",
        "ping_timeout_s": "0.9",
    }
    async with serving(start_pycall, **limits) as server:
        silent, joinless = await server.clients.open(), await server.clients()
        until = time.monotonic() + DEADLINE_S + TARDY_S / 2
        while time.monotonic() < until:
            for each in (silent, joinless):
                assert (await each.socket.receive()).data == "2"
                await each.send("3")
        await silent.connect()
        assert await silent.call("join", "kitchen") == await joinless.call("join", "kitchen") == {"ok": True}


async def test_who_answers_pings_and_reads_nothing_is_cut_off_and_costs_little(
    start_pycall: Programs, siege: Siege
) -> None:
    async with serving(start_pycall, *siege.options) as server:
        most = await deaf_members(server, siege.deaf)
        print(f"{most / MEGABYTE:.2f} MB for each of {siege.deaf} who read nothing")
        assert most < MEGABYTE


async def test_without_the_limits_what_waits_for_them_adds_up(start_pycall: Programs) -> None:
    limits = dict.fromkeys(("queue_bytes", "stall_s", "events_per_s"), "off")
    async with serving(start_pycall, **limits) as server:
        pairs = [await deaf_pair(server, nth) for nth in range(2)]
        before = server.memory
        for talker, _ in pairs:
            for _ in range(250):
                assert await talker.call("message", "x" * 60_000) == {"ok": True}
        assert server.memory - before > 2 * MEGABYTE * len(pairs)


async def deaf_pair(server: Served, nth: int) -> tuple[RawClient, RawClient]:
    """Two in a room of whom the second reads nothing."""
    talker, deaf = await server.clients.pair(f"room-{nth}")
    deaf.stop_reading()
    return talker, deaf


async def deaf_members(server: Served, count: int) -> float:
    """Talk to members who read nothing until all are cut off; the most memory it took, for each of them."""
    pairs = [await deaf_pair(server, nth) for nth in range(count)]
    descriptors = server.process.num_fds()
    talkers = [talker for talker, _ in pairs]
    # what is received at the same time takes memory, too, but not for who reads nothing
    for talker in talkers:
        await talker.call("message", "x" * 60_000)
    before = most = server.memory
    waiting = dict(enumerate(pairs))
    async with asyncio.timeout(DEADLINE_S * count):
        while waiting:
            for nth, (talker, deaf) in list(waiting.items()):
                await deaf.send("3")
                await talker.call("message", "x" * 60_000)
                if ["bye", f"room-{nth}", deaf.id, {"reason": "lost"}] in await talker.heard():
                    del waiting[nth]
            most = max(most, server.memory)
    await server.has_closed_all_but(descriptors - count, DEADLINE_S)
    return (most - before) / count


async def test_a_stranger_who_sends_all_he_can_does_not_slow_an_honest_pair(
    start_pycall: Programs, siege: Siege
) -> None:
    async with serving(start_pycall, "--proxy", "127.0.0.1/32", *siege.options) as server:
        pair = await server.clients.pair("honest")
        quiet_s = await best_of_worst(*pair, siege.turns)
        flood = [sys.executable, "-m", "tests.server.flood", str(server.port), "203.0.113.9"]
        stranger = subprocess.Popen([*flood, *siege.options])
        try:
            flooded_s = await best_of_worst(*pair, siege.turns)
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()
        print(
            f"99 of 100 messages took {quiet_s * 1000:.1f} ms at most, and {flooded_s * 1000:.1f} ms with him"
        )
        assert flooded_s < max(WORST_S, 3 * quiet_s)


async def best_of_worst(talker: RawClient, listener: RawClient, turns: int) -> float:
    """The worst delay of the best of some turns: others use the machine too, but not in all of them."""
    return min([await worst_delay(talker, listener) for _ in range(turns)])


async def worst_delay(talker: RawClient, listener: RawClient) -> float:
    """How long all but one in a hundred messages took, in seconds, for a while of 50 a second."""
    await talker.heard()  # and with it come the pings it has to answer
    delays = []
    until = time.perf_counter() + TALK_S
    while (now := time.perf_counter()) < until:
        await talker.emit("message", {"sdp": "x" * 2500, "at": now})
        _, payload = await listener.event()
        delays.append(time.perf_counter() - payload["at"])
        await asyncio.sleep(0.02)
    return float(quantiles(delays, n=100)[-1])
