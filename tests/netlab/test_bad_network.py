"""Two rows of benchmarks/bad_network.py with short windows: what may be relied on, on a busy machine too."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Final

import pytest
from badnet.call import PLAIN, PYCALL, Cell, Trial, one_call
from badnet.rows import BY_KEY
from badnet.scene import spoken
from playwright.sync_api import sync_playwright

from pycall.media.frames import Samples
from tests.rig import needs

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("_can_be_built")]

Record = Callable[[str, object], None]

WINDOW_S: Final = 6.0
FEWEST_FPS: Final = 20.0
LONGEST_GAP_S: Final = 1.0
FROZEN_S: Final = 1.5
LOST_PERCENT: Final = 10.0
LEAST_STOI: Final = 0.6


@pytest.fixture(scope="module")
def text() -> Samples:
    needs("espeak-ng", "espeak-ng")
    return spoken()


@pytest.mark.parametrize("key", ["loss5", "500kbit"])
def test_a_bad_network_neither_stops_nor_silences_a_call(
    key: str, text: Samples, record_property: Record
) -> None:
    row = BY_KEY[key]
    ours, plain = (one_call(Trial(who, row, WINDOW_S), text) for who in (PYCALL, PLAIN))
    record_property("held", f"{row.name:36} {told(ours)}, {told(plain)}")
    for cell in ours:
        assert cell["fps"] > FEWEST_FPS
        assert cell["longest_s"] < LONGEST_GAP_S
        assert cell["frozen_s"] < FROZEN_S
        assert cell["lost_percent"] < LOST_PERCENT
        assert cell["stoi"] > LEAST_STOI
    assert mean(ours, "lost_percent") < mean(plain, "lost_percent") / 2


def test_a_browser_is_seen_without_standing_still_where_much_is_lost(
    text: Samples, record_property: Record
) -> None:
    needs("chromium", "chromium")
    row = BY_KEY["loss10"]
    with sync_playwright() as playwright:
        cells = one_call(Trial("mixed", row, WINDOW_S), text, playwright)
    [seen] = [cell for cell in cells if cell["contestant"] == "Chromium to pycall"]
    record_property("held", f"{row.name:36} from Chromium {told([seen])}")
    assert seen["fps"] > FEWEST_FPS
    assert seen["longest_s"] < LONGEST_GAP_S
    assert seen["frozen_s"] < FROZEN_S


def mean(cells: list[Cell], key: str) -> float:
    return statistics.fmean(cell[key] for cell in cells)


def told(cells: list[Cell]) -> str:
    return (
        f"{mean(cells, 'fps'):4.1f} fps, sound lost {mean(cells, 'lost_percent'):4.1f} %, "
        f"STOI {mean(cells, 'stoi'):.2f}"
    )
