from __future__ import annotations

import pickle
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pycall.cli.worker import Assignment
from pycall.cli.workers import WORKER
from pycall.config import Limits, ServerConfig
from pycall.server.ice.iceservers import Turn
from tests.program import Programs


def assignment() -> Assignment:
    turn = Turn(("turn:{host}:3478",), "a secret")
    config = ServerConfig(port=1, cert=Path("cert.pem"), workers=2, node="one-1")
    redis, stuns, figures = "redis://:another@host", ("stun:{host}:1",), {"one-1": "a", "one-2": "b"}
    return Assignment(config, Limits().off(), True, redis, stuns, (turn,), figures)


def test_an_assignment_comes_as_it_was_given() -> None:
    packed = assignment().packed()
    (length,) = struct.unpack("!I", packed[:4])
    assert length == len(packed) - 4
    assert pickle.loads(packed[4:]) == assignment()


def test_it_does_not_show_its_secrets() -> None:
    shown = repr(assignment())
    assert "a secret" not in shown
    assert "another" not in shown


@pytest.mark.integration
def test_a_worker_without_an_assignment_just_ends(start_pycall: Programs) -> None:
    program = start_pycall("-c", WORKER, command=(sys.executable,))
    assert program.wait() == 1
    assert not program.stderr


@pytest.mark.integration
def test_what_a_worker_cannot_do_is_one_sentence() -> None:
    command = [sys.executable, "-c", WORKER]
    done = subprocess.run(command, input=assignment().packed(), capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"Error: Of --cert and --key only one was given.")
    assert b"Traceback" not in done.stderr
