"""The load generator: a process that is thousands of clients of one server at once.

It reads orders from standard input and answers each with its figures, both as a line of JSON:

    {"order": "join", "rooms": 1000, "at_once": 64}     connect two members to each of as many new rooms
    {"order": "idle", "seconds": 25}                    do nothing but answer pings
    {"order": "relay", "rate": 1000, "seconds": 8}      let members send messages, at this rate in all
    {"order": "relay", ..., "joins": 50}                besides, join at this rate, each time anew
    {"order": "drain", "process": 4711, "joins": 20}    send it SIGTERM, and try to join then

Messages and joins of "relay" begin at times that were drawn before (a Poisson process), and their latencies
count from these, however late the server or this process is.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import random
import resource
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import uvloop
from badnet.figures import percentile

from crowd.member import Member, Notes
from crowd.metronome import Metronome
from crowd.wire import event, frame

TICK_S: Final = 0.0005
JOIN_PATIENCE_S: Final = 60.0
DRAIN_PATIENCE_S: Final = 30.0
ARRIVAL_PATIENCE_S: Final = 10.0
"""How long after a window its messages and joins may still arrive; what does not has taken that long."""

STAY_S: Final = 0.2
"""How long a member that joins beside the messages stays: only few more descriptors are needed."""

SOURCES: Final = tuple(f"127.0.0.{last}" for last in range(1, 9))
"""Addresses the clients come from in turn: one has some 28,000 ports."""

BYE: Final = '42["bye"'
"""Who visits is told this when the other one goes first."""

IP_BIND_ADDRESS_NO_PORT: Final = 24

_NEVER: Final = float("inf")

OFFER: Final = {
    "type": "offer",
    "sdp": Path(__file__).with_name("offer.sdp").read_bytes().decode()[:2450],
}
"""An SDP of pycall's own, shortened to the size of a browser's for sound and picture."""

Figures = dict[str, Any]


class Crowd:
    """All members there are."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._host = b"127.0.0.1:%d" % port
        self._loop = asyncio.get_running_loop()
        self._message = frame(event("message", OFFER))
        self._notes = Notes(event("message", OFFER).encode())
        self._of_visitors = Notes(b"")
        self._numbers = itertools.count()
        self._sources = itertools.cycle(SOURCES)
        self._random = random.Random(1)
        self._pairs: list[tuple[Member, Member]] = []
        self._passing: list[asyncio.Task[float]] = []

    async def do(self, order: str, **arguments: Any) -> Figures:
        """Carry out an order; what it took and what was surprising."""
        orders: dict[str, Callable[..., Awaitable[Figures]]] = {
            "drain": self._drain,
            "join": self._join,
            "idle": self._idle,
            "relay": self._relay,
        }
        before = time.process_time(), time.monotonic(), self._notes.pings
        figures = await orders[order](**arguments)
        seconds = time.monotonic() - before[1]
        del self._of_visitors.surprises[BYE]
        surprises = self._notes.surprises + self._of_visitors.surprises
        self._notes.surprises.clear()
        self._of_visitors.surprises.clear()
        return figures | {
            "seconds": seconds,
            "pings": self._notes.pings - before[2],
            "ping_interval_s": self._notes.ping_interval_s,
            "surprises": surprises,
            "load_cpu": (time.process_time() - before[0]) / seconds,
        }

    # --- orders -----------------------------------------------------------------------------------

    async def _join(self, rooms: int, at_once: int) -> Figures:
        """Pairs join, one member after the other, so many at once that the server always has work."""
        pairs = [self._pair(self._notes) for _ in range(rooms)]
        others = self._notes.other_joined
        waiting = iter([member for pair in pairs for member in pair])
        took: list[float] = []

        async def let_in() -> None:
            took.extend([await self._enter(member) for member in waiting])

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(let_in())
        await _until(lambda: self._notes.other_joined - others == rooms, JOIN_PATIENCE_S)
        self._pairs += pairs
        alone = rooms - self._notes.other_joined + others
        return {"joins": len(took), "alone": alone, **_percentiles("join", took)}

    async def _idle(self, seconds: float) -> Figures:
        await asyncio.sleep(seconds)
        return {}

    async def _relay(self, rate: float, seconds: float, joins: float = 0.0) -> Figures:
        """Messages between random members, and joins of two after the other in rooms of their own."""
        self._notes.relay_s.clear()
        self._notes.arrived = 0
        directions = [each for pair in self._pairs for each in (pair, pair[::-1])]
        sent, joined = 0, 0
        begin = time.monotonic() + 0.05
        messages, arrivals = self._times(begin, rate, seconds), self._times(begin, joins, seconds)
        next_message, next_arrival = next(messages), next(arrivals)
        over = asyncio.Event()
        visitors = self._visitors()

        def tick() -> None:
            nonlocal next_message, next_arrival, sent, joined
            now = time.monotonic()
            while next_message <= now:
                sender, receiver = self._random.choice(directions)
                receiver.due.append(next_message)
                sender.say(self._message)
                next_message = next(messages)
                sent += 1
            while next_arrival <= now:
                self._let_in(next(visitors), next_arrival)
                next_arrival = next(arrivals)
                joined += 1
            if min(next_message, next_arrival) == _NEVER:
                over.set()

        metronome = Metronome(TICK_S, tick)
        await over.wait()
        metronome.stop()
        return await self._rest(sent, joined)

    async def _drain(self, process: int, joins: int) -> Figures:
        """Have the server end; whom it tells and whom it still lets in."""
        for pair in self._pairs:
            for member in pair:
                member.wanted = False
        ended, visitors = self._notes.ended, self._visitors()
        began = time.monotonic()
        os.kill(process, signal.SIGTERM)
        await _until(lambda: self._notes.told > 0, DRAIN_PATIENCE_S)
        late = [self._loop.create_task(self._enter(next(visitors))) for _ in range(joins)]
        await _until(lambda: self._notes.ended - ended == 2 * len(self._pairs), DRAIN_PATIENCE_S)
        took = time.monotonic() - began
        came = await asyncio.gather(*late, return_exceptions=True)
        self._of_visitors.surprises.clear()
        return {
            "told": self._notes.told,
            "left": 2 * len(self._pairs) - self._notes.ended + ended,
            "let_in": sum(isinstance(each, float) for each in came),
            "drain_s": took,
        }

    # --- parts of them ----------------------------------------------------------------------------

    def _pair(self, notes: Notes) -> tuple[Member, Member]:
        room = f"room-{next(self._numbers)}"
        return Member(notes, room, self._host), Member(notes, room, self._host)

    async def _enter(self, member: Member, began: float | None = None) -> float:
        """Connect and join; seconds from ``began``, by default now."""
        began = began or time.monotonic()
        waiting = member.inside
        assert waiting is not None
        async with asyncio.timeout(JOIN_PATIENCE_S):
            own = socket.socket()
            own.setblocking(False)
            own.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            own.bind((next(self._sources), 0))
            await self._loop.sock_connect(own, self._server)
            await self._loop.create_connection(lambda: member, sock=own)
            await waiting
        return time.monotonic() - began

    def _times(self, begin: float, rate: float, seconds: float) -> Iterator[float]:
        """When to do something at this rate; for ever never at the end."""
        at = begin
        while rate and (at := at + self._random.expovariate(rate)) < begin + seconds:
            yield at
        yield from itertools.repeat(_NEVER)

    def _visitors(self) -> Iterator[Member]:
        while True:
            yield from self._pair(self._of_visitors)

    def _let_in(self, member: Member, intended: float) -> None:
        self._passing.append(self._loop.create_task(self._visit(member, intended)))

    async def _visit(self, member: Member, intended: float) -> float:
        took = await self._enter(member, intended)
        self._loop.call_later(STAY_S, member.leave)
        return took

    async def _rest(self, sent: int, joined: int) -> Figures:
        """Wait for what is on its way; the figures of a window."""
        await _until(lambda: self._notes.arrived == sent, ARRIVAL_PATIENCE_S)
        now = time.monotonic()
        missing = [now - due for pair in self._pairs for member in pair for due in member.due]
        for pair in self._pairs:
            for member in pair:
                member.due.clear()
        took = await asyncio.gather(*self._passing, return_exceptions=True)
        self._passing.clear()
        taken = [each if isinstance(each, float) else JOIN_PATIENCE_S for each in took]
        return {
            "sent": sent,
            "missing": len(missing),
            **_percentiles("relay", self._notes.relay_s + missing),
            **(_percentiles("join", taken) if joined else {}),
        }


def _percentiles(what: str, seconds: list[float]) -> Figures:
    return {
        f"{what}_{name}_ms": 1000 * (percentile(seconds, share) or 0.0)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }


async def _until(condition: Callable[[], bool], patience_s: float) -> None:
    """Wait until it is so, or for so long: messages are counted, and not each wakes somebody."""
    deadline = time.monotonic() + patience_s
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def _serve(port: int) -> None:
    """Carry out the orders on standard input, one after the other, until it ends."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    crowd = Crowd(port)
    while line := await orders.readline():
        figures = await crowd.do(**json.loads(line))
        print(json.dumps(figures), flush=True)


def main() -> None:
    """The generator of the server on the port that is the only argument."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.disable()  # its pauses would be taken for the server's; nothing here is in a circle
    uvloop.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
