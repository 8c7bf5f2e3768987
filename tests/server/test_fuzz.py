"""Frames by the ten thousand against a real server: no bug, no ghost, no flood of lines; others talk on."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import NoReturn

import pytest

from pycall.limits import Limits
from pycall.server.app import SignallingServer
from tests.server.fuzzing import Generator, Wire, text_frame

FRAMES = int(os.environ.get("FUZZ_FRAMES", "5000"))
SEED = 20_260_131
WORKERS = 8
PATIENCE_S = 60.0
PATIENT = Limits(ping_interval_s=120, ping_timeout_s=60, connect_timeout_s=60, join_timeout_s=60)
"""On a machine that has no time for the test nobody is given up for it: frames are tried here, not clocks."""


@dataclass
class Outcome:
    """What became of the frames."""

    frames: int = 0
    fatal: int = 0
    slowest_s: float = 0.0
    """Until somebody heard that who sent a fatal frame is gone."""
    refused: Counter[str] = field(default_factory=Counter)


class Member:
    """Somebody in a room, who always listens."""

    def __init__(self, wire: Wire) -> None:
        self.unreadable: list[str] = []
        """What would end the connection of a client, which parses all it is sent."""

        self.byes: asyncio.Queue[None] = asyncio.Queue()
        self.messages: asyncio.Queue[str] = asyncio.Queue()
        self.wire = wire
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def of(cls, port: int, room: str) -> Member:
        """Somebody else in ``room``."""
        wire = await Wire.open(port)
        wire.send(text_frame("40"), text_frame(f'420["join","{room}"]'))
        while await wire.text() != '430[{"ok":true}]':
            pass
        return cls(wire)

    async def leave(self) -> None:
        self.wire.cut()
        await self._listening

    async def _listen(self) -> None:
        while (text := await self.wire.text()) is not None:
            if not _is_packet(text):
                self.unreadable.append(text)
            if text.startswith('42["bye"'):
                self.byes.put_nowait(None)
            elif text.startswith('42["message"'):
                self.messages.put_nowait(text)


class Attacker:
    """Sends frames in a room with a witness, and comes again whenever the server has ended its connection."""

    def __init__(self, room: str, port: int, witness: Member, outcome: Outcome) -> None:
        self._join = f'["join","{room}"]'
        self._port = port
        self._witness = witness
        self._outcome = outcome
        self._numbers = itertools.count(10**6)

    async def send(self, frames: Generator, count: int) -> None:
        wire = await self._enter()
        for frame in itertools.islice(frames, count):
            self._outcome.frames += 1
            if not await self._survives(wire, frame):
                wire.cut()
                await self._see_off()
                wire = await self._enter()
        wire.cut()

    async def _enter(self) -> Wire:
        wire = await Wire.open(self._port)
        assert await self._survives(wire, text_frame("40"))
        return wire

    async def _survives(self, wire: Wire, frame: bytes) -> bool:
        """Send a frame, and ask for the seat one has: either that is answered or the connection ends."""
        number = next(self._numbers)
        wire.send(frame, text_frame(f"42{number}{self._join}"))
        while (text := await wire.text()) is not None:
            if text.startswith(f"43{number}["):
                assert text.endswith('[{"ok":true}]'), text
                return True
            if text.startswith('42["error","'):
                self._outcome.refused[text.split('"')[3]] += 1
        return False

    async def _see_off(self) -> None:
        """The witness hears of the end; a ghost would still sit there."""
        ended = time.monotonic()
        async with asyncio.timeout(PATIENCE_S):
            await self._witness.byes.get()
        self._outcome.fatal += 1
        self._outcome.slowest_s = max(self._outcome.slowest_s, time.monotonic() - ended)


async def talk(one: Member, other: Member, latencies: list[float]) -> None:
    """Send a message a hundred times a second, and note how long each takes."""
    for number in itertools.count():
        said = time.monotonic()
        one.wire.send(text_frame(f'42["message",{number}]'))
        assert await other.messages.get() == f'42["message",{number}]'
        latencies.append(time.monotonic() - said)
        await asyncio.sleep(0.01)


@pytest.mark.timeout(900)
async def test_no_frame_is_a_bug_or_leaves_a_ghost(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "pycall.server")
    outcome, latencies = Outcome(), list[float]()
    server = SignallingServer("127.0.0.1", 0, limits=PATIENT)
    await server.start()
    pair = [await Member.of(server.port, "ann-and-bob") for _ in range(2)]
    witnesses = [await Member.of(server.port, f"room-{number}") for number in range(WORKERS)]
    talking = asyncio.create_task(talk(pair[0], pair[1], latencies))
    began = time.monotonic()
    async with asyncio.TaskGroup() as attack:
        for number, witness in enumerate(witnesses):
            attacker = Attacker(f"room-{number}", server.port, witness, outcome)
            attack.create_task(attacker.send(Generator(SEED + number), FRAMES // WORKERS))
    took_s = time.monotonic() - began
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)
    for each in (*pair, *witnesses):
        await each.leave()
    bugs = server._wire.figures.bugs
    await server.stop()
    latencies.sort()
    print(
        f"{outcome.frames} frames in {took_s:.0f} s: {outcome.fatal} ended their connection,",
        f"the slowest of whom was gone after {outcome.slowest_s:.3f} s; {bugs} bugs;",
        f"{len(caplog.records)} lines of log; refused {dict(outcome.refused)};",
        f"meanwhile {len(latencies)} messages of others,",
        f"median {_at(latencies, 0.5):.1f} ms, p99 {_at(latencies, 0.99):.1f} ms",
    )
    assert bugs == 0
    assert [text for each in (*pair, *witnesses) for text in each.unreadable] == []
    assert outcome.frames / 10 < outcome.fatal < outcome.frames / 2
    assert len(latencies) > 10
    assert _most_lines_of_a_kind(caplog.records) == 1


def _is_packet(text: str) -> bool:
    """Whether it is a Socket.IO packet whose JSON a browser can parse: no NaN, and nothing behind it."""
    try:
        json.loads(text.lstrip("0123456789"), parse_constant=_no_number)
    except ValueError:
        return False
    return True


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _at(latencies: list[float], share: float) -> float:
    return 1000 * latencies[int(share * len(latencies))]


def _most_lines_of_a_kind(records: list[logging.LogRecord]) -> int:
    """That one connection had, by what they tell: it is refused something, it ended, there is a bug."""
    kinds = Counter(
        (record.args["connection"], record.__dict__["event"], record.args.get("code"))
        for record in records
        if isinstance(record.args, dict) and record.__dict__["event"] in {"refused", "disconnected", "bug"}
    )
    return max(kinds.values())
