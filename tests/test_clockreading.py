from __future__ import annotations

import math

import pytest

from pycall.media.testsignals.testcard import CardPainter
from pycall.media.testsignals.wallclock import unix_time
from tests.clockreading import LOOK_EVERY, PictureAges


def test_every_fifth_picture_tells_how_old_it_is() -> None:
    ages, painter = PictureAges(), CardPainter(320, 240)
    frame = painter.paint(1, int(unix_time() * 1000) - 60_000, flash=False)

    for _ in range(LOOK_EVERY - 1):
        ages.look(frame)
    assert math.isnan(ages.percentile(0.5))
    ages.look(frame)

    assert ages.seen == LOOK_EVERY
    assert ages.percentile(0.5) == ages.percentile(0.95) == pytest.approx(60_000, abs=20_000)


def test_what_was_before_is_forgotten() -> None:
    ages, painter = PictureAges(), CardPainter(320, 240)
    for _ in range(LOOK_EVERY):
        ages.look(painter.paint(1, int(unix_time() * 1000), flash=False))

    ages.clear()

    assert ages.seen == 0
    assert math.isnan(ages.percentile(0.5))
