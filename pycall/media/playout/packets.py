"""What the network brings of the far side's sound, in the order in which it is played."""

from __future__ import annotations

import bisect
from typing import Final, NamedTuple, Protocol

MOST: Final = 200
"""Packets kept at most: 500 ms of the shortest there are."""


class SoundPacket(Protocol):
    """An encoded packet of one sound stream, as it came."""

    @property
    def sequence(self) -> int:
        """Its place among the packets sent; counts on without wrapping around."""

    @property
    def timestamp(self) -> int:
        """Of its first sample, in samples at 48 kHz on the sender's clock; does not wrap around either."""

    @property
    def payload(self) -> bytes:
        """The encoded sound."""

    @property
    def arrival(self) -> float:
        """When it came, monotonic seconds."""

    @property
    def captured_at(self) -> float | None:
        """When its first sample was captured, on our monotonic clock; ``None`` while that is unknown."""

    @property
    def repaired(self) -> bool:
        """Whether it was lost first and came when it was asked for again."""


class Held(NamedTuple):
    """A packet that waits for its turn."""

    timestamp: int
    length: int
    """Samples in it."""
    sequence: int
    payload: bytes
    captured_at: float | None = None
    pause: bool = False
    """Whether the sender says with it that it sends nothing for a while (RFC 6716 section 2.1.9)."""

    @property
    def stop(self) -> int:
        """The timestamp after its last sample."""
        return self.timestamp + self.length


class Shelf:
    """The packets that wait, by timestamp; at most :data:`MOST`, the oldest goes first."""

    def __init__(self) -> None:
        self._packets: list[Held] = []

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: Held) -> bool:
        """Keep ``packet``; ``False`` when there is one of its timestamp already."""
        at = bisect.bisect_left(self._packets, packet.timestamp, key=lambda held: held.timestamp)
        if at < len(self._packets) and self._packets[at].timestamp == packet.timestamp:
            return False
        self._packets.insert(at, packet)
        del self._packets[:-MOST]
        return True

    def first(self, after: int) -> Held | None:
        """The first packet with samples after the timestamp ``after``; those before it are thrown away."""
        while self._packets and self._packets[0].stop <= after:
            del self._packets[0]
        return self._packets[0] if self._packets else None

    def take(self) -> Held:
        """The first packet; it is kept no longer."""
        return self._packets.pop(0)

    @property
    def stop(self) -> int | None:
        """The timestamp after the last packet; ``None`` when there is none."""
        return self._packets[-1].stop if self._packets else None

    def clear(self) -> None:
        """Throw all packets away."""
        self._packets.clear()
