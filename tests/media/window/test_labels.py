"""Lettering and pills."""

from __future__ import annotations

import numpy as np
import pytest

from pycall.media.window.labels import WHITE, Stamp, avatar_stamp, pill_stamp, rounded, text_stamp


def canvas(width: int = 400, height: int = 80) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A black picture."""
    return np.zeros((height, width, 3), np.uint8)


@pytest.mark.parametrize("text", ["Alice", "Björn", "日本", "Привет", "🙂 ", "", " "])
def test_any_name_can_be_written(text: str) -> None:
    pill_stamp(text, 20).put(canvas(), 5, 5)
    avatar_stamp(text, 40).put(canvas(), 5, 5)


def test_letters_leave_ink_and_longer_texts_are_wider() -> None:
    paper = canvas()
    text_stamp("Alice", 24, WHITE).put(paper, 10, 10)

    assert paper.max() == 255
    assert text_stamp("Alice Alice", 24).width > 1.8 * text_stamp("Alice", 24).width


def test_names_in_different_scripts_are_different_pictures() -> None:
    papers = []
    for name in ("日本", "本日", "????"):
        paper = canvas()
        text_stamp(name, 24).put(paper, 0, 0)
        papers.append(paper)

    assert not np.array_equal(papers[0], papers[1])
    assert not np.array_equal(papers[0], papers[2])


def test_a_stamp_may_hang_over_every_edge() -> None:
    stamp = Stamp(np.full((20, 30, 3), 200, np.uint8), np.ones((20, 30), np.float32))
    for left, top, inked in [
        (-10, -5, 20 * 15),
        (390, 70, 10 * 10),
        (500, 0, 0),
        (-31, 0, 0),
        (0, 0, 30 * 20),
    ]:
        paper = canvas()
        stamp.put(paper, left, top)
        assert np.count_nonzero(paper[..., 0] == 200) == inked


def test_signs_make_a_pill_wider_and_redder() -> None:
    plain, marked = canvas(), canvas()
    pill_stamp("Alice", 20).put(plain, 0, 0)
    pill_stamp("Alice", 20, ("muted", "camera-off")).put(marked, 0, 0)

    def red(paper: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> int:
        return int(np.count_nonzero(paper[..., 2].astype(int) - paper[..., 0] > 100))

    assert red(plain) == 0
    assert red(marked) > 50
    assert pill_stamp("Alice", 20, ("muted",)).width > pill_stamp("Alice", 20).width


def test_round_corners_are_empty_and_the_middle_is_full() -> None:
    shape = rounded(40, 20, 8)

    assert shape[0, 0] == shape[-1, -1] == 0
    assert shape[10, 20] == shape[0, 20] == shape[10, 0] == 1
