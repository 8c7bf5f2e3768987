"""What was said to the server and is not confirmed yet: said again when we are back on our seat."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

logger = logging.getLogger(__name__)

MOST_LETTERS: Final = 64
MOST_CHARACTERS: Final = 128 * 1024
"""As much as the server keeps for a seat; a pairing needs two descriptions and some candidates."""


@dataclass(frozen=True, slots=True)
class Letter:
    """An event for the server and its arguments, any JSON."""

    event: str
    arguments: tuple[Any, ...]


class Outbox:
    """Letters in the order they were written; those of another pairing than the present one mean nothing."""

    def __init__(self) -> None:
        self._letters: list[Letter] = []
        self._characters = 0

    def put(self, event: str, *arguments: object) -> Letter | None:
        """Keep a letter until it is confirmed; none if it is kept already, or too much is."""
        letter = Letter(event, arguments)
        if letter in self._letters:
            return None
        size = _size(letter)
        if len(self._letters) >= MOST_LETTERS or self._characters + size > MOST_CHARACTERS:
            logger.warning("The signalling server confirms nothing: %s was not sent.", event)
            return None
        self._letters.append(letter)
        self._characters += size
        return letter

    def confirm(self, letter: Letter) -> None:
        """The server has it; also when that is said twice, or late."""
        if letter in self._letters:
            self._letters.remove(letter)
            self._characters -= _size(letter)

    def clear(self) -> None:
        """Nothing of it is of use any more."""
        self._letters.clear()
        self._characters = 0

    def __iter__(self) -> Iterator[Letter]:
        return iter(tuple(self._letters))


def _size(letter: Letter) -> int:
    return len(json.dumps(letter.arguments))
