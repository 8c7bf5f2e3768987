"""A link as a QR code in the terminal, for the camera of a phone."""

from __future__ import annotations

import os
import shutil
import sys
from itertools import zip_longest
from typing import Final

import segno

QUIET: Final = 2
"""Light modules around it. The standard asks for 4; readers need 2, and 80x24 has no room to spare."""

BLACK_ON_WHITE: Final = "\x1b[38;5;16;48;5;231m"
"""Fixed colours, as the terminal's own may be the other way round: many readers want dark on light."""

PLAIN: Final = "\x1b[0m"

_BLOCKS: Final = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
"""Two modules in one character, by whether the upper and the lower are dark."""


def qr_code(link: str) -> list[str]:
    """The lines to print: a column for each module, a line for each two rows of them."""
    rows = [[module == 1 for module in row] for row in segno.make_qr(link).matrix_iter(border=QUIET)]
    light = [False] * len(rows[0])
    return [
        BLACK_ON_WHITE + "".join(map(_BLOCKS.__getitem__, zip(upper, lower, strict=True))) + PLAIN
        for upper, lower in zip_longest(rows[::2], rows[1::2], fillvalue=light)
    ]


def can_print() -> bool:
    """Whether stdout has the characters for it."""
    try:
        "".join(_BLOCKS.values()).encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def fits_terminal(lines: list[str]) -> bool:
    """Whether stdout is a terminal that has the colours and the width for these lines."""
    width = len(lines[0]) - len(BLACK_ON_WHITE) - len(PLAIN)
    is_able = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return is_able and width <= shutil.get_terminal_size().columns
