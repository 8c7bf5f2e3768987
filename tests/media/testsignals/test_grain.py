from __future__ import annotations

import numpy as np

from pycall.media.testsignals.grain import grainy_pictures


def test_every_picture_differs_from_the_last_nearly_everywhere() -> None:
    pictures = grainy_pictures((64, 48), 30, 3)
    first, second, _ = (each.to_ndarray()[:48] for each in pictures)

    assert {(each.width, each.height, each.format.name) for each in pictures} == {(64, 48, "yuv420p")}
    assert np.mean(first != second) > 0.7
    assert np.mean(np.abs(first.astype(int) - second)) < 20


def test_it_is_the_same_each_time() -> None:
    one, other = (grainy_pictures((64, 48), 30, 1)[0].to_ndarray() for _ in range(2))

    assert (one == other).all()
