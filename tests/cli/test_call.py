"""`pycall call` as a person uses it: in a real terminal, with somebody else at the other end."""

from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pycall.cli.invitation import ONLY_HERE
from tests.cli.terminal import Start, Terminal
from tests.integration.conftest import QUIET, Caller
from tests.media.recording.footage import Footage, read_back
from tests.program import PYCALL, Program
from tests.rig import wait_until

pytestmark = pytest.mark.integration

SMALL = ("--size", "160x120", "--fps", "15")
CLEAN = [word for pair in QUIET.items() for word in pair] + [*SMALL]
Ann = Callable[..., Terminal]


@pytest.fixture
def ann(terminal: Start, url: str) -> Ann:
    """Starts Ann's call to the den in a terminal."""

    def start(*options: str, **given: Any) -> Terminal:
        command = [PYCALL, "call", "den", "--server", url, "--name", "Ann", *CLEAN, *options]
        return terminal(command, **given)

    return start


def last(program: Program, name: str) -> dict[str, Any]:
    return next((event for event in reversed(program.events) if event["event"] == name), {})


def count(program: Program, name: str) -> int:
    return [event["event"] for event in program.events].count(name)


def pass_seconds(program: Program, seconds: int) -> None:
    """Let so many seconds of the call go by."""
    before = count(program, "stats")
    wait_until(lambda: count(program, "stats") >= before + seconds)


def test_the_keys_of_the_terminal(ann: Ann, start_call: Caller, tmp_path: Path) -> None:
    heard = tmp_path / "heard.mp4"
    bob = start_call(
        "den", *SMALL, "--record", str(heard), "--record-layout", "remote", microphone="none", name="Bob"
    )
    bob.wait_for_event("joined")
    here = ann()
    here.wait_for("Keys: m mute, v camera, r record, q hang up.")
    here.wait_until(lambda: here.screen[-1].startswith("● Bob"))
    pass_seconds(bob, 2)

    here.type("m")
    here.wait_for("You are muted")
    here.type("v")
    here.wait_for("Your camera is off")
    here.wait_until(lambda: state(bob) == (True, True, False))
    pass_seconds(bob, 2)
    here.type("r")
    here.wait_until(lambda: state(bob) == (True, True, True))
    here.wait_for("Recording to")
    here.type("m")
    here.type("v")
    here.wait_until(lambda: state(bob) == (False, False, True))
    pass_seconds(bob, 2)
    here.type("r")
    here.wait_for("Recorded")
    here.wait_until(lambda: state(bob) == (False, False, False))
    here.type("q")

    assert here.wait() == 0
    assert bob.wait() == 0
    assert last(bob, "ended")["reason"] == "peer-hangup"
    assert here.settings == here.before
    assert here.screen[-1] == ""
    assert here.screen[-2].startswith("Call ended after ")
    (recorded,) = (tmp_path / "recordings").iterdir()
    assert recorded.name.startswith("den-")
    assert read_back(recorded).pictures
    check_gap(read_back(heard))


def state(program: Program) -> tuple[bool, bool, bool]:
    """What the other side last said of itself."""
    said = last(program, "peer_state")
    return said.get("muted", False), said.get("camera_off", False), said.get("recording", False)


def check_gap(footage: Footage) -> None:
    """Something was seen and heard, then black and silence for some time, then something again."""
    halves = [half / 2 for half in range(int(2 * footage.duration))]
    heard = [footage.loudness(at, at + 0.5) > 20 for at in halves]
    seen = [
        [picture.mean() > 20 for time, picture in footage.pictures if 0 <= time - at < 0.5] for at in halves
    ]
    gap = re.compile("#.?-{2,}.?#")
    assert gap.search("".join("#" if each else "-" for each in heard)), heard
    assert gap.search("".join("#" if any(each) else "-" for each in seen)), seen


