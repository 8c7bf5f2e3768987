"""The figures of a benchmark on their way: told and kept as they come, read again, and what was asked for."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

Cell: TypeAlias = dict[str, Any]


def collected(cells: Iterable[Cell], path: Path | None) -> list[Cell]:
    """All of these; each is told, and added to a file as a line of JSON, as it comes."""
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
    listed = []
    for cell in cells:
        listed.append(cell)
        if path:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(cell) + "\n")
        told = {key: round(value, 3) if isinstance(value, float) else value for key, value in cell.items()}
        print(told, file=sys.stderr, flush=True)
    return listed


def kept(paths: Iterable[Path]) -> Iterator[Cell]:
    """The figures in files of earlier runs."""
    for path in paths:
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """What parses an argument: some of these, separated by commas."""

    def parse(text: str) -> list[str]:
        wanted = text.split(",")
        for name in wanted:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
        return wanted

    return parse
