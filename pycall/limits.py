"""How much one client, and one address, may ask of the server: section ``[limits]`` of the configuration.

None of it has a flag, there are too many: ``PYCALL_LIMITS_MESSAGE_BYTES`` in the environment is
``message_bytes`` under ``[limits]`` in a file. What is ``off`` there is ``None`` here: unlimited.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from pycall import checks
from pycall.checks import Raw
from pycall.core.outbox import MAX_BYTES
from pycall.errors import ConfigError
from pycall.keys import Key, described, keys

LEAST_MESSAGE_BYTES: Final = 1_024
"""Nobody can make ``message_bytes`` smaller."""


def _limit(default: Raw, check: Callable[[Raw], Any], help_text: str) -> Any:
    return described(default, check, help_text, "N", has_flag=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """Section ``[limits]``, sizes in bytes, times in seconds; the defaults are those of `pycall serve`."""

    section: ClassVar[str] = "limits"

    ping_interval_s: float = _limit(
        8, checks.time(0.1, 3600), "Between two pings; longer than ping_timeout_s."
    )
    ping_timeout_s: float = _limit(
        6,
        checks.time(0.1, 3600),
        "How long an answer to a ping may take: a vanished client is noticed within the sum of both.",
    )
    request_timeout_s: float | None = _limit(
        10, checks.time_or_off(0.1, 3600), "How long a TCP connection may stay open without a whole request."
    )
    connect_timeout_s: float | None = _limit(
        10, checks.time_or_off(0.1, 3600), "How long a websocket may stay open without a Socket.IO CONNECT."
    )
    join_timeout_s: float | None = _limit(
        10, checks.time_or_off(0.1, 3600), "How long one may stay open without ever having asked for a seat."
    )
    events_per_s: float | None = _limit(
        100,
        checks.rate_or_off(0.01, 10**6),
        "Websocket frames of one client a second, on average; event_burst at once.",
    )
    event_burst: int = _limit(
        300,
        checks.whole(1, 10**6),
        "Websocket frames of one client at once, after a quiet time; twice as many turn it out.",
    )
    message_bytes: int | None = _limit(
        65_536,
        checks.whole_or_off(LEAST_MESSAGE_BYTES, 2**30),
        "Largest packet with an event; a larger one is refused.",
    )
    frame_bytes: int | None = _limit(
        262_144,
        checks.whole_or_off(4_096, 2**30),
        "Largest websocket message that is read at all; a larger one ends the connection.",
    )
    json_depth: int = _limit(
        64,
        checks.whole(8, 256),
        "Deepest nesting of a packet's JSON, so that whoever receives it can parse it as well.",
    )
    strikes: int | None = _limit(
        3, checks.whole_or_off(1, 10**6), "Refused events after which the connection is closed."
    )
    queue_bytes: int | None = _limit(
        262_144,
        checks.whole_or_off(MAX_BYTES + LEAST_MESSAGE_BYTES, 2**30),
        f"Most that waits for one slow reader before it is cut off; message_bytes and {MAX_BYTES} at least.",
    )
    stall_s: float | None = _limit(
        5,
        checks.time_or_off(0.1, 3600),
        "Longest time one packet may wait for a slow reader before it is cut off.",
    )
    farewell_s: float = _limit(
        1, checks.time(0.1, 60), "How long a closing connection may take to be told so."
    )
    wrong_passwords: int | None = _limit(
        10,
        checks.whole_or_off(1, 10**6),
        "Wrong passwords from one address, or for one room, after which none is looked at for a while.",
    )
    wrong_passwords_s: float = _limit(
        900, checks.time(1, 86_400), "How long that while is, from the first of them on."
    )

    connections_per_address: int | None = _limit(
        20, checks.whole_or_off(1, 10**6), "Connections of one address at a time."
    )
    connects_per_s: float | None = _limit(
        5,
        checks.rate_or_off(0.01, 10**6),
        "New connections of one address a second, on average; connect_burst at once.",
    )
    connect_burst: int = _limit(
        40, checks.whole(1, 10**6), "New connections of one address at once, after a quiet time."
    )
    rooms_per_address: int | None = _limit(
        20,
        checks.whole_or_off(1, 10**6),
        "Rooms in which one address has seats, those held for who will be back included.",
    )
    misses_per_s: float | None = _limit(
        2,
        checks.rate_or_off(0.01, 10**6),
        "Requests of one address a second that lead nowhere, on average; miss_burst at once.",
    )
    miss_burst: int = _limit(
        60, checks.whole(1, 10**6), "Requests of one address at once that lead nowhere, after a quiet time."
    )

    def off(self) -> Limits:
        """The same without limits, for load tests; what keeps the protocol itself sound stays."""
        off: dict[str, Any] = {key.name: None for key in keys(Limits) if _can_be_off(key)}
        return replace(self, **off)

    def check(self) -> None:
        """Raise :class:`ConfigError` when two of them cannot be together."""
        if self.ping_timeout_s >= self.ping_interval_s:
            raise ConfigError(
                f"An answer to a ping may take {self.ping_timeout_s:g} s,"
                f" and the next ping leaves after {self.ping_interval_s:g} s.",
                "Make ping_timeout_s shorter than ping_interval_s.",
            )
        message, frame = self.message_bytes, self.frame_bytes
        if frame is not None and (message is None or message > frame):
            raise ConfigError(
                f"No websocket message of more than {frame} bytes is read, but larger events are allowed.",
                "Make frame_bytes larger than message_bytes, or switch it off too.",
            )
        queue = self.queue_bytes
        if queue is not None and (message is None or message + MAX_BYTES > queue):
            raise ConfigError(
                f"Who comes back may be sent {MAX_BYTES} bytes that were kept, and a message;"
                f" with {queue} bytes that wait, a reader is cut off.",
                f"Make queue_bytes larger than message_bytes by {MAX_BYTES} or more, or switch it off.",
            )


def _can_be_off(key: Key) -> bool:
    try:
        return key.check(checks.OFF) is None
    except checks.Unusable:
        return False
