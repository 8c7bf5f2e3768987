from __future__ import annotations

import pytest

from pycall.cli.latency_table import HEAD_EVERY, LatencyTable
from pycall.core.events import Latency

SOUND = Latency("audio", 20.3, 0.4, 0.1, 26.0, None, None, 41.2, 20.0, 108.0)
PICTURE = Latency("video", 1.5, 6.0, 2.0, 25.7, 1.2, 3.1, 18.0, None, 57.5)


def test_each_stage_stands_below_its_name() -> None:
    table = LatencyTable()
    assert [*table.rows(SOUND), *table.rows(PICTURE)] == [
        "ms in the last second  capture  encode    pace network  repair  decode    hold  device   total",
        "sound                     20.3     0.4     0.1    26.0       –       –    41.2    20.0   108.0",
        "picture                    1.5     6.0     2.0    25.7     1.2     3.1    18.0       –    57.5",
    ]


def test_the_head_comes_again_before_it_has_left_the_screen() -> None:
    table = LatencyTable()
    counts = [len(table.rows(PICTURE)) for _ in range(HEAD_EVERY * 2)]
    assert counts.count(2) == 2
    assert counts[HEAD_EVERY] == 2


def test_the_end_shows_the_median_of_what_was_seen() -> None:
    table = LatencyTable()
    assert table.summary() == []
    for total in (50.0, 60.0, 500.0):
        table.rows(Latency("video", None, None, None, None, None, None, 3.0, None, total))
    head, row = table.summary()
    assert head.startswith("ms, median of the call")
    assert row.split() == ["picture", *["–"] * 6, "3.0", "–", "60.0"]


@pytest.mark.parametrize("latency", [SOUND, PICTURE])
def test_a_row_fits_a_terminal_of_a_hundred_columns(latency: Latency) -> None:
    assert max(map(len, LatencyTable().rows(latency))) < 100