def test_who_waits_is_told_what_to_pass_on_and_hears_a_bell(ann: Ann, start_call: Caller, url: str) -> None:
    here = ann()
    here.wait_for("Waiting for the other side")
    assert f"    pycall call {url}/r/den" in here.screen
    assert f"or opens {url}/r/den in a browser." in here.screen
    assert ONLY_HERE in " ".join(here.screen)
    assert "\a" not in here.written
    bob = start_call("den", *SMALL, name="日本")
    here.wait_for("日本 is here.")
    assert here.written.count("\a") == 1
    here.wait_until(lambda: here.screen[-1].startswith("● 日本"))
    bob.send_signal(signal.SIGINT)
    assert bob.wait() == 130
    assert here.wait() == 0
    assert "日本 hung up." in here.screen


def test_ctrl_c_hangs_up_and_the_terminal_is_as_before(ann: Ann) -> None:
    here = ann()
    here.wait_for("Waiting for the other side")
    here.type("\x03")
    assert here.wait() == 130
    assert here.settings == here.before
    assert here.screen[-2:] == ["The call ended before it began.", ""]


@pytest.fixture
def deaf_server(server: Program) -> Iterator[Callable[[], None]]:
    """Makes the server stand still."""
    yield lambda: server.send_signal(signal.SIGSTOP)
    server.send_signal(signal.SIGCONT)


def test_a_second_ctrl_c_ends_at_once_and_gives_the_terminal_back(
    ann: Ann, deaf_server: Callable[[], None]
) -> None:
    here = ann()
    here.wait_for("Waiting for the other side")
    deaf_server()  # so that a hang-up takes its time
    while here.process.poll() is None:
        here.type("\x03")
        time.sleep(0.1)
    assert here.wait() == 130
    assert here.settings == here.before
    assert "ended" not in here.written
    assert here.screen[-1] == ""


def test_a_terminal_that_is_closed_hangs_up(ann: Ann, start_call: Caller) -> None:
    bob = start_call("den", *SMALL)
    bob.wait_for_event("joined")
    here = ann()
    here.wait_for("Keys:")
    bob.wait_for_event("connected")
    here.hang_up()
    assert here.wait() == 128 + signal.SIGHUP
    assert bob.wait() == 0
    assert last(bob, "peer_left")["reason"] == "left"


def test_a_reader_that_goes_away_hangs_up(start_call: Caller, url: str, tmp_path: Path) -> None:
    bob = start_call("den", *SMALL)
    bob.wait_for_event("joined")
    command = [str(PYCALL), "call", "den", "--json", "--server", url, *CLEAN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as caller:
        assert caller.stdout is not None
        assert caller.stderr is not None
        for line in caller.stdout:
            if json.loads(line)["event"] == "connected":
                break
        caller.stdout.close()
        assert caller.stderr.read() == b""
    assert caller.returncode == 128 + signal.SIGTERM
    assert bob.wait() == 0
    assert last(bob, "peer_left")["reason"] == "left"


def test_a_terminal_of_another_encoding_does_not_end_the_call(ann: Ann) -> None:
    here = ann("--wait", "1", env={"PYTHONIOENCODING": "latin-1"})
    assert here.wait() == 4
    assert "Waiting for the other side ?" in here.written
    assert here.screen[-3].startswith("Error: Nobody came to the room den")


def test_an_error_leaves_the_terminal_as_it_was(terminal: Start, free_port: int) -> None:
    here = terminal([PYCALL, "call", "den", "--server", f"http://localhost:{free_port}", *CLEAN])
    assert here.wait() == 3
    assert here.settings == here.before
    assert here.screen[-2].startswith("Hint: Start one here with: pycall serve")


def test_without_verbose_only_bugs_of_pycall_are_logged() -> None:
    program = (
        "import logging; from pycall.cli.log import log_to_stderr; log_to_stderr(own={}, others={});"
        "[logging.getLogger(name).log(level, '%s %s', name, level)"
        " for name in ('aiortc', 'pycall.client') for level in (20, 30, 40)]"
    )

    def said(own: int, others: int) -> list[str]:
        command = [sys.executable, "-c", program.format(own, others)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [line.split(": ")[-1] for line in done.stderr.splitlines()]

    assert said(logging.ERROR, logging.CRITICAL) == ["pycall.client 40"]
    assert len(said(logging.INFO, logging.INFO)) == 6
