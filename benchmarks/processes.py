"""What a process and all it started take of the machine."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def cpu_s(root: int) -> float:
    """CPU seconds of a process, of those it started, and of those of them that have ended."""
    try:
        fields = Path(f"/proc/{root}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:  # it ended meanwhile
        return 0.0
    own = sum(map(int, fields[11:15])) / TICKS_PER_S  # user, system, and both of children that ended
    return own + sum(cpu_s(child) for child in _children(root))


def memory_mb(root: int) -> float:
    """What a process and those it started hold; what several share is shared out among them."""
    try:
        listing = Path(f"/proc/{root}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:  # it ended meanwhile
        return 0.0
    share = re.search(r"^Pss: +(\d+) kB$", listing, re.MULTILINE)
    return (int(share[1]) / 1024 if share else 0.0) + sum(memory_mb(child) for child in _children(root))


def process_with(word: str) -> int:
    """The first process that was started with this word among its arguments; raises LookupError."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it ended meanwhile
            continue
        if word in words and not any(each.startswith("--type=") for each in words):
            return int(folder.name)
    raise LookupError(word)


def _children(root: int) -> list[int]:
    children = []
    for task in Path(f"/proc/{root}/task").glob("*/children"):
        try:
            children += [int(child) for child in task.read_text(encoding="utf-8").split()]
        except OSError:  # it ended meanwhile
            continue
    return children
