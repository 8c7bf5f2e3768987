"""What the user asked of a call."""

from __future__ import annotations

from dataclasses import dataclass

from pycall.core import patience


@dataclass(frozen=True, slots=True)
class CallTerms:
    """What the user asked for; durations in seconds, ``None`` is without limit.

    ``reconnect_s`` is how long a call whose media is gone tries to get it back.
    """

    room: str
    duration_s: float | None = None
    wait_s: float | None = None
    stay: bool = False
    reconnect_s: float = patience.RECONNECT_S
