"""What was sent to one seat of a room lately, to send it again to an owner who comes back.

Messages are numbered for as long as the seat lives, from 1 or from where its owner's seat before ended. They
are JSON texts, kept as they came, and given up oldest first: :data:`MAX_MESSAGES`, :data:`MAX_BYTES` and an
age bound them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

MAX_MESSAGES: Final = 64
MAX_BYTES: Final = 128 * 1024
"""Together, in UTF-8."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One message; ``at`` is when it was sent."""

    number: int
    text: str
    at: float


@dataclass(slots=True)
class Outbox:
    """The messages to one seat; ``count`` is the number of the last one."""

    count: int = 0
    _kept: list[Kept] = field(default_factory=list)
    _size: int = 0

    def add(self, text: str, now: float) -> int:
        """Keep a message; returns its number."""
        self.count += 1
        self._kept.append(Kept(self.count, text, now))
        self._size += size_of(text)
        while self._size > MAX_BYTES or len(self._kept) > MAX_MESSAGES:
            self._drop(1)
        return self.count

    def after(self, received: int) -> list[tuple[int, str]]:
        """The numbers and texts that are still kept of those after ``received``, in order."""
        return [(kept.number, kept.text) for kept in self._kept if kept.number > received]

    def forget(self, until: float) -> None:
        """Give up what was sent at ``until`` or earlier."""
        self._drop(sum(1 for _ in takewhile(lambda kept: kept.at <= until, self._kept)))

    def clear(self) -> None:
        """Give up everything; the numbers go on."""
        self._drop(len(self._kept))

    @property
    def last_at(self) -> float | None:
        """When the youngest message was sent; None when there is none."""
        return self._kept[-1].at if self._kept else None

    def _drop(self, oldest: int) -> None:
        if oldest == 0:
            return
        self._size -= sum(size_of(kept.text) for kept in self._kept[:oldest])
        del self._kept[:oldest]


def size_of(text: str) -> int:
    """The bytes of ``text`` in UTF-8; only what is not ASCII has to be encoded to know."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
