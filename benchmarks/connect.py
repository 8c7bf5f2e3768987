"""How soon two see each other, pycall and Chromium side by side in the same networks and the same run.

    python benchmarks/connect.py [--runs 5]

As root: each call is in a network laboratory of its own (tests/netlab). The time is that of the one who was
in the room first, from the server's word that the other came (`other_joined`) to the first picture. Needs
Debian's chromium and coturn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from browsers_guest import CHROMIUM, Guest
from playwright.sync_api import Playwright, sync_playwright

from tests.netlab.addresses import Kind
from tests.netlab.laboratory import Laboratory, running_laboratory
from tests.netlab.namespaces import Namespace, sweep
from tests.netlab.pairs import first_picture_s
from tests.netlab.talk import Talk

PYCALL: Final = "pycall"
BROWSER: Final = "Chromium"


@dataclass(frozen=True, slots=True)
class Case:
    """Two networks, and perhaps a STUN server besides the good one that never answers."""

    a: Kind
    b: Kind
    path: str
    black_hole: bool = False

    def __str__(self) -> str:
        silent = ", a STUN server silent" if self.black_hole else ""
        return f"{self.path}: {self.a} and {self.b}{silent}"


CASES: Final = (
    Case("open", "open", "direct"),
    Case("cone", "cone", "direct"),
    Case("cone", "cone", "direct", black_hole=True),
    Case("symmetric", "symmetric", "relayed"),
    Case("symmetric", "symmetric", "relayed", black_hole=True),
)


def by_pycall(case: Case, lab: Laboratory) -> float:
    """Two `pycall call`; seconds to the first picture."""
    return first_picture_s(Talk(lab, *(("--ice-server", _silent(lab)) if case.black_hole else ())))


def by_chromium(case: Case, lab: Laboratory, folder: Path, playwright: Playwright) -> float:
    """Two Chromium at the call page; seconds to the first picture."""
    more = [{"urls": _silent(lab)}] if case.black_hole else []
    with ExitStack() as stack:
        guests = []
        for name, machine in (("Ann", lab.a.namespace), ("Bob", lab.b.namespace)):
            guest = Guest(
                playwright,
                lab.url,
                name,
                program=_program_in(machine, folder),
                flags=(f"--unsafely-treat-insecure-origin-as-secure={lab.url}",),
                ice_servers=more,
            )
            stack.callback(guest.close)
            guests.append(guest)
        guests[0].join("waiting")
        guests[1].join("connected")
        return guests[0].first_picture_s()


def _silent(lab: Laboratory) -> str:
    return f"stun:{lab.black_hole}:3478"


def _program_in(machine: Namespace, folder: Path) -> Path:
    """A program that is Chromium on this machine of the laboratory."""
    path = folder / f"chromium-{machine.name}"
    path.write_text(f'#!/bin/sh\nexec {" ".join(machine.command(CHROMIUM))} "$@"\n', encoding="utf-8")
    path.chmod(0o700)
    return path


def one_call(contestant: str, case: Case, playwright: Playwright) -> float:
    """A call in a laboratory of its own; seconds to the first picture."""
    with tempfile.TemporaryDirectory() as name, running_laboratory(case.a, case.b, Path(name)) as lab:
        lab.server(*lab.coturn().options)
        if contestant == PYCALL:
            return by_pycall(case, lab)
        return by_chromium(case, lab, Path(name), playwright)


def main() -> None:
    """Run the calls in turn and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="calls of each kind")
    arguments = parser.parse_args()
    sweep()
    taken: dict[tuple[Case, str], list[float]] = {}
    with sync_playwright() as playwright:
        for _ in range(arguments.runs):
            for case in CASES:
                for contestant in (PYCALL, BROWSER):
                    taken.setdefault((case, contestant), []).append(one_call(contestant, case, playwright))
    print(f"{arguments.runs} calls each; load at the end {os.getloadavg()[0]:.1f}\n")
    print("| call | pycall, p50 s | max | Chromium, p50 s | max | ratio |\n|" + " --- |" * 6)
    for case in CASES:
        ours, theirs = taken[case, PYCALL], taken[case, BROWSER]
        cells = [f"{statistics.median(each):.2f} | {max(each):.2f}" for each in (ours, theirs)]
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(f"| {case} | {' | '.join(cells)} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
