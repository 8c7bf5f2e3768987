"""How much one client may ask of the server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds; the defaults are what `pycall serve` runs with."""

    ping_interval_s: float = 8.0
    """Between two pings; must be longer than the time-out."""

    ping_timeout_s: float = 6.0
    """How long an answer to a ping may take: a vanished client is noticed within the sum of both."""

    connect_timeout_s: float = 10.0
    """How long a websocket may stay open without a Socket.IO CONNECT."""

    message_bytes: int = 65_536
    """Largest packet with an event; a larger one is answered with ``message-too-large``."""

    frame_bytes: int = 262_144
    """Largest websocket message that is read at all; a larger one ends the connection."""

    queue_bytes: int = 524_288
    """Most that waits for one slow reader before it is cut off."""

    stall_s: float = 10.0
    """Longest time one packet may wait for a slow reader before it is cut off."""

    farewell_s: float = 1.0
    """How long a closing connection may take to be told so."""

    json_depth: int = 64
    """Deepest nesting of a packet's JSON, so that whoever receives it can parse it as well."""

    strikes: int = 3
    """Refused events after which the connection is closed."""
