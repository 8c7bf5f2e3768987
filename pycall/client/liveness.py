"""Whether the other end is heard: told from the packets that came, not from timers of the libraries."""

from __future__ import annotations

from typing import Final

from pycall.core import inputs as i

LOOK_S: Final = 0.25
"""Between two looks at the number of packets."""

SILENT_S: Final = 1.0
"""Silence shorter than this is not told: receiver reports alone come about once a second (RFC 3550)."""

FIRST_S: Final = 2.0
"""How much longer the first packet may take: the other end knows a round trip later that the path stands."""

LATE_S: Final = 0.5
"""A look this much late means that it was we who slept; what came meanwhile is still to be read."""


class Liveness:
    """Turns the number of packets of attempt ``attempt`` so far into what the call is told, once it stands.

    A time in which this process did not run (stopped, asleep, swamped) is no silence of the other end.
    """

    def __init__(self, attempt: int) -> None:
        self._attempt = attempt
        self._packets = 0
        self._heard_at: float | None = None
        self._looked_at: float | None = None
        self._silent = True

    def look(self, packets: int, now: float) -> i.MediaHeard | i.MediaSilent | None:
        """What to report; ``packets`` have come since the connection began, ``now`` is monotonic seconds."""
        late_s = 0.0 if self._looked_at is None else now - self._looked_at - LOOK_S
        self._looked_at = now
        if packets > self._packets:
            was_silent, self._silent = self._silent, False
            self._packets, self._heard_at = packets, now
            return i.MediaHeard(self._attempt) if was_silent else None
        if self._heard_at is None:
            self._heard_at = now + FIRST_S
        if late_s > LATE_S:
            self._heard_at += late_s
        silent_s = now - self._heard_at
        if silent_s < SILENT_S:
            return None
        self._silent = True
        return i.MediaSilent(self._attempt, silent_s)
