"""Where the delay is, for people: a row of a table per second and kind, and the medians in the end."""

from __future__ import annotations

import statistics
from collections import deque
from typing import Final

from pycall.core.events import Latency

COLUMNS: Final = {
    "capture": "wait_ms",
    "encode": "encode_ms",
    "pace": "pace_ms",
    "network": "network_ms",
    "repair": "repair_ms",
    "decode": "decode_ms",
    "hold": "hold_ms",
    "device": "device_ms",
    "total": "total_ms",
}
"""What stands above a column, and the field of :class:`~pycall.core.events.Latency` in it."""

KINDS: Final = {"audio": "sound", "video": "picture"}

HEAD_EVERY: Final = 20
"""Rows after which the head is repeated, so that it is on the screen."""

MOST: Final = 3_600
"""Seconds of which the last table shows the medians."""


class LatencyTable:
    """Makes the rows; keeps figures for the last table."""

    def __init__(self) -> None:
        self._rows = 0
        self._seen: dict[str, dict[str, deque[float]]] = {kind: {} for kind in KINDS}

    def rows(self, latency: Latency) -> list[str]:
        """The row of this second, below the head where that is due."""
        figures = {field: getattr(latency, field) for field in COLUMNS.values()}
        for field, value in figures.items():
            if value is not None:
                self._seen[latency.kind].setdefault(field, deque(maxlen=MOST)).append(value)
        head = [_head("ms in the last second")] if self._rows % HEAD_EVERY == 0 else []
        self._rows += 1
        return [*head, _row(KINDS[latency.kind], figures)]

    def summary(self) -> list[str]:
        """The medians of the whole call, as a table; nothing when nothing was seen."""
        rows = [
            _row(name, {field: statistics.median(values) for field, values in self._seen[kind].items()})
            for kind, name in KINDS.items()
            if self._seen[kind]
        ]
        return [_head("ms, median of the call"), *rows] if rows else []


def _head(title: str) -> str:
    return f"{title:22}" + "".join(f"{name:>8}" for name in COLUMNS)


def _row(name: str, figures: dict[str, float | None]) -> str:
    cells = (figures.get(field) for field in COLUMNS.values())
    return f"{name:22}" + "".join("       –" if cell is None else f"{cell:8.1f}" for cell in cells)
