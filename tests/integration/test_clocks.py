"""Wall clocks are set while people talk, on the server and on both sides: nobody is dropped."""

from __future__ import annotations

import re
import sys
import urllib.request
from pathlib import Path

import pytest

from tests import stepped
from tests.integration.conftest import QUIET, url_of
from tests.program import Program, Programs
from tests.rig import wait_until
from tests.stepped import Clock

pytestmark = pytest.mark.integration

HOUR_S = 3600.0
PINGS = {"PYCALL_LIMITS_PING_INTERVAL_S": "0.6", "PYCALL_LIMITS_PING_TIMEOUT_S": "0.5"}
"""So that many pings fall into the time of the test; nobody else waits for them."""

LIVELY = 2
"""Statistics, which come once a second, between two steps of a clock."""

STEPS = [
    ("server", HOUR_S),
    ("ann", HOUR_S),
    ("bob", -HOUR_S),
    ("server", -HOUR_S),
    ("ann", 0.0),
    ("server", 0.0),
]


def test_clocks_that_jump_an_hour_drop_nobody(start_pycall: Programs, tmp_path: Path) -> None:
    clocks = {name: Clock(tmp_path / name) for name in ("server", "ann", "bob")}

    def start(name: str, *args: str, env: dict[str, str] | None = None) -> Program:
        command = [sys.executable, stepped.__file__, str(clocks[name].file)]
        return start_pycall(*args, command=command, env={"PYTHONPATH": str(Path.cwd()), **(env or {})})

    server = start("server", "serve", "--host", "127.0.0.1", "--port", "0", env=PINGS)
    server.wait_for("In a browser")
    options = [word for pair in (QUIET | {"--size": "160x120", "--fps": "10"}).items() for word in pair]
    callers = []
    for name in ("ann", "bob"):
        callers.append(start(name, "call", "den", "--json", "--server", url_of(server), *options))
        callers[-1].wait_for_event("joined")
    for caller in callers:
        caller.wait_for_event("stats")
    for name, offset_s in STEPS:
        clocks[name].step(offset_s)
        before = [_statistics(caller) for caller in callers]
        for caller, count in zip(callers, before, strict=True):
            wait_until(lambda caller=caller, count=count: _statistics(caller) >= count + LIVELY)  # type: ignore[misc]
    told = [event["event"] for caller in callers for event in caller.events]
    dropped = {"reconnecting", "peer_left", "error", "ended", "notice"} & set(told)
    figures = urllib.request.urlopen(f"{url_of(server)}/metrics").read().decode()
    opened = re.findall(r"^pycall_connections_opened_total\{.*\} (\d+)", figures, re.MULTILINE)
    ended = re.findall(r"^pycall_connections_ended_total\{.*\} ([1-9]\d*)", figures, re.MULTILINE)
    print(f"{len(STEPS)} jumps of a clock: {len(ended)} connections ended")
    assert (dropped, opened, ended) == (set(), ["2"], [])


def _statistics(caller: Program) -> int:
    return sum(event["event"] == "stats" for event in caller.events)
