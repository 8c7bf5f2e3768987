"""A small bitmap font: the few characters of the test card, five by seven dots each."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 6
HEIGHT: Final = 7
"""Dots of one character, the gap to the next included."""

_GLYPHS: Final[dict[str, tuple[int, ...]]] = {
    " ": (0, 0, 0, 0, 0, 0, 0),
    ".": (0, 0, 0, 0, 0, 0b01100, 0b01100),
    ":": (0, 0b01100, 0b01100, 0, 0b01100, 0b01100, 0),
    "0": (0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110),
    "1": (0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110),
    "2": (0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111),
    "3": (0b11111, 0b00010, 0b00100, 0b00010, 0b00001, 0b10001, 0b01110),
    "4": (0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010),
    "5": (0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110),
    "6": (0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110),
    "7": (0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000),
    "8": (0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110),
    "9": (0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100),
    "A": (0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001),
    "C": (0b01110, 0b10001, 0b10000, 0b10000, 0b10000, 0b10001, 0b01110),
    "E": (0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111),
    "F": (0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000),
    "L": (0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111),
    "M": (0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001),
    "P": (0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000),
    "R": (0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001),
    "Y": (0b10001, 0b10001, 0b01010, 0b00100, 0b00100, 0b00100, 0b00100),
}


class Lettering:
    """The font at one size, ready to be copied into a brightness plane."""

    def __init__(self, scale: int, ink: int, paper: int) -> None:
        self.scale = scale
        self._tiles = {character: _tile(rows, scale, ink, paper) for character, rows in _GLYPHS.items()}

    def width(self, text: str) -> int:
        """How many pixels wide ``text`` comes out."""
        return len(text) * WIDTH * self.scale

    def draw(self, luma: NDArray[np.uint8], x: int, y: int, text: str) -> None:
        """Write ``text`` with its upper left corner at ``x``, ``y``; what falls outside is cut off."""
        for character in text:
            tile = self._tiles[character]
            target = luma[y : y + tile.shape[0], x : x + tile.shape[1]]
            target[:] = tile[: target.shape[0], : target.shape[1]]
            x += tile.shape[1]


def _tile(rows: tuple[int, ...], scale: int, ink: int, paper: int) -> NDArray[np.uint8]:
    dots = np.array(
        [
            [row >> (WIDTH - 2 - column) & 1 if column < WIDTH - 1 else 0 for column in range(WIDTH)]
            for row in rows
        ]
    )
    return np.where(dots, ink, paper).astype(np.uint8).repeat(scale, axis=0).repeat(scale, axis=1)
