"""Where the delay is: both ends of a call tell each other, and show, every stage of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Caller
from tests.program import Program
from tests.rig import wait_until

pytestmark = pytest.mark.integration

STAGES = {
    "audio": ("wait", "encode", "pace", "network", "hold", "device", "total"),
    "video": ("wait", "encode", "pace", "network", "repair", "decode", "hold", "total"),
}


def complete(program: Program, kind: str) -> list[dict[str, Any]]:
    """Its events of this kind in which no stage is missing."""
    latencies = [event for event in program.events if event["event"] == "latency" and event["kind"] == kind]
    return [each for each in latencies if all(f"{stage}_ms" in each for stage in STAGES[kind])]


def test_every_stage_of_the_delay_is_told_and_they_add_up(start_call: Caller) -> None:
    ann = start_call("den", "--latency-trace")
    ann.wait_for_event("joined")
    bob = start_call("den", "--latency-trace", duration="15")
    for program in (ann, bob):
        for kind, stages in STAGES.items():
            wait_until(lambda program=program, kind=kind: len(complete(program, kind)) > 2)  # type: ignore[misc]
            latency = complete(program, kind)[-1]
            parts = sum(latency[f"{stage}_ms"] for stage in stages if stage != "total")
            assert abs(parts - latency["total_ms"]) < 100, latency
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
