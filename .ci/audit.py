"""Asks once a day whether an installed package has a known vulnerability; where nobody can tell, it says so.

Run by `make check` in .venv. Ends with 1 only for what a newer release repairs: the rest is told.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PIP_AUDIT = Path(sys.executable).with_name("pip-audit")
STAMP = Path(sys.prefix) / "audited"
PATIENCE_S = 20
UNREACHABLE = "No database of advisories can be reached: the dependencies were not audited."


def main() -> int:
    """The exit code; asks nobody if the same packages were audited today."""
    stamp = f"{datetime.now(UTC):%Y-%m-%d} {_installed()}"
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == stamp:
        return 0
    report = _ask() if _is_reachable() else None
    code, lines = verdict(report)
    print("\n".join(lines))
    if code == 0 and lines != [UNREACHABLE]:
        STAMP.write_text(stamp, encoding="utf-8")
    return code


def verdict(report: dict[str, Any] | None) -> tuple[int, list[str]]:
    """The exit code and what to say about a report of pip-audit, None if there is none."""
    packages = report.get("dependencies", []) if report else []
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        return 0, [UNREACHABLE]
    found = [(package, hole) for package in audited for hole in package["vulns"]]
    lines = [
        f"{package['name']} {package['version']} has {hole['id']}, repaired in"
        f" {', '.join(hole['fix_versions']) or 'no release'}."
        for package, hole in found
    ]
    code = int(any(hole["fix_versions"] for _, hole in found))
    return code, [*lines, f"{len(audited)} packages audited, {len(found)} known vulnerabilities."]


def _is_reachable() -> bool:
    """Whether PyPI tells anything about a release we have; a mirror of its files alone does not."""
    about = f"https://pypi.org/pypi/click/{importlib.metadata.version('click')}/json"
    try:
        with urllib.request.urlopen(about, timeout=3) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _ask() -> dict[str, Any] | None:
    command = [PIP_AUDIT, "--progress-spinner=off", "--skip-editable", "--format=json", "--timeout=3"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        report = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return report if isinstance(report, dict) else None


def _installed() -> str:
    names = sorted(f"{each.name} {each.version}" for each in importlib.metadata.distributions())
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
