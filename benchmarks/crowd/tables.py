"""The figures of a benchmark as a table in Markdown, and where pycall is behind; see signalling.py."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from badnet.figures import Spread, spread
from cells import Cell

from crowd.servers import CONTESTANTS, NODE, PYCALL


@dataclass(frozen=True, slots=True)
class Measure:
    """A line of the table."""

    key: str
    title: str
    digits: int
    more_is_better: bool = False
    most: float = 1.0
    """What it may be as a part of Node's (at least, where more is better) and not be behind."""


MEASURES: Final = (
    Measure("joins_per_s", "connects and joins per s", 0, more_is_better=True),
    Measure("join_cpu_ms", "CPU per connect and join, ms", 3),
    Measure("crowded_join_p50_ms", "connect and join, 64 at once, p50 ms", 0),
    Measure("crowded_join_p99_ms", "p99 ms", 0),
    Measure("join_p50_ms_1000", "connect and join beside 1000 messages/s, p50 ms", 1),
    Measure("join_p99_ms_1000", "p99 ms", 1),
    Measure("join_p50_ms_4000", "beside 4000 messages/s, p50 ms", 1),
    Measure("join_p99_ms_4000", "p99 ms", 1),
    Measure("message_cpu_ms_1000", "CPU per message at 1000/s, ms", 3),
    Measure("message_cpu_ms_4000", "at 4000/s, ms", 3),
    Measure("relay_p50_ms_1000", "relay at 1000/s, p50 ms", 1),
    Measure("relay_p99_ms_1000", "p99 ms", 1),
    Measure("relay_p50_ms_4000", "relay at 4000/s, p50 ms", 1),
    Measure("relay_p99_ms_4000", "p99 ms", 1),
    Measure("connection_kb", "memory per idle connection, kB", 1, most=1.6),
    Measure("pings_cpu_ms", "CPU for pings, ms per minute and 1000 connections", 0),
    Measure("ping_cpu_ms", "CPU per ping, ms", 3),
    Measure("drain_s", "from SIGTERM to the end, all told, s", 2),
)


class Results:
    """All cells of one or several runs."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        cells = list(cells)
        self._cells = [cell for cell in cells if "error" not in cell]
        self.failures = [
            f"{cell['contestant']} with {cell['rooms']} rooms: {cell['error']}"
            for cell in cells
            if "error" in cell
        ]

    @property
    def rooms(self) -> list[int]:
        """The numbers of rooms there are figures of."""
        return sorted({cell["rooms"] for cell in self._cells})

    @property
    def contestants(self) -> list[str]:
        """Who was tried."""
        names = {cell["contestant"] for cell in self._cells}
        return [name for name in CONTESTANTS if name in names]

    def of(self, contestant: str, rooms: int) -> list[Cell]:
        """The cells of all runs."""
        return [cell for cell in self._cells if (cell["contestant"], cell["rooms"]) == (contestant, rooms)]

    def spread(self, contestant: str, rooms: int, key: str) -> Spread | None:
        """One figure of all runs."""
        return spread([cell.get(key) for cell in self.of(contestant, rooms)])

    def ratio(self, rooms: int, key: str) -> Spread | None:
        """Which part of Node's in the same run a figure of pycall's is."""
        theirs = {cell["run"]: cell.get(key) for cell in self.of(NODE, rooms)}
        return spread(
            [
                cell[key] / theirs[cell["run"]]
                for cell in self.of(PYCALL, rooms)
                if cell.get(key) is not None and theirs.get(cell["run"])
            ]
        )

    def growth(self, contestant: str, key: str) -> float | None:
        """How often the figure with the fewest rooms is in that with the most."""
        few, many = (self.spread(contestant, rooms, key) for rooms in (self.rooms[0], self.rooms[-1]))
        return None if few is None or many is None or not few.mean else many.mean / few.mean


def table(results: Results) -> str:
    """A line for each measure: every server with every number of rooms, ratios, and how it grows."""
    rooms, names = results.rooms, results.contestants
    compared = len(names) > 1
    head = ["measure"]
    for count in rooms:
        head += [f"{count:,} rooms: {names[0]}", *names[1:], *(["ratio"] if compared else [])]
    if len(rooms) > 1:
        head += [f"{name} grows" for name in names]
    lines = []
    for measure in MEASURES:
        line = [measure.title]
        for count in rooms:
            figures = [results.spread(name, count, measure.key) for name in names]
            if not any(figures):
                line += ["-"] * (len(names) + compared)
                continue
            line += [_shown(figure, measure.digits, is_ranged=False) for figure in figures]
            line += [_shown(results.ratio(count, measure.key), 2)] if compared else []
        if len(rooms) > 1:
            growths = [results.growth(name, measure.key) for name in names]
            line += ["-" if each is None else f"{each:.2f}" for each in growths]
        lines.append(line)
    return _markdown(head, lines)


def behind(results: Results) -> Iterator[str]:
    """Where pycall is worse than it may be, for people."""
    for measure in MEASURES:
        for rooms in results.rooms:
            ratio = results.ratio(rooms, measure.key)
            if ratio is None:
                continue
            share = 1 / ratio.mean if measure.more_is_better and ratio.mean else ratio.mean
            if share > measure.most:
                yield f"{measure.key}, {rooms:,} rooms: {ratio.mean:.2f} times Node's"


def surprises(results: Results) -> Iterator[str]:
    """What should not have happened, for people."""
    for name in results.contestants:
        for rooms in results.rooms:
            counted: Counter[str] = Counter()
            for cell in results.of(name, rooms):
                counted.update(cell["surprises"])
                counted.update({key: cell[key] for key in cell if key.startswith("missing")})
            for what, count in counted.items():
                if count:
                    yield f"{name}, {rooms:,} rooms: {what} {count} times"


def _shown(figure: Spread | None, digits: int, *, is_ranged: bool = True) -> str:
    """Mean (lowest..highest), or only the mean where all are the same to these digits."""
    if figure is None or math.isnan(figure.mean):
        return "-"
    mean, lowest, highest = (f"{each:.{digits}f}" for each in (figure.mean, figure.lowest, figure.highest))
    return mean if lowest == highest or not is_ranged else f"{mean} ({lowest}..{highest})"


def _markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(each) + " |" for each in (head, ["---"] * len(head), *lines))
