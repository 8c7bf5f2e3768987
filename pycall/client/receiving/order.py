"""Whole pictures in order, and what to do about a hole in them.

A picture leaves with its last packet (the marker bit), not with the first of the next one. Behind a hole
nothing leaves: a picture predicted from a missing one is a smear. A hole ends with its repair or with a
complete key picture behind it, whichever comes first; when repairing takes too long, or cannot help, a key
picture is asked for. No I/O, no clock: ``now`` is monotonic seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from pycall.client.receiving.packets import Packet

SHORTEST_PATIENCE_S: Final = 0.15
LONGEST_PATIENCE_S: Final = 0.6
ROUND_TRIPS: Final = 3.5
"""A hole may be repaired for so many round trips, within these bounds, before a key picture is asked for."""

GIVE_UP_S: Final = 1.0
"""When what waits behind a hole is dropped: a repair that late would only show the past."""

HOPELESS: Final = 100
"""More packets in a row are not repaired: a key picture takes fewer."""

SILENCE_S: Final = 0.4
CUT: Final = 8
"""After so long without a packet, more packets than these are not repaired either: the way was cut."""

ASK_KEY_S: Final = 0.2
"""How often a key picture is asked for at most; on a longer path, once per round trip."""

OVERTAKING_S: Final = 0.03
"""How long at the beginning the first key picture may be late before it is asked for."""

MOST_WAITING: Final = 1_024
"""Packets kept; more is a stream that will not be repaired in time."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A complete encoded picture."""

    timestamp: int
    """At 90 kHz, unwrapped."""
    data: bytes
    first: float
    """When the first of its packets came, monotonic seconds."""


