"""A phone's camera, as far as QR codes in a terminal are concerned."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pycall.cli.qrcode import BLACK_ON_WHITE, PLAIN

DISTANCES = (4, 5, 6, 8, 10, 12)
"""Pixels of a module: the detector misses a few at each, and people move their phones too."""

_HALVES = {" ": (255, 255), "▀": (0, 255), "▄": (255, 0), "█": (0, 0)}
"""Brightness of the upper and lower half of a character, black on white."""


def scanned(printed: str, *, background: int = 0) -> str:
    """What a QR code among printed lines says, on a terminal of this background; empty if unreadable."""
    lines = [line for line in printed.splitlines() if line.startswith(BLACK_ON_WHITE)]
    if not lines:
        return ""
    rows: list[list[int]] = []
    for line in lines:
        halves = [_HALVES[char] for char in line.removeprefix(BLACK_ON_WHITE).removesuffix(PLAIN)]
        rows += [[upper for upper, _ in halves], [lower for _, lower in halves]]
    return next(filter(None, (_seen(np.array(rows, np.uint8), background, each) for each in DISTANCES)), "")


def _seen(code: NDArray[np.uint8], background: int, pixels: int) -> str:
    large = code.repeat(pixels, axis=0).repeat(pixels, axis=1)
    screen = cv2.copyMakeBorder(large, 99, 99, 99, 99, cv2.BORDER_CONSTANT, value=[background])
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(screen)
    return text
