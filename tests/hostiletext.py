"""Texts that do something to a terminal, and the look for what is left of them."""

from __future__ import annotations

import unicodedata
from typing import Final

CONTROLS: Final = [chr(code) for code in (*range(0x20), 0x7F, *range(0x80, 0xA0))]
"""C0, DEL and C1 (ECMA-48, section 5)."""

BIDI: Final = [chr(code) for code in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]
"""What changes the direction of text (Unicode Standard Annex 9)."""

SEQUENCES: Final = [
    "\x1b]0;pwned\x07",  # the title
    "\x1b]8;;http://evil.test\x1b\\click\x1b]8;;\x1b\\",  # a link
    "\x1b]52;c;cHduZWQ=\x07",  # the clipboard
    "\x1b[2J\x1b[H",
    "\x1b[6n",  # an answer as if it was typed
    "\x9b31m",
    "\x9d0;pwned\x9c",
    "\x1bP$qm\x1b\\",  # DCS
    "\x1b_Gi=1;AAAA\x1b\\",  # APC
    "\x1b^pwned\x1b\\",  # PM
    "\x1bXpwned\x1b\\",  # SOS
    "\r\nFORGED a line of ours",
    "\u2028FORGED a line of ours",
    "\rFORGED",
    "\ud800",
]

CORPUS: Final = [f"a{each}b" for each in [*CONTROLS, *BIDI]] + SEQUENCES

ALL: Final = "".join(CORPUS)


def acts(output: bytes) -> list[str]:
    """What in a program's output would act on a terminal, or is a line that it did not write itself."""
    text = output.decode("utf-8", "surrogateescape")
    harmful = [
        f"U+{ord(character):04X}"
        for character in text
        if character != "\n" and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    ]
    return harmful + [line for line in text.split("\n") if line.startswith("FORGED")]
