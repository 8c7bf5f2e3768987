"""What a server counts about itself: plain numbers, so that counting costs next to nothing.

They are of the process, never of a room or a person, and labels are words of our own code only, so
nobody outside can make more of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from typing import Final

from pycall.server.refusal import Refusal

BOUNDS_S: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
)  # fmt: skip
"""From a message on an idle machine, which takes a tenth of a millisecond, to a server in trouble."""

EVENTS: Final = ("join", "leave", "message", "renew")


class Histogram:
    """How long something took, in seconds: how often up to each of :data:`BOUNDS_S`, and in sum."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        """By the lowest bound that a duration does not exceed; the last is of those beyond all."""
        self.total_s = 0.0

    def observe(self, duration_s: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BOUNDS_S, duration_s)] += 1
        self.total_s += duration_s


class Figures:
    """Everything since the start of one server; whoever does it counts it."""

    __slots__ = (
        "bugs", "credentials", "ended", "handling", "joins", "opened", "received_bytes", "refusals",
        "relayed", "sent_bytes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.opened = 0
        """Connections that were made."""
        self.ended: Counter[str] = Counter()
        """Connections that ended, by the code of the cause."""
        self.joins = 0
        """Seats that were given, or given back."""
        self.refusals = Counter({each.code: 0 for each in Refusal})
        """Events and connections that were refused, by code."""
        self.credentials: Counter[str] = Counter()
        """What became of what was shown to be let into rooms."""
        self.relayed = 0
        """Messages passed on."""
        self.received_bytes = 0
        """Payload of websocket messages."""
        self.sent_bytes = 0
        self.handling = defaultdict(Histogram, {event: Histogram() for event in EVENTS})
        """From an event's arrival until all that follows from it is on its way."""
        self.bugs = 0
        """Events that a bug of ours kept from being handled."""

    def handled(self, event: str, duration_s: float) -> None:
        """Count an event that reached its handler."""
        self.handling[event].observe(duration_s)


def code_of(cause: str) -> str:
    """The word programs branch on for a cause of a connection's end: what it says before its details."""
    return cause.partition(":")[0].replace(" ", "-")
