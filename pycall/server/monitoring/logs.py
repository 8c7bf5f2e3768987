"""What the server logs: sentences of our own with named fields, as text or JSON, nothing of anybody's.

Whatever is about a person (a name, a room, an address) goes into a record as :class:`Private`, which no
formatter shows unless it was told to. What libraries log, and what an exception says, may contain what
clients sent: without that permission only the logger, the kind of exception and the lines of code remain.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Final

from pycall.core.names import terminal_safe

WITHHELD: Final = "(private)"
UNTOLD: Final = "a library has something to say, which --log-private shows"
MOST_LINKS: Final = 5
"""Of a chain of exceptions that caused each other."""


class Private:
    """What only those see who ask for it: it prints as :data:`WITHHELD` under every formatter but ours."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return WITHHELD


def tell(
    log: logging.Logger,
    level: int,
    event: str,
    sentence: str,
    *,
    error: BaseException | None = None,
    **fields: object,
) -> None:
    """Log that ``event`` happened, because of ``error`` if it is a bug.

    ``sentence`` names ``fields`` as ``%(name)s``, at least one of them if there are any.
    """
    if log.isEnabledFor(level):
        log.log(level, sentence, *([fields] if fields else []), exc_info=error, extra={"event": event})


class Formatter(logging.Formatter):
    """What both forms have in common; ``is_private_shown`` shows what is about persons too."""

    def __init__(self, *, is_private_shown: bool = False) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._is_private_shown = is_private_shown

    def event(self, record: logging.LogRecord) -> str:
        """The word for what happened; ``library`` when it was not logged by :func:`tell`."""
        event: str = getattr(record, "event", "library")
        return event

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        """The fields of a record made by :func:`tell`, those that may be shown."""
        given = record.args if isinstance(record.args, dict) else {}
        shown = self._is_private_shown
        return {
            name: value.value if isinstance(value, Private) else value
            for name, value in given.items()
            if shown or not isinstance(value, Private)
        }

    def sentence(self, record: logging.LogRecord) -> str:
        """What happened, as one sentence."""
        if not hasattr(record, "event"):
            return record.getMessage() if self._is_private_shown else UNTOLD
        if not isinstance(record.args, dict):
            return str(record.msg)
        return str(record.msg) % {**record.args, **self.fields(record)}

    def trace(self, record: logging.LogRecord) -> list[str]:
        """The exception of a record, as lines; empty if it has none."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return []
        if self._is_private_shown:
            return "".join(traceback.format_exception(error)).rstrip().split("\n")
        return _bare_trace(error)


class TextFormatter(Formatter):
    """A line for people; a traceback adds more. Safe for a terminal, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        record.message = self.sentence(record)
        record.asctime = self.formatTime(record)
        lines = [self.formatMessage(record), *self.trace(record)]
        return "\n".join(map(terminal_safe, lines))


class JsonFormatter(Formatter):
    """One JSON object a line, in ASCII: time, level, event, node, message and the record's fields."""

    def __init__(self, node: str, *, is_private_shown: bool = False) -> None:
        super().__init__(is_private_shown=is_private_shown)
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        said = {
            "time": _moment(record.created),
            "level": record.levelname.lower(),
            "event": self.event(record),
            "node": self._node,
            "logger": record.name,
            "message": self.sentence(record),
        }
        trace = self.trace(record)
        return json.dumps({**said, **self.fields(record), **({"trace": trace} if trace else {})}, default=str)


def _moment(unix_time: float) -> str:
    """A time as in RFC 3339, in UTC, to the millisecond."""
    return datetime.fromtimestamp(unix_time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _bare_trace(error: BaseException) -> list[str]:
    """The kinds of a chain of exceptions and where they came from, the latest first, without their words."""
    lines = []
    link: BaseException | None = error
    for _ in range(MOST_LINKS):
        if link is None:
            break
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(link.__traceback__)
        ]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return lines
