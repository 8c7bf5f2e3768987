from __future__ import annotations

import numpy as np

from pycall.media.testsignals.lettering import Lettering


def test_a_seven_looks_like_one() -> None:
    luma = np.zeros((7, 6), np.uint8)
    Lettering(1, 235, 16).draw(luma, 0, 0, "7")
    drawn = "\n".join("".join("#" if level == 235 else "." for level in row) for row in luma)
    assert drawn == "#####.\n....#.\n...#..\n..#...\n.#....\n.#....\n.#...."


def test_every_character_is_another_one() -> None:
    characters = "0123456789:.ACEFLMPRY "
    pictures = set()
    for character in characters:
        luma = np.zeros((14, 12), np.uint8)
        Lettering(2, 1, 0).draw(luma, 0, 0, character)
        pictures.add(luma.tobytes())
    assert len(pictures) == len(characters)


def test_what_does_not_fit_is_cut_off() -> None:
    luma = np.zeros((5, 10), np.uint8)
    lettering = Lettering(3, 235, 16)
    assert lettering.width("12:34") == 90
    lettering.draw(luma, 4, 2, "12:34")
    assert luma[2:, 4:].any()
    assert not luma[:2].any()
