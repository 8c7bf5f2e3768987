"""One call in one bad network, and what each of the two saw and heard of the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from playwright.sync_api import Playwright
from processes import cpu_s, memory_mb

from badnet.figures import (
    Heard,
    Shown,
    first_after,
    freezes,
    lost_percent,
    percentile,
    sound_after,
)
from badnet.guest import BadNetworkGuest
from badnet.hearing import hear
from badnet.rows import Row
from badnet.scene import FPS
from pycall.media.frames import Samples
from pycall.media.testsignals.wallclock import unix_time
from tests.netlab.laboratory import Laboratory, running_laboratory
from tests.netlab.link import Link
from tests.netlab.namespaces import Namespace

BENCHMARKS: Final = Path(__file__).parents[1]
PATIENCE_S: Final = 60.0

PYCALL: Final = "pycall"
PLAIN: Final = "aiortc"
CHROMIUM: Final = "Chromium"
CONTESTANTS: Final = {
    PYCALL: (PYCALL, PYCALL),
    PLAIN: (PLAIN, PLAIN),
    CHROMIUM: (CHROMIUM, CHROMIUM),
    "mixed": (PYCALL, CHROMIUM),
}
"""Who calls whom."""

QUIET: Final = ("--display", "none", "--speaker", "none", "--camera", "test", "--microphone", "test")

Cell = dict[str, Any]
"""The figures of what one side received, in one run."""


class SideLost(Exception):
    """One side ended or hung."""


class Side(Protocol):
    """One of the two in a call."""

    @property
    def root(self) -> int:
        """Its first process."""

    def ask(self, word: str) -> dict[str, Any]:
        """Say ``first``, ``begin``, ``end`` or ``report``; see gauge.py."""


class Program:
    """A side in Python: a module of the benchmarks."""

    def __init__(self, machine: Namespace, module: str, *words: str | Path, cwd: Path) -> None:
        self._process = subprocess.Popen(
            machine.command(sys.executable, "-m", module, *words),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(BENCHMARKS)},
        )  # fmt: skip
        self.root = self._process.pid

    def ask(self, word: str) -> dict[str, Any]:
        """Its answer to a word."""
        self.say(word)
        return self.hear()

    def say(self, line: str) -> None:
        """Write a line to it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise SideLost("it ended") from None

    def hear(self) -> dict[str, Any]:
        """The next line of JSON it says."""
        assert self._process.stdout is not None
        watch = threading.Timer(PATIENCE_S, self._process.kill)
        watch.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise SideLost(f"it ended, or said nothing for {PATIENCE_S:.0f} s")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Let it end; soon it is made to."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(8)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True, slots=True)
