"""pycall and Chromium with each other, in one run on this machine's loopback.

    python benchmarks/browsers.py [--seconds 15] [--runs 3]

Three calls, in turn: pycall with pycall, pycall with Chromium at the call page, Chromium with Chromium.
Both send 640x480 at 30 pictures a second of the test card with its burnt-in clock, and read the clock out
of every fifth picture that is shown. Needs Debian's chromium. CPU is in cores, of all processes of a side.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from browsers_guest import Guest
from call import QUIET, figures_of, mean, server, start
from playwright.sync_api import Playwright, sync_playwright

PYCALL: Final = "pycall"
CHROMIUM: Final = "Chromium"
CALLS: Final = ((PYCALL, PYCALL), (PYCALL, CHROMIUM), (CHROMIUM, CHROMIUM))
WARM_UP_S: Final = 10.0
"""Chromium begins with 300 kbit/s and may take so long to come to the full size."""

OPTIONS: Final = (*QUIET, "--microphone", "test", "--size", "640x480", "--fps", "30")

COLUMNS: Final = (
    "call", "side", "first picture s", "ratio", "picture p50 ms", "ratio", "p95 ms", "fps", "size",
    "received kbit/s", "CPU", "ratio",
)  # fmt: skip
"""The ratios are to Chromium that calls Chromium."""


class Side(Protocol):
    """One of the two in a call."""

    def join(self, state: str) -> None:
        """Come into the room; return when there."""

    def begin(self, warm_up_s: float) -> None:
        """Return when the window has begun."""

    def report(self) -> dict[str, Any]:
        """The figures of the window."""

    def close(self) -> None:
        """Leave nothing."""


class Caller:
    """A `pycall call`; it keeps its window by itself, and reports at the end of it."""

    def __init__(self, origin: str, seconds: float, folder: Path) -> None:
        self._arguments = (
            "pycall_side.py",
            str(seconds),
            "--warm-up",
            str(WARM_UP_S),
            "--server",
            origin,
            *OPTIONS,
        )
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def join(self, _state: str) -> None:
        """Start it; it opens its devices before it joins."""
        self._process = start(*self._arguments, cwd=self._folder)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def begin(self, _warm_up_s: float) -> None:
        """Nothing to wait for."""

    def report(self) -> dict[str, Any]:
        """The figures it prints at its end."""
        assert self._process is not None
        return figures_of(self._process)

    def close(self) -> None:
        """End it if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def one_call(kinds: tuple[str, str], seconds: float, playwright: Playwright) -> list[dict[str, Any]]:
    """The figures of both sides; the first of the two is in the room first."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        origin = stack.enter_context(server())
        sides = [stack.enter_context(_side(kind, origin, seconds, folder, playwright)) for kind in kinds]
        sides[0].join("waiting")
        sides[1].join("connected")
        for side in sides:
            side.begin(WARM_UP_S)
        time.sleep(seconds)
        figures = {side: side.report() for side in sorted(sides, key=_hangs_up)}
        return [figures[side] for side in sides]


def _hangs_up(side: Side) -> bool:
    """Whether it ends the call when it reports, so that it is to be asked last."""
    return isinstance(side, Caller)


@contextmanager
def _side(kind: str, origin: str, seconds: float, folder: Path, playwright: Playwright) -> Iterator[Side]:
    side: Side = Caller(origin, seconds, folder) if kind == PYCALL else Guest(playwright, origin, "Bob")
    try:
        yield side
    finally:
        side.close()


def row(call: str, side: str, reports: list[dict[str, Any]], base: list[dict[str, Any]]) -> str:
    """A line of the table."""

    def figure(key: str, digits: int) -> str:
        return f"{mean(reports, key):.{digits}f}"

    def ratio(key: str) -> str:
        return f"{mean(reports, key) / mean(base, key):.2f}"

    sizes = ", ".join(sorted({report["size"] for report in reports}))
    cells = (
        call, side, figure("first_frame_s", 2), ratio("first_frame_s"), figure("latency_p50_ms", 0),
        ratio("latency_p50_ms"), figure("latency_p95_ms", 0), figure("fps", 1), sizes,
        figure("received_kbps", 0), figure("cpu", 2), ratio("cpu"),
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Run the calls in turn and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=15, help="length of the measured window")
    parser.add_argument("--runs", type=int, default=3, help="turns; figures are averaged")
    arguments = parser.parse_args()
    reports: dict[tuple[str, str], list[dict[str, Any]]] = {}
    with sync_playwright() as playwright:
        for turn in range(arguments.runs):
            for kinds in CALLS:
                first, second = kinds if turn % 2 == 0 else reversed(kinds)  # so each offers in turn
                figures = one_call((first, second), arguments.seconds, playwright)
                for side, report in zip((first, second), figures, strict=True):
                    reports.setdefault((" and ".join(kinds), side), []).append(report)
    print("| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS), sep="\n")
    base = reports[f"{CHROMIUM} and {CHROMIUM}", CHROMIUM]
    for (call, side), figures in reports.items():
        print(row(call, side, figures, base))


if __name__ == "__main__":
    main()
