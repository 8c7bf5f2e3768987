"""The seats of a room, and how long one is held for an owner whose connection broke."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from pycall.core.outbox import Outbox

SEATS: Final = 2
"""How many a room has."""

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")
"""All of a token, by which the owner of a seat comes back to it; 128 bits in base64 for URLs at least."""

TOKEN_BYTES: Final = 16
"""Of randomness, in one that is made."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a room; ``name`` is for showing and may be empty.

    The ``id`` of an extended member is made of a secret, and whoever hands it to the room has proved
    that it knows the secret. So two with one id are the same one, and a room keeps no secrets.
    """

    id: str
    name: str = ""
    extended: bool = False
    """Whether it understands more than the events every client knows, and may come back to its seat."""


@dataclass(frozen=True, slots=True)
class Holding:
    """How long things are kept for somebody who is absent; in seconds."""

    exclusive_s: float = 15.0
    """From its absence on, a seat is nobody else's for so long."""

    total_s: float = 60.0
    """After so long it is vacated, when no newcomer has taken it."""

    messages_s: float = 30.0
    """How long what was sent to a seat can be sent again."""


@dataclass(slots=True)
class Seat:
    """A member's place."""

    member: Member
    connection: str | None
    """What reaches the member; None while it is absent."""

    absent_since: float = 0.0
    offers: bool = False
    """Whether it is this one who offers in the present pairing."""

    heard: int = 0
    """The number of the last message heard from it."""

    outbox: Outbox = field(default_factory=Outbox)

    def absent_for(self, now: float) -> float:
        """Seconds; 0 for one who is there."""
        return now - self.absent_since if self.connection is None else 0.0

    def deadline(self, holding: Holding) -> float | None:
        """When something of it must be given up next; None: never."""
        times = [] if self.connection is not None else [self.absent_since + holding.total_s]
        if self.outbox.last_at is not None:  # all at once: waking up for each message is not worth it
            times.append(self.outbox.last_at + holding.messages_s)
        return min(times, default=None)