class Window:
    """What happened around a side's window, and what it reported of it."""

    begin: float
    end: float
    back_at: float | None
    """When the network came back from a cut."""
    report: dict[str, Any]
    cpu: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be tried."""

    contestant: str
    row: Row
    seconds: float
    turn: int = 0
    """The two change places from one to the next."""

    @property
    def kinds(self) -> tuple[str, str]:
        """What sits at either side."""
        one, other = CONTESTANTS[self.contestant]
        return (one, other) if self.turn % 2 == 0 else (other, one)


def one_call(trial: Trial, text: Samples, playwright: Playwright | None = None) -> list[Cell]:
    """Hold a call; what each of the two received. Only those with Chromium need ``playwright``.

    Raises SideLost, or what the laboratory or the browser raises.
    """
    with tempfile.TemporaryDirectory(prefix="pycall-bad-network-") as name, ExitStack() as stack:
        folder = Path(name)
        np.save(folder / "speech.npy", text)
        lab = stack.enter_context(running_laboratory("open", "open", folder))
        sides = stack.enter_context(_joined(trial, lab, folder, text, playwright))
        firsts = [side.ask("first") for side in sides]
        time.sleep(trial.row.warm_up_s)
        windows, wire = _measured(sides, trial, lab.link)
        return [
            _cell(trial, hearer, windows, text) | firsts[hearer] | {"wire_kbps": wire[1 - hearer]}
            for hearer in (0, 1)
        ]


@contextmanager
def _joined(
    trial: Trial, lab: Laboratory, folder: Path, text: Samples, playwright: Playwright | None
) -> Iterator[list[Side]]:
    """The two of a call, who have just found each other; the network is bad from before that on."""
    row, machines = trial.row, (lab.a.namespace, lab.b.namespace)
    with ExitStack() as stack:
        if trial.contestant == PLAIN:
            lab.link.shape(**row.shape)
            yield list(_plain(row, machines, folder, stack))
            return
        lab.server()
        guests: dict[int, BadNetworkGuest] = {}
        for number, kind in enumerate(trial.kinds):
            if kind == CHROMIUM:
                assert playwright is not None
                guests[number] = BadNetworkGuest(
                    playwright, lab, machines[number], row=row, text=text, folder=folder
                )
                stack.callback(guests[number].close)
        lab.link.shape(**row.shape)
        sides: list[Side] = []
        for number, state in enumerate(("waiting", "connected")):
            if number in guests:
                guests[number].join(state)
                sides.append(guests[number])
            else:
                sides.append(_pycall(number, row, lab, folder, stack))
        yield sides


def _pycall(number: int, row: Row, lab: Laboratory, folder: Path, stack: ExitStack) -> Program:
    options = ("--server", lab.url, "--size", _size(row), "--fps", str(FPS), *QUIET)
    machine = (lab.a, lab.b)[number].namespace
    files = folder / "speech.npy", folder / f"heard-{number}.npy"
    side = Program(machine, "badnet.pycall_side", *files, *options, cwd=folder)
    stack.callback(side.close)
    side.hear()
    return side


def _plain(
    row: Row, machines: tuple[Namespace, Namespace], folder: Path, stack: ExitStack
) -> tuple[Program, Program]:
    def start(number: int, role: str) -> Program:
        words = (role, folder / "speech.npy", folder / f"heard-{number}.npy", _size(row))
        side = Program(machines[number], "badnet.plain_side", *words, cwd=folder)
        stack.callback(side.close)
        return side

    one, other = start(0, "offer"), start(1, "answer")
    other.say(json.dumps(one.hear()))
    one.say(json.dumps(other.hear()))
    return one, other


def _size(row: Row) -> str:
    return "{}x{}".format(*row.size)


def _measured(sides: list[Side], trial: Trial, link: Link) -> tuple[list[Window], list[float]]:
    """Let the window pass; what each side reports, and what each put on the link in kbit/s."""
    row, length = trial.row, trial.seconds + trial.row.cut_s
    begins, cpu = [], []
    before = link.counters
    for side in sides:
        side.ask("begin")
        begins.append(unix_time())
        cpu.append(cpu_s(side.root))
    back_at = None
    if row.cut_s:
        time.sleep(length / 4)
        link.cut(row.cut_s)
        back_at = unix_time() + row.cut_s
        time.sleep(length * 3 / 4)
    else:
        time.sleep(length)
    after = link.counters
    wire = [
        (late.octets - early.octets) * 8 / 1000 / length for early, late in zip(before, after, strict=True)
    ]
    memories = [memory_mb(side.root) for side in sides]
    ends = []
    for side, memory in zip(sides, memories, strict=True):
        ends.append((unix_time(), cpu_s(side.root), memory))
        side.ask("end")
    windows = [
        Window(begin, end, back_at, side.ask("report"), (used - unused) / (end - begin), memory)
        for side, begin, unused, (end, used, memory) in zip(sides, begins, cpu, ends, strict=True)
    ]
    return windows, wire


def _cell(trial: Trial, hearer: int, windows: list[Window], text: Samples) -> Cell:
    """The figures of what one side received."""
    window, speaker = windows[hearer], trial.kinds[1 - hearer]
    name = trial.kinds[hearer]
    spoken = windows[1 - hearer].report
    figures = figures_of(window, spoken["spoken_at"], text)
    return {
        "row": trial.row.key,
        "contestant": name if name == speaker else f"{speaker} to {name}",
        "seconds": trial.seconds,
        "at": window.begin,
        "limited_by": spoken.get("limited_by"),
    } | figures


def figures_of(window: Window, spoken_at: float | None, text: Samples) -> Cell:
    """From what a side reported to figures; ``None`` for what could not be measured."""
    report = window.report
    begin, end = window.begin, window.end
    shown = [Shown(*each) for each in report["shown"] if begin <= each[0] <= end]
    heard = [Heard(*each) for each in report["heard"]]
    latencies = [each.latency_ms for each in shown if each.latency_ms is not None]
    gaps = freezes([each.at for each in shown], begin, end)
    recording = report.get("recording")
    hearing = (
        hear(np.load(recording), report["recorded_at"], text, spoken_at)
        if recording is not None and spoken_at is not None
        else None
    )
    late_s = hearing.latency_s if hearing else None
    psnr = report["psnr"]
    return {
        "size": report["sizes"][0][0] if report["sizes"] else None,
        "fps": len(shown) / (end - begin),
        "p50_ms": percentile(latencies, 0.5),
        "p95_ms": percentile(latencies, 0.95),
        "unread": len(shown) - len(latencies),
        "freezes": gaps.count,
        "frozen_s": gaps.seconds,
        "longest_s": gaps.longest_s,
        "lost_percent": lost_percent(heard),
        "sound_ms": None if late_s is None else 1000 * late_s,
        "stoi": hearing.stoi if hearing else 0.0,
        "psnr_db": sum(psnr) / len(psnr) if psnr else None,
        "received_kbps": report["received_kbps"],
        "cpu": window.cpu,
        "memory_mb": window.memory_mb,
        "back_s": window.back_at and first_after([each.at for each in shown], window.back_at),
        "sound_back_s": window.back_at and sound_after(heard, window.back_at),
    }