class PictureOrder:
    """Takes packets in any order, and gives whole pictures."""

    def __init__(self) -> None:
        self.rtt_s = 0.1
        """The round trip to the sender; to be kept up to date."""
        self.useful_from = 0
        """Packets numbered below are of no use any more."""
        self._wanted_at = math.inf
        self._asked_at = -math.inf
        self._heard_at = -math.inf
        self._newest = -1
        self._parameters = False
        self._picture: int | None = None
        self._forget()

    def _forget(self) -> None:
        self._waiting: dict[int, Packet] = {}
        self._first_key: int | None = None
        self._whole_key: int | None = None
        self._next: int | None = None
        self._gap = 0
        self._gap_since: float | None = None

    def restart(self, now: float) -> None:
        """Drop everything and go on with a key picture that is yet to come; it is asked for."""
        self._restart(self._newest + 1, now)

    def _restart(self, useful_from: int, now: float) -> None:
        self._forget()
        self.useful_from = useful_from
        self._want(now)

    def push(self, packet: Packet) -> None:
        """Take a packet; a duplicate or one that is of no use is dropped."""
        number, now = packet.number, packet.arrival
        silent_s = now - self._heard_at
        self._heard_at = now
        if self._newest < 0:
            self._want(now + OVERTAKING_S)
        elif number - self._newest > (CUT if silent_s > SILENCE_S else HOPELESS):
            self._restart(number, now)
        elif len(self._waiting) >= MOST_WAITING or self._given_up(now):
            self.restart(now)
        self._newest = max(self._newest, number)
        if number >= self.useful_from:
            self._waiting[number] = packet
            self._note(number)
            self._note(number + 1)  # which may have begun a picture without saying so

    def pop(self, now: float) -> Encoded | None:
        """The next picture to decode; ``None`` when none is due."""
        while self._next is not None or self._begin():
            assert self._next is not None
            self._pass_over(self._next)
            end = self._end(self._next)
            if end is not None:
                picture = self._take(self._next, end)
                if picture.data:  # without, it was padding by which a sender probes the path
                    return picture
            elif not self._leave_hole(now):
                return None
        return None

    def wants_key(self, now: float) -> bool:
        """Whether to ask the sender for a key picture now; says so again and again until one comes."""
        due_at = max(self._wanted_at, self._asked_at + max(ASK_KEY_S, self.rtt_s))
        if now < due_at or now - self._heard_at > SILENCE_S:
            return False
        self._asked_at = now
        return True

    def waits(self, now: float) -> bool:
        """Whether time alone may change what is wanted; not while nothing comes."""
        waiting = self._gap_since is not None or self._wanted_at < math.inf
        return waiting and now - self._heard_at <= SILENCE_S

    @property
    def patience_s(self) -> float:
        """How long a hole may be repaired before a key picture is asked for."""
        return min(LONGEST_PATIENCE_S, max(SHORTEST_PATIENCE_S, ROUND_TRIPS * self.rtt_s))

    def _want(self, at: float) -> None:
        self._wanted_at = min(self._wanted_at, at)

    def _begin(self) -> bool:
        """Begin with the earliest key picture of which anything is there."""
        if self._first_key is None:
            return False
        self._go_to(self._first_key)
        self._wanted_at = math.inf
        return True

    def _note(self, number: int) -> None:
        """Note where the packet's picture begins, if it needs no other, and whether it is all there.

        Each packet that comes costs at most one look at each of its picture's.
        """
        waiting = self._waiting
        packet = waiting.get(number)
        end = number + 1
        while packet is not None and not packet.last:
            following = waiting.get(end)
            if following is None or following.timestamp != packet.timestamp:
                break
            packet, end = following, end + 1
        whole = packet is not None and (packet.last or end in waiting)
        if packet is None or not (whole or self._next is None):
            return
        start = number
        while (before := waiting.get(start - 1)) is not None and _same(before, packet):
            start -= 1
        if self._needs_no_other(start, end):
            if self._first_key is None or start < self._first_key:
                self._first_key = start
            if whole and (self._whole_key is None or start > self._whole_key):
                self._whole_key = start

    def _needs_no_other(self, start: int, end: int) -> bool:
        """Whether the picture of these packets can be decoded after the last one that was."""
        packets = [self._waiting[number] for number in range(start, end)]
        if any(packet.key for packet in packets):
            return True
        told_before = self._parameters and (start == self._next or start - 1 in self._waiting)
        return told_before and any(packet.intra for packet in packets)

    def _go_to(self, number: int) -> None:
        """What is numbered below has left or is dropped."""
        for each in [each for each in self._waiting if each < number]:
            del self._waiting[each]
        self._next = self._gap = self.useful_from = number
        self._gap_since = None

    def _end(self, start: int) -> int | None:
        """One past the last packet of the picture at ``start``; if it is incomplete ``None``, and the gap."""
        number = max(start, self._gap)
        while (packet := self._waiting.get(number)) is not None:
            if number > start and packet.timestamp != self._waiting[start].timestamp:
                return number  # a sender that sets no marker bit
            number += 1
            if packet.last:
                return number
        if number != self._gap:
            self._gap, self._gap_since = number, None
        return None

    def _pass_over(self, start: int) -> None:
        """Miss nothing between two pictures that follow each other: that was parity, sent only once."""
        first = self._waiting.get(start)
        if self._picture is None or (first is not None and first.data):
            return
        number = min((number for number, packet in self._waiting.items() if packet.data), default=None)
        if number is None:
            return
        picture = self._waiting[number].picture
        if picture is not None and (picture - self._picture) % 128 == 1:
            self._go_to(number)

    def _take(self, start: int, end: int) -> Encoded:
        packets = [self._waiting.pop(number) for number in range(start, end)]
        if packets[0].data:
            self._picture = packets[0].picture
        self._parameters = self._parameters or any(packet.key for packet in packets)
        self._next = self._gap = self.useful_from = end
        self._gap_since = None
        self._wanted_at = math.inf
        data = b"".join(packet.data for packet in packets)
        return Encoded(packets[0].timestamp, data, min(packet.arrival for packet in packets))

    def _leave_hole(self, now: float) -> bool:
        """Whether the hole at the gap was left behind, so that it is worth looking on."""
        if self._gap > self._newest:
            return False
        if self._whole_key is not None and self._whole_key > self._gap:
            self._go_to(self._whole_key)
            return True
        if self._gap_since is None:
            self._gap_since = min(
                (packet.arrival for number, packet in self._waiting.items() if number > self._gap),
                default=now,
            )
        if self._given_up(now):
            self.restart(now)
        elif now - self._gap_since >= self.patience_s:
            self._want(now)
        return False

    def _given_up(self, now: float) -> bool:
        """Whether what waits behind the hole, if there is one, is to be dropped."""
        return self._gap_since is not None and now - self._gap_since >= GIVE_UP_S


def _same(before: Packet, packet: Packet) -> bool:
    """Whether both are of one picture, given that they follow each other."""
    return before.timestamp == packet.timestamp and not before.last
