"""Names that people choose: which are allowed, and how to show them without harm.

A room name becomes part of a file name and of a command to copy; a display name is shown on the
other side's terminal and window. Both may come from the network.
"""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_NAME: Final = 64
"""Most characters of a room name or a display name."""

ROOM_NAME_RULE: Final = (
    "A room name has 1 to 64 letters, digits, '-', '_' or '.', and does not begin with a dot."
)


def check_room_name(text: str) -> str:
    """The room name to use for ``text``: the same in Unicode's composed form (NFC).

    Two people who type the same name meet, whichever way their keyboards compose an accent.

    Raises:
        ValueError: it is not a room name; the message is one sentence that says what is.
    """
    if len(text) > 4 * MAX_NAME:
        raise ValueError(ROOM_NAME_RULE)
    name = unicodedata.normalize("NFC", text)
    if not 1 <= len(name) <= MAX_NAME or name.startswith(".") or not all(map(_in_room_name, name)):
        raise ValueError(ROOM_NAME_RULE)
    return name


def clean_display_name(text: str) -> str:
    """``text`` as a name to show: one line of printable characters, at most :data:`MAX_NAME`.

    Control, direction and other invisible characters are dropped, every run of white space becomes
    one space. The result may be empty.
    """
    words = unicodedata.normalize("NFC", text[: 4 * MAX_NAME]).split()
    printable = ("".join(filter(str.isprintable, word)) for word in words)
    return " ".join(filter(None, printable))[:MAX_NAME].rstrip()


def terminal_safe(text: str) -> str:
    r"""``text`` with every character a terminal could act on, or hide, written as an escape.

    >>> terminal_safe("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _in_room_name(char: str) -> bool:
    return char in "-_." or unicodedata.category(char) in {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd"}


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
