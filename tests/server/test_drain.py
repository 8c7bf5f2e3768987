"""The end of a server with a thousand connected."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from crowd.trial import Load

from tests.cli.serving import serve
from tests.program import Program, Programs

pytestmark = pytest.mark.integration

ROOMS = 500
END_S = 5.0
AT_ONCE_S = 0.5


def waited_for_cpu_s(program: Program) -> float:
    """How long it could have run so far and others did: a busy machine is not its fault."""
    return int(Path("/proc", str(program.process.pid), "schedstat").read_text().split()[1]) / 1e9


def test_everybody_is_told_and_nobody_let_in(start_pycall: Programs) -> None:
    program, port = serve(start_pycall)
    with Load.on(port) as load:
        load.do("join", rooms=ROOMS, at_once=64)
        began, waited_s = time.monotonic(), waited_for_cpu_s(program)
        seen = load.do("drain", process=program.process.pid, joins=20)
        os.waitid(os.P_PID, program.process.pid, os.WEXITED | os.WNOWAIT)
        took_s = time.monotonic() - began - (waited_for_cpu_s(program) - waited_s)
        assert program.wait() == 0
        assert took_s < END_S
    assert (seen["told"], seen["left"], seen["let_in"]) == (2 * ROOMS, 0, 0)
    assert program.stderr == ""


def test_a_second_signal_ends_it_at_once_whoever_is_still_to_be_told(start_pycall: Programs) -> None:
    program, port = serve(start_pycall)
    with Load.on(port) as load:
        load.do("join", rooms=ROOMS, at_once=64)
        load.process.send_signal(signal.SIGSTOP)  # so that nobody answers, which is waited for
        program.send_signal(signal.SIGTERM)
        program.wait_for("Stopping")
        began = time.monotonic()
        program.send_signal(signal.SIGTERM)
        assert program.wait() == -signal.SIGTERM
        assert time.monotonic() - began < AT_ONCE_S
    assert program.stderr == ""
