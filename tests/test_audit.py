"""What `make check` says about the packages it runs with."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, Final

import pytest

AUDIT: Final = runpy.run_path(str(Path(__file__).parents[1] / ".ci" / "audit.py"))

SOUND: Final = {"name": "click", "version": "8.1.8", "vulns": []}
SKIPPED: Final = {"name": "aiohttp", "skip_reason": "Dependency not found on PyPI"}


def hole(*fixes: str) -> dict[str, Any]:
    return {"name": "av", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": list(fixes)}]}


@pytest.mark.parametrize(
    ("report", "code", "said"),
    [
        (None, 0, "No database of advisories can be reached"),
        ({"dependencies": []}, 0, "No database"),
        ({"dependencies": [SKIPPED]}, 0, "No database"),
        ({"dependencies": [SKIPPED, SOUND]}, 0, "1 packages audited, 0 known"),
        ({"dependencies": [SOUND, hole("1.1")]}, 1, "av 1.0 has PYSEC-1, repaired in 1.1."),
        ({"dependencies": [SOUND, hole()]}, 0, "repaired in no release."),
    ],
)
def test_what_a_newer_release_repairs_ends_the_check(report: Any, code: int, said: str) -> None:
    got, lines = AUDIT["verdict"](report)
    assert got == code
    assert said in lines[0]
