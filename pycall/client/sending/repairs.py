"""What was sent, for those who miss it (RFC 4585 section 6.2.1), and how often they get it.

A repair is the very packet again, byte for byte: what differs would have to be encrypted with a counter that
was used already. Whoever asks for everything at once, again and again, gets only a share of the rate: a path
that drops what it cannot carry is not helped by more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

KEPT_S: Final = 1.0
"""How long a packet can be repaired: after that the other end has given it up."""

KEPT: Final = 1_000
"""Packets, at most: fewer than SRTP's window of repeated packets holds (1,024)."""

AGAIN_AFTER_S: Final = 0.02
"""A packet is not repaired twice within this, nor within a round trip."""

DOUBLE_AT_LOSS: Final = 0.03
"""From this loss on a repair leaves twice: waiting for a lost one costs another round trip."""

SHARE: Final = 0.35
"""Of the rate that the repairs of all streams may have."""

SHARE_OVER_S: Final = 0.5
"""The time over which that share may be used up at once."""

AT_ONCE_LEAST: Final = 4_000
"""Bytes that may be repaired at once however low the rate is, but not more often for that."""


@dataclass(slots=True)
class SentPacket:
    """A packet as it left, before encryption; ``number`` is its transport-wide sequence number."""

    sequence: int
    data: bytes
    number: int | None
    sent_at: float
    repaired_at: float = float("-inf")


class Allowance:
    """What the repairs of all streams of a line may take: a token bucket of bytes, full at first."""

    def __init__(self) -> None:
        self._bytes = float("inf")
        self._grew_at = 0.0

    def grow(self, rate: int, now: float) -> None:
        """What was not used of the share of ``rate`` bit/s, that all may have, may be used now."""
        share = SHARE * rate / 8
        most = max(share * SHARE_OVER_S, AT_ONCE_LEAST)
        self._bytes = min(most, self._bytes + share * (now - self._grew_at))
        self._grew_at = now

    def take(self, size: int, *, times: int) -> bool:
        """Whether ``size`` bytes may leave again, so many times."""
        if self._bytes < size:
            return False
        self._bytes -= size * times
        return True


class SentPackets:
    """The packets one stream sent lately."""

    def __init__(self) -> None:
        self._packets: dict[int, SentPacket] = {}
        self._order: deque[SentPacket] = deque()

    def __len__(self) -> int:
        return len(self._order)

    def sent(self, packet: SentPacket) -> None:
        """Keep what left, in the order of leaving."""
        while self._order and (len(self._order) >= KEPT or packet.sent_at - self._order[0].sent_at > KEPT_S):
            old = self._order.popleft()
            if self._packets.get(old.sequence) is old:
                del self._packets[old.sequence]
        self._order.append(packet)
        self._packets[packet.sequence] = packet

    def repair(
        self, asked: Iterable[int], now: float, allowance: Allowance, *, loss: float, rtt_s: float
    ) -> list[tuple[SentPacket, bool]]:
        """What to send again of ``asked`` (RTP sequence numbers), and whether it leaves twice.

        It is taken from ``allowance``; ``loss`` is 0 to 1.
        """
        patience = max(AGAIN_AFTER_S, rtt_s)
        double = loss >= DOUBLE_AT_LOSS
        repairs = []
        for sequence in asked:
            packet = self._packets.get(sequence)
            if packet is None or now - packet.sent_at > KEPT_S or now - packet.repaired_at < patience:
                continue
            if not allowance.take(len(packet.data), times=1 + double):
                break
            packet.repaired_at = now
            repairs.append((packet, double))
        return repairs
