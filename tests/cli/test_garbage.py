from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from pycall.cli.garbage import THRESHOLDS, collect_seldom


class Link:
    """Something that can refer to itself."""

    def __init__(self) -> None:
        self.other: Link | None = None


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def ring() -> weakref.ref[Link]:
    """Something that only the collector can free."""
    link = Link()
    link.other = link
    return weakref.ref(link)


def test_what_is_there_is_looked_at_no_more_and_what_refers_to_itself_is_found_all_the_same() -> None:
    collect_seldom()
    assert gc.get_threshold() == THRESHOLDS
    assert gc.get_freeze_count() > 0
    made = ring()
    kept: list[list[int]] = [[] for _ in range(THRESHOLDS[0] + 10)]
    assert made() is None
    assert len(kept) > THRESHOLDS[0]
