"""Where the delay is: both ends of a call tell each other, and show, every stage of it."""

from __future__ import annotations

import statistics
from typing import Any, Final

import pytest

from tests.integration.conftest import Caller
from tests.program import Program
from tests.rig import wait_until

pytestmark = pytest.mark.integration

ROWS: Final = 6
"""Seconds, a row each: the figures of one row are not of the same moment."""

DIFFERENCE_MS: Final = 15.0
"""Between all stages and the whole."""

STAGES: Final = {
    "audio": ("wait", "encode", "pace", "network", "hold", "device"),
    "video": ("wait", "encode", "pace", "network", "repair", "decode", "hold"),
}


def complete(program: Program, kind: str) -> list[dict[str, Any]]:
    """Its events of this kind in which no stage is missing."""
    latencies = [event for event in program.events if event["event"] == "latency" and event["kind"] == kind]
    return [each for each in latencies if all(f"{stage}_ms" in each for stage in (*STAGES[kind], "total"))]


def median(rows: list[dict[str, Any]], stage: str) -> float:
    return statistics.median([float(row[f"{stage}_ms"]) for row in rows])


def test_every_stage_of_the_delay_is_told_and_they_add_up(start_call: Caller) -> None:
    ann = start_call("den", "--latency-trace")
    ann.wait_for_event("joined")
    bob = start_call("den", "--latency-trace", duration="20")
    for program in (ann, bob):
        for kind, stages in STAGES.items():
            wait_until(lambda program=program, kind=kind: len(complete(program, kind)) >= ROWS)  # type: ignore[misc]
            rows = complete(program, kind)
            parts, total = {stage: median(rows, stage) for stage in stages}, median(rows, "total")
            assert sum(parts.values()) == pytest.approx(total, abs=DIFFERENCE_MS), parts
    assert ann.wait() == bob.wait() == 0


def test_nothing_of_it_is_told_unasked(start_call: Caller) -> None:
    ann = start_call("den")
    ann.wait_for_event("joined")
    bob = start_call("den", "--latency-trace")
    wait_until(lambda: complete(bob, "video"))
    bob.process.terminate()
    assert ann.wait() == 0
    assert not any(event["event"] == "latency" for event in ann.events)
    bob.wait()
