"""Lettering, signs and the dark pills they stand on.

OpenCV 5 brings a good typeface with nearly all of Unicode. What is drawn is kept, since it changes
seldom and is shown thirty times a second.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Canvas: TypeAlias = NDArray[np.uint8]
"""A picture, shape ``(height, width, 3)``, blue green red."""

Coverage: TypeAlias = NDArray[np.float32]
"""How much of each pixel is inked, shape ``(height, width)``, 0 to 1."""

Colour: TypeAlias = tuple[int, int, int]

Sign: TypeAlias = Literal["muted", "camera-off", "recording"]

WHITE: Final[Colour] = (255, 255, 255)
GREY: Final[Colour] = (170, 165, 160)
RED: Final[Colour] = (80, 80, 255)
INK: Final[Colour] = (24, 22, 20)
"""The colour of pills."""

PILL_OPACITY: Final = 0.72
REGULAR: Final = 400
BOLD: Final = 600

_FACE: Final = cv2.FontFace("sans")
_FINE: Final = 96
"""Signs are drawn on a square of this many pixels and then made as small as they are wanted."""


class Stamp:
    """Something drawn once, to be put on many pictures; its colours may be seen through."""

    def __init__(self, colour: Canvas, opacity: Coverage) -> None:
        self.height, self.width = opacity.shape
        self._over = colour * opacity[..., None] + np.float32(0.5)
        self._through = 1 - opacity[..., None]

    def put(self, canvas: Canvas, left: int, top: int) -> None:
        """Draw it at ``left``, ``top``; what falls outside is cut off."""
        x, y = max(0, left), max(0, top)
        right, bottom = min(canvas.shape[1], left + self.width), min(canvas.shape[0], top + self.height)
        if x < right and y < bottom:
            part = np.s_[y - top : bottom - top, x - left : right - left]
            under = canvas[y:bottom, x:right]
            under[:] = under * self._through[part] + self._over[part]


@lru_cache(maxsize=64)
def text_stamp(text: str, size: int, colour: Colour = WHITE, weight: int = REGULAR) -> Stamp:
    """``text`` in letters of ``size`` pixels; its height is that of a line, whatever the letters."""
    ink = _text(text, size, weight)
    return Stamp(_plain(ink.shape, colour), ink)


@lru_cache(maxsize=64)
def shortened(text: str, size: int, room: int) -> str:
    """As much of ``text`` as fits into ``room`` pixels, with an ellipsis where it was cut."""
    if _text(text, size, BOLD).shape[1] <= room:
        return text
    keep = len(text)
    while keep > 1 and _text(text[:keep] + "…", size, BOLD).shape[1] > room:
        keep -= 1
    return text[:keep].rstrip() + "…"


@lru_cache(maxsize=64)
def pill_stamp(text: str, size: int, signs: tuple[Sign, ...] = (), *, signs_first: bool = False) -> Stamp:
    """``text`` and then ``signs`` (or before it) on a dark pill with round ends."""
    letters = _text(text, size, BOLD)
    height, pad, gap = round(size * 1.75), round(size * 0.7), round(size * 0.35)
    side = round(size * 1.2)
    width = 2 * pad + letters.shape[1] + len(signs) * (side + gap)
    colour, ink = _plain((height, width), INK), np.zeros((height, width), np.float32)
    left = pad
    row = [(_sign(sign, side), RED) for sign in signs]
    row.insert(len(row) if signs_first else 0, (letters, WHITE))
    for part, tint in row:
        top = (height - part.shape[0]) // 2
        place = np.s_[top : top + part.shape[0], left : left + part.shape[1]]
        ink[place] = part
        colour[place] = colour[place] * (1 - part[..., None]) + np.array(tint) * part[..., None]
        left += part.shape[1] + gap
    return Stamp(colour, np.maximum(ink, rounded(width, height, height // 2) * PILL_OPACITY))


@lru_cache(maxsize=8)
def avatar_stamp(name: str, size: int) -> Stamp:
    """A disc of ``size`` pixels with the name's first letter, where there is no picture."""
    letter = _text(name[:1].upper() or "?", round(size * 0.5), BOLD)
    disc = rounded(size, size, size // 2)
    colour = _plain((size, size), (92, 78, 66))
    top, left = (size - letter.shape[0]) // 2, (size - letter.shape[1]) // 2
    place = np.s_[top : top + letter.shape[0], left : left + letter.shape[1]]
    colour[place] = colour[place] * (1 - letter[..., None]) + 255 * letter[..., None]
    return Stamp(colour, disc)


@lru_cache(maxsize=16)
def rounded(width: int, height: int, radius: int) -> Coverage:
    """A rectangle with round corners, smooth at its edge."""
    x = np.maximum(np.abs(np.arange(width) - (width - 1) / 2) - (width / 2 - radius), 0)
    y = np.maximum(np.abs(np.arange(height) - (height - 1) / 2) - (height / 2 - radius), 0)
    distance = np.hypot(x[None, :], y[:, None])
    return np.asarray(np.clip(radius + 0.5 - distance, 0, 1), np.float32)


def _plain(shape: tuple[int, ...], colour: Colour) -> Canvas:
    return np.full((*shape, 3), colour, np.uint8)


def _text(text: str, size: int, weight: int) -> Coverage:
    """``text`` on a line as high as its letters and tails."""
    height, base = round(size * 1.3), size
    box = cv2.getTextSize((1, 1), text, (0, 0), _FACE, size, weight)
    paper = np.zeros((height, max(1, box[0] + box[2] + 2), 3), np.uint8)
    cv2.putText(paper, text, (0, base), WHITE, _FACE, size, weight)
    return np.asarray(paper[..., 0] / 255, np.float32)


@lru_cache(maxsize=16)
def _sign(sign: Sign, size: int) -> Coverage:
    """A small picture that says it without words."""
    paper, thick = np.zeros((_FINE, _FINE), np.uint8), 10
    if sign == "recording":
        cv2.circle(paper, (48, 48), 30, 255, -1, cv2.LINE_AA)
    else:
        if sign == "muted":
            cv2.line(paper, (48, 24), (48, 46), 255, 26, cv2.LINE_AA)
            cv2.ellipse(paper, (48, 46), (27, 27), 0, 0, 180, 255, thick, cv2.LINE_AA)
            cv2.line(paper, (48, 73), (48, 88), 255, thick, cv2.LINE_AA)
        else:
            cv2.rectangle(paper, (12, 30), (58, 68), 255, -1, cv2.LINE_AA)
            cv2.fillPoly(paper, [np.array([[64, 46], [86, 32], [86, 66], [64, 52]])], 255, cv2.LINE_AA)
        cv2.line(paper, (12, 10), (84, 88), 0, 26, cv2.LINE_AA)
        cv2.line(paper, (12, 10), (84, 88), 255, thick, cv2.LINE_AA)
    small = cv2.resize(paper, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(small / 255, np.float32)
