"""`pycall serve` in a process of its own, on a free port."""

from __future__ import annotations

import re
from pathlib import Path

from tests.program import Program, Programs


def serve(
    start_pycall: Programs, *options: str | Path, env: dict[str, str] | None = None
) -> tuple[Program, int]:
    """A started server and its port."""
    program = start_pycall("serve", "--host", "127.0.0.1", "--port", "0", *options, env=env)
    program.wait_for('"started"' if "json" in options else "In a browser")
    found = re.search(r"https?://127\.0\.0\.1:(\d+)", program.stdout + program.stderr)
    assert found is not None, program.stdout
    return program, int(found[1])
