from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pycall.media.blocks import Blocks
from pycall.media.feed import Feed
from pycall.media.frames import BLOCK, SAMPLE_RATE, Sound


def test_pieces_of_any_length_become_steady_blocks() -> None:
    feed: Feed[Sound] = Feed()
    reader = feed.subscribe(1000)
    blocks = Blocks(feed)
    random = np.random.default_rng(1)
    line = np.arange(SAMPLE_RATE).astype(np.int16)
    position = 0
    while position < len(line):
        piece = line[position : position + int(random.integers(1, 1500))]
        blocks.add(piece, 100.0 + position / SAMPLE_RATE + random.uniform(0, 0.01))
        position += len(piece)
    cut: list[Sound] = []
    while (block := reader.get(0)) is not None:
        cut.append(block)
    assert np.array_equal(np.concatenate([block.samples for block in cut]), line[: len(cut) * BLOCK])
    assert cut[0].time == pytest.approx(100.0, abs=0.011)
    for earlier, later in pairwise(cut):
        assert later.time - earlier.time == pytest.approx(BLOCK / SAMPLE_RATE, abs=0.001)


def test_a_pause_shows_in_the_times() -> None:
    feed: Feed[Sound] = Feed()
    reader = feed.subscribe(10)
    blocks = Blocks(feed)
    for begin in (1.0, 5.0):
        blocks.add(np.zeros(BLOCK, np.int16), begin)
        block = reader.get(0)
        assert block is not None
        assert block.time == pytest.approx(begin, abs=0.001)
