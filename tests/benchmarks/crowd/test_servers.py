from __future__ import annotations

import sys
from pathlib import Path

import pytest
from crowd.servers import PYCALL, ServerFailed, running


def test_a_server_that_does_not_start_is_one_sentence_and_its_own_complaint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, told = tmp_path / "pycall", tmp_path / "told"
    program.write_text("#!/bin/sh\necho No module named uvloop >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with (
        told.open("w") as errors,
        pytest.raises(ServerFailed, match=r"pycall did not start, and ended with 3\."),
        running(PYCALL, errors),
    ):
        pass
    assert told.read_text() == "No module named uvloop\n"
