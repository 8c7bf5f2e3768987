"""Half an hour of a call on a lossy network, with sound cards that drift apart: ``make soak``.

    python -m tests.netlab.soak [--minutes 30] [--loss 0.02] [--drift 0.001] [--every 10]

The sound cards of side a are too fast by ``--drift`` and those of side b too slow, so that each receives
too much or too little. Prints the figures of both sides as they come, and in the end whether latency,
memory, threads and descriptors stayed level, and sound and picture good; the exit code is 1 where one did
not. A run of less than ten
minutes is to see that it runs. As root.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tests.netlab.laboratory import Laboratory, running_laboratory
from tests.netlab.namespaces import sweep
from tests.program import Program

SIDE: Final = Path(__file__).with_name("soak_side.py")

SETTLING_S: Final = 60.0
"""Until then libraries are loaded and buffers filled; in a shorter run, its first third."""

JUDGED_S: Final = 600.0
"""In a shorter run, delays that come and go with losses look like a slope."""

MAY_RISE: Final = {
    "audio_ms": 15.0,
    "audio_hold_ms": 15.0,
    "picture_p50_ms": 10.0,
    "video_hold_ms": 15.0,
    "held_ms": 15.0,
    "memory_mb": 4.0,
    "threads": 1.0,
    "descriptors": 1.0,
}
"""Figures that must stay level, and by how much they may rise or fall over the run along a straight line."""

MOST_CONCEALED_PERCENT: Final = 2.0
FEWEST_FPS: Final = 25.0
"""On average over the run."""

SHOWN: Final = (
    "at_s", "fps", "picture_p50_ms", "picture_p95_ms", "video_hold_ms", "audio_ms", "audio_hold_ms",
    "held_ms", "concealed_percent", "recovered_percent", "lost", "received_kbps", "memory_mb", "threads",
    "descriptors",
)  # fmt: skip


def run(lab: Laboratory, *, seconds: float, loss: float, drift: float, every: float) -> dict[str, list[Any]]:
    """The lines of both sides, printed as they come."""
    lab.server()
    lab.link.shape(delay_s=0.025, loss=loss)
    sides = {"a": _start(lab, "a", 1 + drift, every, seconds)}
    sides["a"].wait_for_event("joined")
    sides["b"] = _start(lab, "b", 1 - drift, every, seconds)
    lines: dict[str, list[Any]] = {"a": [], "b": []}
    print("side  " + "  ".join(SHOWN), flush=True)
    deadline = time.monotonic() + seconds + 60
    while any(side.process.poll() is None for side in sides.values()):
        assert time.monotonic() < deadline, "a side did not end"
        time.sleep(min(1.0, every / 5))
        _print_news(sides, lines)
    _print_news(sides, lines)
    for name, side in sides.items():
        assert side.wait() == 0, f"side {name} ended with {side.process.returncode}: {side.stderr}"
    return lines


def _start(lab: Laboratory, name: Any, speed: float, every: float, seconds: float) -> Program:
    options = ("--camera", "test", "--microphone", "test", "--speaker", "none", "--display", "none")
    ends = ("--duration", str(seconds), "--server", lab.url, "--latency-trace")
    return lab.run(name, sys.executable, str(SIDE), str(speed), str(every), *options, *ends)


def _print_news(sides: dict[str, Program], lines: dict[str, list[Any]]) -> None:
    for name, side in sides.items():
        told = [event for event in side.events if event["event"] == "soak"]
        for line in told[len(lines[name]) :]:
            cells = (f"{line.get(field, math.nan):>{len(field)}}" for field in SHOWN)
            print(f"{name:4}  " + "  ".join(cells), flush=True)
        lines[name] = told


def slope(points: Sequence[tuple[float, float]]) -> float:
    """How much a figure rises a second, along the straight line that fits best (Theil and Sen's median)."""
    slopes = [
        (later[1] - sooner[1]) / (later[0] - sooner[0])
        for number, sooner in enumerate(points)
        for later in points[number + 1 :]
    ]
    return statistics.median(slopes) if slopes else 0.0


def verdict(side: str, lines: Sequence[dict[str, Any]]) -> list[str]:
    """Print how each figure rose, and how good the call was; what did not stay level or was not good."""
    settled = min(SETTLING_S, lines[-1]["at_s"] / 3) if lines else 0.0
    faults = [] if lines else [f"{side}: no figures"]
    for field, limit in MAY_RISE.items():
        points = [(line["at_s"], line[field]) for line in lines if line["at_s"] > settled and field in line]
        if len(points) < 2:
            faults.append(f"{side}: {field} is not known")
            continue
        values = [value for _, value in points]
        risen = slope(points) * (points[-1][0] - points[0][0])
        level = abs(risen) <= limit
        print(
            f"{side}  {field:16} median {statistics.median(values):8.1f}  from {min(values):8.1f} "
            f"to {max(values):8.1f}  {risen:+7.2f} over the run  {'level' if level else 'NOT LEVEL'}"
        )
        if not level:
            faults.append(f"{side}: {field} changed by {risen:+.1f}")
    return [*faults, *_poor(side, [line for line in lines if line["at_s"] > settled])]


def _poor(side: str, lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What was not good enough, on average over ``lines``."""
    if not lines:
        return
    concealed, fps = (
        statistics.fmean(line[field] for line in lines) for field in ("concealed_percent", "fps")
    )
    print(f"{side}  concealed {concealed:.2f} %, {fps:.1f} fps on average")
    if concealed >= MOST_CONCEALED_PERCENT:
        yield f"{side}: {concealed:.2f} % of the sound was concealed, the bound is {MOST_CONCEALED_PERCENT:g}"
    if fps <= FEWEST_FPS:
        yield f"{side}: {fps:.1f} fps, the bound is {FEWEST_FPS:g}"


def main() -> int:
    """Run it and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30, help="length of the call")
    parser.add_argument("--loss", type=float, default=0.02, help="share of packets lost each way")
    parser.add_argument(
        "--drift", type=float, default=0.001, help="of the sound cards, in opposite directions"
    )
    parser.add_argument("--every", type=float, default=10, help="seconds between two lines of a side")
    given = parser.parse_args()
    sweep()
    print(
        f"{given.minutes:g} minutes, loss {given.loss:.1%}, drift ±{given.drift:.2%}; load {os.getloadavg()}"
    )
    with tempfile.TemporaryDirectory(prefix="pycall-soak-") as folder, \
         running_laboratory("open", "open", Path(folder)) as lab:  # fmt: skip
        lines = run(lab, seconds=given.minutes * 60, loss=given.loss, drift=given.drift, every=given.every)
    faults = [
        fault for side, told in lines.items() for fault in verdict(side, told[:-1])
    ]  # the end is not level
    if given.minutes * 60 < JUDGED_S:
        print("Too short a run to judge.")
        return 0
    print("\n".join(faults) if faults else "Everything stayed level and good.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
