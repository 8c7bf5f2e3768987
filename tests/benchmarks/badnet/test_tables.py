from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from badnet.plot import PANELS, drawing
from badnet.tables import Cell, Results, behind, tables

FIGURES = {
    "size": "640x480", "fps": 30.0, "p50_ms": 50.0, "p95_ms": 100.0, "freezes": 0, "frozen_s": 0.0,
    "longest_s": 0.1, "lost_percent": 1.0, "sound_ms": 150.0, "stoi": 0.95, "psnr_db": 30.0,
    "received_kbps": 1700.0, "wire_kbps": 1800.0, "cpu": 0.5, "memory_mb": 100.0, "back_s": None,
    "sound_back_s": None,
}  # fmt: skip


def cell(contestant: str, row: str = "loss5", run: int = 0, **changes: object) -> Cell:
    return {"row": row, "contestant": contestant, "run": run, **FIGURES, **changes}


def lines_with(text: str, *words: str) -> list[list[str]]:
    """The cells of the table's lines that begin with these words."""
    lines = [[part.strip() for part in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
    return [line for line in lines if tuple(line[: len(words)]) == words]


def test_a_figure_is_the_mean_of_all_sides_with_the_lowest_and_the_highest() -> None:
    cells = [cell("pycall", p95_ms=80.0), cell("pycall", p95_ms=100.0), cell("pycall", run=1, p95_ms=120.0)]

    (line,) = lines_with(tables(Results(cells)), "25 ms, 5 % loss", "pycall")

    assert "100 (80..120)" in line
    assert "640x480" in line


def test_it_is_compared_with_chromium_in_the_same_run() -> None:
    cells = [
        cell("pycall", run=0, p95_ms=50.0, frozen_s=0.5),
        cell("Chromium", run=0, p95_ms=100.0),
        cell("pycall", run=1, p95_ms=300.0, frozen_s=0.5),
        cell("Chromium", run=1, p95_ms=200.0, frozen_s=1.0),
    ]

    _, compared = lines_with(tables(Results(cells)), "25 ms, 5 % loss", "pycall")

    assert "1.00 (0.50..1.50)" in compared
    assert "+0.00 (-0.50..+0.50)" in compared


def test_cuts_have_a_table_of_their_own() -> None:
    text = tables(Results([cell("pycall", "cut3", back_s=0.25, sound_back_s=0.1)]))

    (line,) = lines_with(text, "25 ms, cut for 3 s", "pycall")

    assert line[3:5] == ["0.25", "0.10"]


def test_it_says_where_pycall_is_behind_and_by_how_much() -> None:
    cells = [cell("pycall", p95_ms=130.0, stoi=0.9), cell("Chromium", p95_ms=120.0), cell("aiortc")]

    found = behind(Results(cells))

    assert found == [
        "25 ms, 5 % loss: pycall, p95 ms 130 against 120",
        "25 ms, 5 % loss: pycall, STOI 0.90 against 0.95",
    ]


def test_what_the_digits_do_not_show_is_no_difference() -> None:
    assert behind(Results([cell("pycall", p95_ms=100.4), cell("Chromium", p95_ms=100.1)])) == []


def test_it_says_so_when_chance_may_have_made_the_difference() -> None:
    cells = [
        cell("pycall", p95_ms=90.0),
        cell("pycall", p95_ms=120.0),
        cell("Chromium", p95_ms=100.0),
    ]

    assert behind(Results(cells)) == [
        "25 ms, 5 % loss: pycall, p95 ms 105 (90..120) against 100 (the spreads overlap)"
    ]


def test_a_figure_that_is_missing_is_behind() -> None:
    cells = [cell("pycall", p95_ms=None), cell("Chromium")]

    assert behind(Results(cells)) == ["25 ms, 5 % loss: pycall, p95 ms: none, against 100"]


def test_the_cost_of_a_browser_is_not_ours() -> None:
    cells = [cell("pycall to Chromium", cpu=0.9), cell("Chromium"), cell("pycall", cpu=0.9)]

    assert behind(Results(cells)) == ["25 ms, 5 % loss: pycall, CPU 0.90 against 0.50"]


def test_half_a_picture_a_second_is_no_difference_but_more_is() -> None:
    cells = [cell("pycall", fps=29.5), cell("pycall to Chromium", fps=29.4), cell("Chromium", fps=30.0)]

    assert behind(Results(cells)) == ["25 ms, 5 % loss: pycall to Chromium, fps 29.4 against 30.0"]


def test_smaller_pictures_are_behind_and_larger_ones_are_not() -> None:
    sent: dict[str, Any] = {"size": "480x360"}
    cells = [cell("pycall", size="320x240"), cell("pycall"), cell("Chromium", **sent)]
    assert behind(Results(cells)) == []

    cells = [cell("pycall", **sent), cell("pycall", size=None), cell("Chromium")]
    assert behind(Results(cells)) == ["25 ms, 5 % loss: pycall, size 480x360, none against 640x480"]


@pytest.mark.parametrize(
    ("row", "changes", "said"),
    [
        ("clean", {"p95_ms": 41.0}, "p95 ms 41, the goal is 40"),
        ("clean", {"cpu": 0.4}, "1.2 times 0.30"),
        ("25ms", {"p95_ms": 50.0}, "less than plain aiortc's 50"),
        ("720p", {"p95_ms": 51.0}, "less than plain aiortc's 50"),
        ("25ms", {"cpu": 0.4}, "1.2 times 0.30"),
        ("720p", {"cpu": 0.4}, "1.2 times 0.30"),
    ],
)
def test_a_good_network_has_goals_besides(row: str, changes: dict[str, Any], said: str) -> None:
    good: dict[str, Any] = {"p95_ms": 20.0, "cpu": 0.3}
    plain = cell("aiortc", row, cpu=0.3, p95_ms=50.0)

    assert behind(Results([cell("pycall", row, **good), plain])) == []
    (line,) = behind(Results([cell("pycall", row, **good | changes), plain]))

    assert said in line


def test_a_bad_network_has_none() -> None:
    cells = [cell("pycall", cpu=0.9, p95_ms=200.0), cell("aiortc")]

    assert behind(Results(cells)) == []


def test_a_call_that_failed_is_named_and_counts_nowhere() -> None:
    failed = {"row": "loss5", "contestant": "mixed", "run": 0, "error": "SideLost()"}

    results = Results([failed, cell("Chromium")])

    assert behind(results) == ["25 ms, 5 % loss: mixed failed 1 times"]
    assert results.contestants(results.rows[0]) == ["Chromium"]


def test_the_drawing_has_a_dot_in_each_panel_for_everyone_who_was_tried() -> None:
    cells = [cell("pycall"), cell("Chromium"), cell("aiortc", p95_ms=None), cell("pycall", "cut3")]

    picture = ET.fromstring(drawing(Results(cells)))

    dots = picture.findall("{http://www.w3.org/2000/svg}circle")
    texts = [each.text for each in picture.findall("{http://www.w3.org/2000/svg}text")]
    assert len(dots) == 3 + 5
    assert texts.count("none") == 1
    assert "25 ms, cut for 3 s" not in texts


def test_the_scale_of_the_drawing_is_logarithmic_and_ends() -> None:
    panel = PANELS[0]

    assert panel.x(50) - panel.x(5) == pytest.approx(panel.x(500) - panel.x(50))
    assert panel.x(0) == panel.x(5)
    assert panel.x(1e9) == panel.x(5000)
