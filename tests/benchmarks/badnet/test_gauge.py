from __future__ import annotations

import json
from pathlib import Path

import pytest
from badnet.gauge import Observer, obey


async def test_what_happens_after_the_end_of_the_window_is_not_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    observer = Observer((64, 48))
    words = iter(["begin\n", "end\n", "report\n", ""])
    told = 0

    async def hear() -> str:
        nonlocal told
        told += 1
        observer.heard.append((float(told), 0.0, 960.0 * told))
        return next(words)

    await obey(hear, observer, lambda: observer.report(tmp_path / "heard.npy"))

    begun, ended, report = map(json.loads, capsys.readouterr().out.splitlines())
    assert begun == ended == {}
    assert report["heard"] == [[2.0, 0.0, 1920.0]]
