"""Lips move with what they say, also where much is lost on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lipsync import offsets, share_within
from tests.netlab.conftest import Laboratories

pytestmark = [pytest.mark.integration, pytest.mark.parallel, pytest.mark.timeout(120)]


@pytest.mark.parametrize(
    "shape",
    [{"loss": 0.05}, {"jitter_s": 0.01}, {"rate_bps": 1e6, "queue_s": 0.2}],
    ids=lambda shape: next(iter(shape)),
)
def test_a_flash_and_its_beep_are_recorded_together(
    shape: dict[str, float], laboratory: Laboratories, tmp_path: Path
) -> None:
    lab, path = laboratory(), tmp_path / "call.mkv"
    lab.server()
    lab.link.shape(delay_s=0.025, **shape)
    seeing = lab.caller("a", "den", microphone="none", record=str(path), record_layout="remote")
    seeing.wait_for_event("joined")
    seen = lab.caller("b", "den", duration="15")
    assert seen.wait(60) == 0, seen.stderr
    assert seeing.wait() == 0, seeing.stderr
    found = offsets(path, settled_s=8.0)  # by then it is known how much the way takes
    assert len(found) >= 5
    assert share_within(found) > 0.7, found
