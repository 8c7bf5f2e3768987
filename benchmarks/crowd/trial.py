"""What is done to one server with one number of rooms, and what that took."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from cells import Cell

from crowd.servers import PYCALL, Server, running

AT_ONCE: Final = 64
WARM_UP_ROOMS: Final = 100
WARM_UP: Final[dict[str, Any]] = {"rate": 2000, "seconds": 3.0}
"""Node compiles what it does often only after some thousand times."""
SETTLING_S: Final = 2.0
JOINS_PER_S: Final = 50
LATE_JOINS: Final = 20
END_S: Final = 10.0
MS: Final = 1000
MINUTE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to look, in seconds, and at how many messages a second."""

    relay_s: float = 8.0
    joins_s: float = 6.0
    """How long members join beside the messages, thereafter; 0 leaves it out."""
    rates: tuple[int, ...] = (1000, 4000)
    pings: bool = True
    """Whether to wait for as long as it takes that everybody is asked for a sign of life once."""


class Load:
    """The load generator of one server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    @classmethod
    @contextmanager
    def on(cls, port: int) -> Iterator[Self]:
        """A running generator."""
        process = subprocess.Popen(
            [sys.executable, "-m", "crowd.load", str(port)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield cls(process)
        finally:
            process.kill()
            process.communicate()

    def do(self, order: str, **arguments: object) -> Cell:
        """Carry out an order of crowd.load; its figures."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"order": order, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the load generator ended")
        figures: Cell = json.loads(answer)
        return figures


def one_trial(contestant: str, rooms: int, plan: Plan, errors: IO[str]) -> Cell:
    """The figures of one server with so many rooms; what it complains about goes to ``errors``."""
    with running(contestant, errors) as server, Load.on(server.port) as load:
        load.do("join", rooms=WARM_UP_ROOMS, at_once=AT_ONCE)
        load.do("relay", **WARM_UP)
        time.sleep(SETTLING_S)
        trial = _Trial(server, load)
        cell = {"contestant": contestant, "rooms": rooms, "surprises": {}}
        trial.join(cell, rooms - WARM_UP_ROOMS)
        trial.idle(cell, plan)
        for rate in plan.rates:
            trial.relay(cell, rate, plan)
        if contestant == PYCALL:
            trial.drain(cell)
        return cell


class _Trial:
    """The phases, each of which adds its figures to a cell."""

    def __init__(self, server: Server, load: Load) -> None:
        self._server = server
        self._load = load
        self._idle_cpu = 0.0
        self._pings_of_joining = 0
        self._ping_interval_s = 0.0

    def join(self, cell: Cell, rooms: int) -> None:
        """Everybody comes."""
        before_kb = self._server.memory_kb()
        figures, cpu = self._do(cell, "join", rooms=rooms, at_once=AT_ONCE)
        time.sleep(SETTLING_S)
        members = figures["joins"]
        self._ping_interval_s = figures["ping_interval_s"]
        cell["missing_others"] = figures["alone"]
        cell["joins"] = members
        cell["joins_per_s"] = members / figures["seconds"]
        cell["join_cpu_ms"] = MS * cpu / members
        self._pings_of_joining = figures["pings"]
        cell["crowded_join_p50_ms"] = figures["join_p50_ms"]
        cell["crowded_join_p99_ms"] = figures["join_p99_ms"]
        cell["connection_kb"] = (self._server.memory_kb() - before_kb) / members

    def idle(self, cell: Cell, plan: Plan) -> None:
        """Nobody says anything, and the server asks each once whether it is still there."""
        if not plan.pings:
            return
        figures, cpu = self._do(cell, "idle", seconds=self._ping_interval_s)
        self._idle_cpu = cpu / figures["seconds"]
        thousands = 2 * cell["rooms"] / 1000
        cell["ping_interval_s"] = self._ping_interval_s
        cell["pings_cpu_ms"] = MS * self._idle_cpu * MINUTE_S / thousands
        cell["ping_cpu_ms"] = MS * cpu / max(1, figures["pings"])
        cell["join_cpu_ms"] -= self._pings_of_joining * cell["ping_cpu_ms"] / cell["joins"]

    def relay(self, cell: Cell, rate: int, plan: Plan) -> None:
        """Messages, then messages and joins besides."""
        figures, cpu = self._do(cell, "relay", rate=rate, seconds=plan.relay_s)
        pings = self._idle_cpu * figures["seconds"]
        cell[f"message_cpu_ms_{rate}"] = MS * (cpu - pings) / figures["sent"]
        cell[f"relay_p50_ms_{rate}"] = figures["relay_p50_ms"]
        cell[f"relay_p99_ms_{rate}"] = figures["relay_p99_ms"]
        cell[f"missing_{rate}"] = figures["missing"]
        if plan.joins_s:
            figures, _ = self._do(cell, "relay", rate=rate, seconds=plan.joins_s, joins=JOINS_PER_S)
            cell[f"join_p50_ms_{rate}"] = figures["join_p50_ms"]
            cell[f"join_p99_ms_{rate}"] = figures["join_p99_ms"]

    def drain(self, cell: Cell) -> None:
        """Have the server end, which is to tell everybody and let nobody else in."""
        began = time.monotonic()
        figures, _ = self._do(cell, "drain", process=self._server.process.pid, joins=LATE_JOINS)
        self._server.process.wait(END_S)
        cell["drain_s"] = time.monotonic() - began
        cell["exit_code"] = self._server.process.returncode
        cell["missing_told"] = 2 * cell["rooms"] - figures["told"]
        cell["let_in_late"] = figures["let_in"]

    def _do(self, cell: Cell, order: str, **arguments: object) -> tuple[Cell, float]:
        """Have it done; the generator's figures, and the CPU seconds the server took."""
        before_s = self._server.cpu_s()
        figures = self._load.do(order, **arguments)
        spent_s = self._server.cpu_s() - before_s
        for what, count in figures["surprises"].items():
            cell["surprises"][what] = cell["surprises"].get(what, 0) + count
        cell["load_cpu"] = max(cell.get("load_cpu", 0.0), figures["load_cpu"])
        return figures, spent_s
