"""The figures of a benchmark as tables in Markdown, and where pycall is behind; see bad_network.py."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from badnet.figures import Spread, spread
from badnet.rows import ROWS, Row

Cell: TypeAlias = dict[str, Any]

BASE: Final = "Chromium"
ORDER: Final = ("pycall", "aiortc", BASE, f"pycall to {BASE}", f"{BASE} to pycall")
OURS: Final = ("pycall", f"pycall to {BASE}", f"{BASE} to pycall")
"""Those that are not to be behind."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A column."""

    key: str
    title: str
    digits: int
    better: Literal["less", "more"] | None = None
    compared: Literal["ratio", "difference"] | None = None
    only_own: bool = False
    """Whether it says something of pycall only where pycall is at both sides."""
    tolerance: float = 0.0
    """A smaller difference is none."""


PICTURE: Final = (
    Measure("fps", "fps", 1, "more", tolerance=0.5),
    Measure("p50_ms", "picture p50 ms", 0, "less", "ratio"),
    Measure("p95_ms", "p95 ms", 0, "less", "ratio"),
)
FREEZES: Final = (
    Measure("freezes", "freezes", 1),
    Measure("frozen_s", "frozen s", 2, "less", "difference"),
    Measure("longest_s", "longest gap s", 2),
)
SOUND: Final = (
    Measure("lost_percent", "sound lost %", 1, "less", "difference"),
    Measure("sound_ms", "sound ms", 0, "less", "ratio"),
    Measure("stoi", "STOI", 2, "more", "difference"),
)
COST: Final = (
    Measure("psnr_db", "PSNR dB", 1, "more", "difference"),
    Measure("received_kbps", "received kbit/s", 0),
    Measure("wire_kbps", "on the link kbit/s", 0),
    Measure("cpu", "CPU", 2, "less", "ratio", only_own=True),
    Measure("memory_mb", "MB", 0),
)
AFTER_A_CUT: Final = (
    Measure("back_s", "first picture after s", 2, "less", "ratio"),
    Measure("sound_back_s", "sound after s", 2, "less", "difference"),
)

STEADY: Final = (*PICTURE, *FREEZES, *SOUND, *COST)
CUT: Final = (*AFTER_A_CUT, *PICTURE, *FREEZES)

CLEAN: Final = "clean"
CLEAN_P95_MS: Final = 40.0
"""What pycall is to keep to on this network besides."""

UNIMPAIRED: Final = (CLEAN, "720p", "25ms")
CPU_OF_PLAIN: Final = 1.2
"""There pycall is to be sooner than plain aiortc, and to take no larger share of its CPU."""


class Results:
    """All cells of one or several runs."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        cells = list(cells)
        self._cells = [cell for cell in cells if "error" not in cell]
        self._failed = Counter((cell["row"], cell["contestant"]) for cell in cells if "error" in cell)

    @property
    def rows(self) -> list[Row]:
        """The networks there are figures of."""
        keys = {cell["row"] for cell in self._cells}
        return [row for row in ROWS if row.key in keys]

    def contestants(self, row: Row) -> list[str]:
        """Who was tried in a network."""
        names = {cell["contestant"] for cell in self._cells if cell["row"] == row.key}
        return [name for name in ORDER if name in names]

    @property
    def failures(self) -> list[str]:
        """Calls that came to nothing, for people."""
        names = {row.key: row.name for row in ROWS}
        return [f"{names[row]}: {who} failed {count} times" for (row, who), count in self._failed.items()]

    def of(self, row: Row, contestant: str) -> list[Cell]:
        """All sides of all runs."""
        return [cell for cell in self._cells if cell["row"] == row.key and cell["contestant"] == contestant]

    def spread(self, row: Row, contestant: str, key: str) -> Spread | None:
        """One figure of them."""
        return spread([cell[key] for cell in self.of(row, contestant)])

    def sizes(self, row: Row, contestant: str) -> list[str | None]:
        """Of which size most pictures were, on each side of each run."""
        return [cell["size"] for cell in self.of(row, contestant)]

    def compared(self, row: Row, contestant: str, measure: Measure) -> Spread | None:
        """How a figure stands to Chromium's in the same run: its part of it, or the difference."""
        each = []
        for run in sorted({cell["run"] for cell in self.of(row, contestant)}):
            ours, theirs = (
                spread([cell[measure.key] for cell in self.of(row, name) if cell["run"] == run])
                for name in (contestant, BASE)
            )
            if ours is None or theirs is None:
                continue
            if measure.compared == "difference":
                each.append(ours.mean - theirs.mean)
            elif theirs.mean > 0:
                each.append(ours.mean / theirs.mean)
        return spread(each)


