"""`pycall demo` as a command, in an empty folder."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

import psutil
import pytest

from pycall.cli.demo import _Caller, _check
from pycall.errors import CallError, MediaError
from tests.cli.terminal import Start
from tests.media.recording.footage import read_back
from tests.program import PYCALL, Program, Programs
from tests.rig import wait_until

pytestmark = pytest.mark.integration


def children(program: Program, at_least: int = 0) -> list[psutil.Process]:
    """Every process it started, once there are so many."""
    parent = psutil.Process(program.process.pid)
    wait_until(lambda: len(parent.children()) >= at_least)
    return parent.children(recursive=True)


def are_gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=3)[1]


@pytest.fixture
def folder(start_pycall: Programs) -> Path:
    """An empty one."""
    folder = start_pycall.folder / "empty"
    folder.mkdir(parents=True)
    return folder


def test_a_whole_call_and_what_came_of_it(start_pycall: Programs, folder: Path) -> None:
    first = start_pycall("demo", "--seconds", "2", "--size", "160x120", cwd=folder)
    processes = children(first, 3)
    assert first.wait() == 0
    assert first.stderr == ""
    assert are_gone(processes)
    assert re.search(r"^Connected in \d+\.\d\d s, direct\.$", first.stdout, re.MULTILINE)
    for one, other in (("Ann", "Bob"), ("Bob", "Ann")):
        told = re.search(
            rf"^{one} received (\d+) pictures and ([\d.]+) s of sound from {other}; "
            r"latency: picture (.*), sound (.*)\.$",
            first.stdout,
            re.MULTILINE,
        )
        assert told, first.stdout
        assert int(told[1]) > 5
        assert float(told[2]) > 0.5
    recording = folder / "recordings" / "demo.mp4"
    assert first.stdout.endswith(f"The recording is {recording}\n")
    footage = read_back(recording)
    assert footage.pictures
    assert footage.size == (320, 120)
    assert footage.loudness(0, footage.duration) > 300

    second = start_pycall("demo", "--seconds", "1", "--size", "160x120", cwd=folder)
    assert second.wait() == 0
    assert second.stdout.endswith(f"The recording is {recording.with_name('demo-2.mp4')}\n")
    assert sorted(path.name for path in folder.rglob("*.mp4")) == ["demo-2.mp4", "demo.mp4"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_ends_everything(
    start_pycall: Programs, number: signal.Signals, code: int
) -> None:
    demo = start_pycall("demo", "--size", "160x120")
    demo.wait_for("Ann records to")
    processes = children(demo, 3)
    demo.send_signal(number)
    assert demo.wait() == code
    assert are_gone(processes)
    assert demo.stderr == ""


def test_a_signal_at_the_start_ends_everything(start_pycall: Programs) -> None:
    demo = start_pycall("demo")
    processes = children(demo, 1)
    demo.send_signal(signal.SIGINT)
    assert demo.wait() == 130
    assert are_gone(processes)
    assert demo.stderr == ""


def test_a_second_signal_ends_everything_at_once(start_pycall: Programs) -> None:
    demo = start_pycall("demo", "--size", "160x120")
    demo.wait_for("Ann records to")
    processes = children(demo, 3)
    for process in processes:
        process.suspend()  # so that they cannot hang up
    while demo.process.poll() is None:
        demo.send_signal(signal.SIGINT)
    assert demo.wait() == 130
    assert are_gone(processes)


def test_a_caller_that_fails_is_one_clear_error(start_pycall: Programs) -> None:
    demo = start_pycall("demo", "--camera", "No Such")
    processes = children(demo, 1)
    assert demo.wait() == 5
    first, *hints = demo.stderr.splitlines()
    assert first == "Error: Ann: There is no camera 'No Such'."
    assert all(line.startswith("Hint: ") for line in hints)
    assert len(hints) <= 1
    assert "recordings" not in demo.stdout
    assert are_gone(processes)


def test_a_folder_that_cannot_be_made_is_an_error(start_pycall: Programs, folder: Path) -> None:
    (folder / "recordings").write_text("a file")
    demo = start_pycall("demo", cwd=folder)
    assert demo.wait() == 5
    assert demo.stderr.splitlines() == [
        "Error: Cannot record to recordings/demo.mp4: File exists.",
        "Hint: Run it in a folder you can write to.",
    ]


def test_what_is_configured_for_calls_does_not_matter(start_pycall: Programs, folder: Path) -> None:
    (folder / "pycall.py").write_text("raise SystemExit('not this one')")
    env = {"PYCALL_CALL_FPS": "many", "PYCALL_SERVER_PORT": "none"}
    demo = start_pycall("demo", "--seconds", "1", "--size", "160x120", env=env, cwd=folder)
    assert demo.wait() == 0
    assert demo.stderr == ""


def test_a_terminal_shows_one_live_line(terminal: Start) -> None:
    demo = terminal([PYCALL, "demo", "--seconds", "3", "--size", "160x120"])
    demo.wait_until(lambda: demo.screen[-1].startswith("● Ann  ↑ "))
    assert demo.wait() == 0
    assert demo.screen[-1] == ""
    assert not any(line.startswith("●") for line in demo.screen)


async def test_the_one_that_failed_is_named_not_the_one_that_was_stopped() -> None:
    ann, bob = await caller("Ann", 0), await caller("Bob", 5)
    bob.events["error"] = {"message": "There is no camera.", "hint": "Plug one in."}
    with pytest.raises(MediaError, match=r"^Bob: There is no camera\.$") as raised:
        _check(ann, bob)
    assert raised.value.hint == "Plug one in."


async def test_one_that_ends_without_a_word_is_an_error() -> None:
    ann, bob = await caller("Ann", 0), await caller("Bob", 0)
    ann.events = {"connected": {}, "ended": {}}
    with pytest.raises(CallError, match="Bob ended without a word"):
        _check(ann, bob)


async def caller(name: str, code: int) -> _Caller:
    """A caller that ended with this exit code and said nothing."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", f"raise SystemExit({code})")
    await process.wait()
    return _Caller(name, process)
