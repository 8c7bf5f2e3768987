"""Lips move with what they say: measured in the recordings of a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.conftest import Caller
from tests.lipsync import offsets, share_within
from tests.rig import Pulse

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("speaker", ["none", "default"])
def test_a_flash_and_its_beep_are_recorded_together(
    speaker: str, start_call: Caller, pulse: Pulse, tmp_path: Path
) -> None:
    path = tmp_path / "call.mkv"
    seeing = start_call("den", microphone="none", speaker=speaker, record=str(path), record_layout="remote")
    seeing.wait_for_event("joined")
    seen = start_call("den", duration="10")
    assert seen.wait() == 0, seen.stderr
    assert seeing.wait() == 0, seeing.stderr
    found = offsets(path)
    assert len(found) >= 4
    assert share_within(found) > 0.7, found
