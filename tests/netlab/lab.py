"""What a call is to outlive, many times in a row, and every pair of networks: ``make lab``.

    python -m tests.netlab.lab [--times 20] [--only TEXT] [--pair-times 5] [--at-once 2]

Prints each result as it comes, and in the end the tables for docs/networks.md. Several laboratories at once
disturb each other's figures a little; with ``--at-once 1`` a run takes about 50 minutes. What the programs of
a call that failed have said is kept.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import tempfile
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from tests.netlab.addresses import Kind
from tests.netlab.laboratory import Laboratory, running_laboratory
from tests.netlab.namespaces import sweep
from tests.netlab.ordeals import ORDEALS, Outcome, undergo
from tests.netlab.pairs import PAIRS, Meeting, meet

T = TypeVar("T")
Figures: TypeAlias = Sequence[float]

ORDEAL_HEAD: Final = (
    "what happens", "survived", "told after, p50 s", "max", "gap, p50 s", "max", "back after, p50 s", "max",
    "goal s",
)  # fmt: skip
PAIR_HEAD: Final = ("side a", "side b", "connected", "path", "first picture, p50 s", "max", "ends")


def one_ordeal(number: int) -> Outcome | None:
    """Once, in a laboratory of its own; ``None`` if the call did not survive."""
    ordeal = ORDEALS[number]
    return _alone(ordeal.name, ordeal.a, ordeal.b, lambda lab: undergo(ordeal, lab))


def one_pair(number: int) -> Meeting | None:
    """Once, in a laboratory of its own; ``None`` if the two did not connect."""
    a, b = PAIRS[number]
    return _alone(f"{a} and {b}", a, b, lambda lab: meet(a, b, lab))


def _alone(name: str, a: Kind, b: Kind, happens: Callable[[Laboratory], T]) -> T | None:
    folder = Path(tempfile.mkdtemp(prefix="pycall-lab-"))
    try:
        with running_laboratory(a, b, folder) as lab:
            result = happens(lab)
    except Exception:  # noqa: BLE001  whatever went wrong is the result
        print(f"FAILED: {name}; see {folder}\n{traceback.format_exc()}", flush=True)
        return None
    shutil.rmtree(folder)
    print(f"{name:36} {result}", flush=True)
    return result


def ordeal_row(number: int, results: list[Outcome | None]) -> list[str]:
    """A line of the table."""
    ordeal, outcomes = ORDEALS[number], [result for result in results if result is not None]
    figures = (
        [outcome.told_s for outcome in outcomes],
        [outcome.gap_s for outcome in outcomes],
        [outcome.back_s for outcome in outcomes],
    )
    cells = [cell for figure in figures for cell in middle_and_most(figure)]
    return [ordeal.name, f"{len(outcomes)}/{len(results)}", *cells, f"{ordeal.within_s:g}"]


def pair_row(number: int, results: list[Meeting | None]) -> list[str]:
    """A line of the table."""
    meetings = [result for result in results if result is not None]
    paths, ends = ({getattr(meeting, name) for meeting in meetings} for name in ("path", "ends"))
    taken = middle_and_most([meeting.first_frame_s for meeting in meetings])
    connected = f"{len(meetings)}/{len(results)}"
    return [*PAIRS[number], connected, ", ".join(sorted(paths)), *taken, ", ".join(sorted(ends))]


def middle_and_most(figures: Figures) -> tuple[str, str]:
    """The median and the largest, for people."""
    return (f"{statistics.median(figures):.2f}", f"{max(figures):.2f}") if figures else ("", "")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As it stands in Markdown."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))


def main() -> int:
    """Run all and print the tables; 1 if a call did not survive, or two did not connect."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=20, help="for each thing that happens")
    parser.add_argument("--only", default="", help="what happens, if its name has this in it")
    parser.add_argument("--pair-times", type=int, default=5, help="for each pair of networks")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="laboratories")
    arguments = parser.parse_args()
    sweep()
    began, load = datetime.now(UTC), os.getloadavg()
    chosen = [number for number, ordeal in enumerate(ORDEALS) if arguments.only in ordeal.name]
    outcomes: list[list[Outcome | None]] = [[] for _ in ORDEALS]
    meetings: list[list[Meeting | None]] = [[] for _ in PAIRS]
    with ProcessPoolExecutor(arguments.at_once, get_context("spawn")) as pool:
        pairs = [
            (pool.submit(one_pair, number), meetings[number])
            for _ in range(arguments.pair_times)
            for number in range(len(PAIRS))
        ]
        ordeals = [
            (pool.submit(one_ordeal, number), outcomes[number])
            for _ in range(arguments.times)
            for number in chosen
        ]
        gather(pairs)
        gather(ordeals)
    print(
        f"\n{began:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, {arguments.at_once} laboratories at once; "
        f"load at the beginning {load[0]:.1f}, at the end {os.getloadavg()[0]:.1f}\n"
    )
    print(table(PAIR_HEAD, [pair_row(*each) for each in enumerate(meetings)]), end="\n\n")
    print(table(ORDEAL_HEAD, [ordeal_row(number, outcomes[number]) for number in chosen]))
    return int(any(None in results for results in outcomes) or any(None in results for results in meetings))


def gather(running: list[tuple[Future[T], list[T]]]) -> None:
    """Put every result into its list."""
    for future, results in running:
        results.append(future.result())


if __name__ == "__main__":
    raise SystemExit(main())
