"""Keys of a real terminal, watched by a small program that prints them until an x comes."""

from __future__ import annotations

import io
import sys
import termios
import time

import psutil
import pytest

from pycall.cli.keys import are_there_keys, watch_keys
from tests.cli.terminal import Start, Terminal
from tests.rig import needs

pytestmark = pytest.mark.integration

PROGRAM = """
import asyncio, signal
from pycall.cli.keys import are_there_keys, watch_keys

signal.signal(signal.SIGHUP, signal.SIG_IGN)

async def main():
    over = asyncio.Event()
    keys = watch_keys(lambda key: (print(repr(key), flush=True), key == "x" and over.set()))
    print("watching" if are_there_keys() else "no keys", flush=True)
    try:
        async with asyncio.timeout({seconds}):
            await over.wait()
    except TimeoutError:
        print("nothing came", flush=True)
    keys.close()
    keys.close()

asyncio.run(main())
"""

LOCAL_MODES = 3


def watching(terminal: Start, *wrapper: str, seconds: float = 30) -> Terminal:
    return terminal([*wrapper, sys.executable, "-c", PROGRAM.format(seconds=seconds)])


def typed(terminal: Terminal) -> list[str]:
    return [line for line in terminal.screen if line.startswith("'")]


def test_keys_come_one_by_one_without_enter_and_are_not_echoed(terminal: Start) -> None:
    program = watching(terminal)
    program.wait_for("watching")
    for key in "mQé":
        program.type(key)
        program.wait_for(repr(key))
    program.type("vrx")
    assert program.wait() == 0
    assert program.screen == ["watching", "'m'", "'Q'", "'é'", "'v'", "'r'", "'x'", ""]


def test_the_terminal_is_itself_again_afterwards(terminal: Start) -> None:
    program = watching(terminal)
    program.wait_for("watching")
    assert not program.settings[LOCAL_MODES] & (termios.ICANON | termios.ECHO)
    assert program.settings[LOCAL_MODES] & termios.ISIG
    program.type("x")
    assert program.wait() == 0
    assert program.settings == program.before


@pytest.mark.parametrize(
    "sequence", ["\x1b[A", "\x1bOQ", "\x1b[15~", "\x1b[1;5C", "\x1bq", "\x1b[M", "\x1b", "\x1b\x1b[B"]
)
def test_the_keys_that_type_sequences_are_no_letters(terminal: Start, sequence: str) -> None:
    program = watching(terminal)
    program.wait_for("watching")
    program.type(sequence + "\x1bOP" + "mx")
    assert program.wait() == 0
    assert typed(program) == ["'m'", "'x'"]


def test_ctrl_s_does_not_hold_the_program(terminal: Start) -> None:
    program = watching(terminal)
    program.wait_for("watching")
    program.type("\x13mx")
    assert program.wait() == 0
    assert typed(program)[-2:] == ["'m'", "'x'"]


def test_ctrl_c_still_interrupts(terminal: Start) -> None:
    program = watching(terminal)
    program.wait_for("watching")
    program.type("\x03")
    program.wait_for("KeyboardInterrupt")


def test_in_the_background_the_terminal_is_not_touched(terminal: Start) -> None:
    starter = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:], process_group=0).returncode)"
    program = watching(terminal, sys.executable, "-c", starter, seconds=0.5)
    program.wait_for("no keys")
    assert program.settings == program.before
    program.type("x\n")
    assert program.wait() == 0
    program.wait_for("nothing came")
    assert program.settings == program.before


def test_a_terminal_of_another_session_is_not_touched(terminal: Start) -> None:
    program = watching(terminal, needs("setsid", "util-linux"), "--wait", seconds=0.5)
    program.wait_for("no keys")
    assert program.wait() == 0
    assert program.settings == program.before


def test_a_terminal_that_went_away_is_let_go(terminal: Start) -> None:
    """It is always readable then: who goes on reading burns the processor."""
    program = watching(terminal, seconds=1.5)
    program.wait_for("watching")
    watcher = psutil.Process(program.process.pid)
    used = [sum(watcher.cpu_times()[:2])]
    program.hang_up()
    while program.process.poll() is None:
        used.append(sum(watcher.cpu_times()[:2]))
        time.sleep(0.02)
    assert max(used) - used[0] < 0.5


@pytest.mark.parametrize("stdin", [None, io.StringIO("m")])
async def test_without_a_terminal_there_are_no_keys(
    monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO | None
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert not are_there_keys()
    watch_keys(pytest.fail).close()