def tables(results: Results) -> str:
    """All tables, as they stand in Markdown."""
    steady = [row for row in results.rows if not row.cut_s]
    cut = [row for row in results.rows if row.cut_s]
    parts = []
    for rows, measures in ((steady, STEADY), (cut, CUT)):
        if rows:
            parts.append(_table(_head(measures, "size"), _figures(results, rows, measures)))
            compared = [measure for measure in measures if measure.compared]
            lines = list(_comparisons(results, rows, compared))
            if lines:
                parts += [f"Beside {BASE} in the same run:", _table(_head(compared), lines)]
    return "\n\n".join(parts)


def behind(results: Results) -> list[str]:
    """Each cell in which pycall is worse than Chromium, as far as the digits show, and each goal missed."""
    found = list(results.failures)
    for row in results.rows:
        for name in results.contestants(row):
            if name in OURS:
                measures = CUT if row.cut_s else STEADY
                found += [line for each in measures if (line := _judged(results, row, name, each))]
                found += _smaller(results, row, name)
        found += _goals_missed(results, row)
    return found


def _judged(results: Results, row: Row, name: str, measure: Measure) -> str | None:
    if measure.better is None or (measure.only_own and name != "pycall"):
        return None
    ours, theirs = (results.spread(row, each, measure.key) for each in (name, BASE))
    if theirs is None:
        return None
    where = f"{row.name}: {name}, {measure.title}"
    if ours is None:
        return f"{where}: none, against {_shown(theirs, measure.digits)}"
    mine, its = (round(each.mean, measure.digits) for each in (ours, theirs))
    if (mine - its if measure.better == "less" else its - mine) <= measure.tolerance:
        return None
    doubt = " (the spreads overlap)" if ours.overlaps(theirs) else ""
    return f"{where} {_shown(ours, measure.digits)} against {_shown(theirs, measure.digits)}{doubt}"


def _smaller(results: Results, row: Row, name: str) -> Iterator[str]:
    ours, theirs = (results.sizes(row, each) for each in (name, BASE))
    if theirs and _pixels(ours) < _pixels(theirs):
        yield f"{row.name}: {name}, size {_named(ours)} against {_named(theirs)}"


def _goals_missed(results: Results, row: Row) -> Iterator[str]:
    p95, plain_p95 = (results.spread(row, name, "p95_ms") for name in ("pycall", "aiortc"))
    where = f"{row.name}: pycall, p95 ms"
    if p95 is not None and row.key == CLEAN and p95.mean > CLEAN_P95_MS:
        yield f"{where} {_shown(p95, 0)}, the goal is {CLEAN_P95_MS:.0f}"
    if row.key not in UNIMPAIRED:
        return
    if p95 is not None and plain_p95 is not None and round(p95.mean) >= round(plain_p95.mean):
        yield f"{where} {_shown(p95, 0)}, the goal is less than plain aiortc's {_shown(plain_p95, 0)}"
    ours, plain = (results.spread(row, name, "cpu") for name in ("pycall", "aiortc"))
    if ours is not None and plain is not None and ours.mean > CPU_OF_PLAIN * plain.mean:
        yield f"{row.name}: pycall, CPU {_shown(ours, 2)}, the goal is {CPU_OF_PLAIN} times {plain.mean:.2f}"


def _pixels(sizes: Sequence[str | None]) -> float:
    """Of a picture, on average; one of no size has none."""
    return statistics.fmean(math.prod(map(int, size.split("x"))) if size else 0 for size in sizes)


def _named(sizes: Iterable[str | None]) -> str:
    return ", ".join(sorted({size or "none" for size in sizes}))


def _figures(results: Results, rows: Sequence[Row], measures: Sequence[Measure]) -> Iterator[list[str]]:
    for row in rows:
        for name in results.contestants(row):
            figures = [_shown(results.spread(row, name, each.key), each.digits) for each in measures]
            yield [row.name, name, _named(results.sizes(row, name)), *figures]


def _comparisons(results: Results, rows: Sequence[Row], measures: Sequence[Measure]) -> Iterator[list[str]]:
    for row in rows:
        names = [name for name in results.contestants(row) if name != BASE]
        for name in names if BASE in results.contestants(row) else []:
            figures = [
                _shown(
                    results.compared(row, name, each),
                    2 if each.compared == "ratio" else each.digits,
                    "+" if each.compared == "difference" else "",
                )
                for each in measures
            ]
            yield [row.name, name, *figures]


def _head(measures: Sequence[Measure], *more: str) -> list[str]:
    return ["network", "call", *more, *(measure.title for measure in measures)]


def _shown(figure: Spread | None, digits: int, sign: str = "") -> str:
    """Mean (lowest..highest), or only the mean where all are the same to these digits."""
    if figure is None:
        return "-"
    mean, lowest, highest = (
        f"{each:{sign}.{digits}f}" for each in (figure.mean, figure.lowest, figure.highest)
    )
    return mean if lowest == highest else f"{mean} ({lowest}..{highest})"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(each) + " |" for each in (head, ["---"] * len(head), *lines))
