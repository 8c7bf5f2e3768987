"""JSON that every other client can read: no ``NaN``, no ``Infinity``, nothing too large for a number."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson


class StrictJson:
    """In the form python-socketio expects of a JSON library."""

    @staticmethod
    def loads(text: str) -> Any:
        """Parse ``text``; raises ValueError for what JSON has not, whatever Python would accept.

        An integer of more than 64 bits becomes a float, as in most other clients.
        """
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            if "\\u" not in text:
                raise
        # JavaScript may write half a surrogate pair, escaped, which only this parser takes.
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_integer)

    @staticmethod
    def dumps(value: object, **_options: object) -> str:
        """``value`` as compact text of about the size it came in."""
        try:
            return orjson.dumps(value).decode()
        except orjson.JSONEncodeError:  # half a surrogate pair, or an integer of more than 64 bits
            return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("too large a number")
    return number


def _integer(text: str) -> int:
    _finite(text)
    return int(text)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"not JSON: {name}")
