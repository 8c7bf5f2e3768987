"""The end of a server with a thousand connected."""

from __future__ import annotations

import signal
import time

import pytest
from crowd.trial import Load

from tests.cli.serving import serve
from tests.program import Programs

pytestmark = pytest.mark.integration

ROOMS = 500
END_S = 5.0
AT_ONCE_S = 0.5


def test_everybody_is_told_and_nobody_let_in(start_pycall: Programs) -> None:
    program, port = serve(start_pycall)
    with Load.on(port) as load:
        load.do("join", rooms=ROOMS, at_once=64)
        began = time.monotonic()
        seen = load.do("drain", process=program.process.pid, joins=20)
        assert program.wait() == 0
        assert time.monotonic() - began < END_S
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
