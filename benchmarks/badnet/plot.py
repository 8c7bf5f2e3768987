"""The two figures that a caller feels most, as an SVG: late pictures and lost sound in every network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from badnet.figures import Spread
from badnet.rows import Row
from badnet.tables import ORDER, Results

COLOURS: Final = dict(zip(ORDER, ("#0072b2", "#d55e00", "#333333", "#56b4e9", "#009e73"), strict=True))
"""Of Okabe and Ito, which can be told apart by everybody."""

NAMES_WIDTH: Final = 200
PANEL_WIDTH: Final = 380
GAP: Final = 46
LINE: Final = 13
ROW_GAP: Final = 9
TOP: Final = 74
BOTTOM: Final = 26


@dataclass(frozen=True, slots=True)
class Panel:
    """A logarithmic scale; what is below it stands at its beginning."""

    key: str
    title: str
    lowest: float
    highest: float
    ticks: tuple[float, ...]
    left: int

    def x(self, value: float) -> float:
        """Where a value is."""
        value = min(max(value, self.lowest), self.highest)
        return self.left + PANEL_WIDTH * math.log(value / self.lowest) / math.log(self.highest / self.lowest)


PANELS: Final = (
    Panel("p95_ms", "picture latency, p95, ms", 5, 5000, (5, 10, 40, 100, 200, 500, 1000, 5000), NAMES_WIDTH),
    Panel(
        "lost_percent",
        "sound concealed or never played, %",
        0.1,
        100,
        (0.1, 0.3, 1, 3, 10, 30, 100),
        NAMES_WIDTH + PANEL_WIDTH + GAP,
    ),
)


def drawing(results: Results) -> str:
    """The whole picture; a dot is a mean, its line goes from the lowest to the highest."""
    rows = [row for row in results.rows if not row.cut_s]
    names = [name for name in ORDER if any(name in results.contestants(row) for row in rows)]
    step = len(names) * LINE + ROW_GAP
    width, height = PANELS[-1].left + PANEL_WIDTH + GAP, TOP + step * len(rows) + BOTTOM
    opening = 'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg {opening} viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, name in enumerate(names):
        x = 14 + number * 165
        parts += [_dot(x, 18, COLOURS[name]), _text(x + 10, 22, name)]
    for panel in PANELS:
        parts += _scale(panel, height - BOTTOM)
    for number, row in enumerate(rows):
        top = TOP + number * step
        parts.append(_text(NAMES_WIDTH - 14, top + step / 2, row.name, anchor="end"))
        parts += _line(0, top - ROW_GAP / 2, width, top - ROW_GAP / 2, "#dddddd")
        parts += _marks(results, row, names, top)
    return "\n".join([*parts, "</svg>", ""])


def _scale(panel: Panel, bottom: float) -> list[str]:
    parts = [_text(panel.left, 46, panel.title, weight="bold")]
    for tick in panel.ticks:
        x = panel.x(tick)
        shown = f"{tick:g}" if tick > panel.lowest else f"≤{tick:g}"
        parts += [*_line(x, TOP - ROW_GAP, x, bottom, "#eeeeee"), _text(x, 62, shown, anchor="middle")]
    return parts


def _marks(results: Results, row: Row, names: list[str], top: float) -> list[str]:
    parts: list[str] = []
    for number, name in enumerate(names):
        y = top + (number + 0.5) * LINE
        for panel in PANELS:
            if name not in results.contestants(row):
                continue
            figure = results.spread(row, name, panel.key)
            parts += (
                [_text(panel.left + PANEL_WIDTH, y + 4, "none", anchor="end", colour=COLOURS[name])]
                if figure is None
                else _mark(panel, figure, y, COLOURS[name])
            )
    return parts


def _mark(panel: Panel, figure: Spread, y: float, colour: str) -> list[str]:
    whisker = _line(panel.x(figure.lowest), y, panel.x(figure.highest), y, colour, width=2)
    return [*whisker, _dot(panel.x(figure.mean), y, colour)]


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, *, width: int = 1) -> list[str]:
    ends = f'x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
    return [f'<line {ends} stroke="{colour}" stroke-width="{width}"/>']


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", colour: str = "black"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}">'
        f"{escape(text)}</text>"
    )
