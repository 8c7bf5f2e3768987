"""Putting received RTP packets back in order, without holding anything back that could go on.

What is in order leaves at once; a hole is given a moment and then given up. Sequence numbers are
the 16 bit ones of RTP (RFC 3550 section 5.1) and are unwrapped here. No I/O, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

FAR: Final = 3_000
"""A sequence number this far off is a new stream, not reordering."""

SOUND_PATIENCE: Final = 3
"""Later packets that may wait for a missing one; 60 ms of sound."""

PICTURE_PATIENCE_S: Final = 0.2
"""How long pictures wait for a missing packet, by default; enough for a repair on most paths."""

ASK_KEY_S: Final = 0.3
"""How often a key picture is asked for while one is wanted."""

MAX_WAITING: Final = 1_024
"""Packets kept of pictures; more is a stream that will not be repaired in time."""

MAX_MISSING: Final = 64
"""Packets asked for at once."""


_STAP_A: Final = 24
_FU_A: Final = 28
_PARAMETER_SET: Final = 7
"""Kinds of NAL units (RFC 6184 section 5.2, ITU-T H.264 table 7-1)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One received packet; what follows the payload is of pictures only."""

    sequence: int
    timestamp: int
    payload: bytes
    first: bool = False
    """Whether a picture begins with it."""
    last: bool = False
    """Whether a picture ends with it."""
    key: bool = False
    """Whether it begins a picture that needs no earlier one."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A complete encoded frame."""

    timestamp: int
    data: bytes


class Order(Protocol):
    """What both kinds have in common; ``now`` is monotonic seconds."""

    def push(self, packet: Packet) -> None:
        """Take a packet; a duplicate or one that came too late is dropped."""

    def pop(self, now: float) -> Encoded | None:
        """The next frame to decode; ``None`` when none is due."""

    def missing(self) -> list[int]:
        """Sequence numbers (16 bit) still worth asking for again."""

    def wants_key(self, now: float) -> bool:
        """Whether to ask the sender for a key picture now."""

    def restart(self) -> None:
        """Frames were dropped behind this; begin afresh."""


class _Sequence:
    """Unwraps 16 bit sequence numbers to integers that only grow with the stream."""

    def __init__(self) -> None:
        self._newest: int | None = None

    def unwrap(self, sequence: int) -> int:
        if self._newest is None:
            self._newest = sequence + (1 << 16)  # room below for what was reordered at the start
            return self._newest
        number = self._newest + ((sequence - self._newest + 0x8000) & 0xFFFF) - 0x8000
        self._newest = max(self._newest, number)
        return number


class SoundOrder:
    """Sound in order: one lost packet costs that packet, and nothing waits behind it for long."""

    def __init__(self, patience: int = SOUND_PATIENCE) -> None:
        self._patience = patience
        self.restart()

    def restart(self) -> None:
        """Go on with the next packet, whatever its number."""
        self._sequence = _Sequence()
        self._waiting: dict[int, Packet] = {}
        self._next: int | None = None

    def push(self, packet: Packet) -> None:
        """Take a packet; a duplicate or one that came too late is dropped."""
        number = self._sequence.unwrap(packet.sequence)
        if self._next is None:
            self._next = number
        elif abs(number - self._next) > FAR:
            self.restart()
            number = self._next = self._sequence.unwrap(packet.sequence)
        if number >= self._next:
            self._waiting[number] = packet

    def pop(self, now: float) -> Encoded | None:  # noqa: ARG002  sound waits by packets, not by time
        """The next packet to decode; ``None`` when none is due."""
        while self._next is not None and self._waiting:
            if self._next not in self._waiting:
                if len(self._waiting) < self._patience:
                    return None
                self._next = min(self._waiting)
            packet = self._waiting.pop(self._next)
            self._next += 1
            if packet.payload:
                return Encoded(packet.timestamp, packet.payload)
        return None

    def missing(self) -> list[int]:
        """Nothing: sound is not repaired."""
        return []

    def wants_key(self, now: float) -> bool:  # noqa: ARG002
        """Never: every packet of sound stands for itself."""
        return False


class PictureOrder:
    """Whole pictures in order.

    A picture leaves with its last packet (the marker bit), not with the first of the next one.
    After a hole that was not repaired in time nothing leaves until a key picture: a picture
    predicted from a missing one is a smear. :meth:`wants_key` says when to ask for one.
    """

    def __init__(self) -> None:
        self.patience_s = PICTURE_PATIENCE_S
        self.restart()

    def restart(self) -> None:
        """Forget everything; begin with the next key picture."""
        self._sequence = _Sequence()
        self._waiting: dict[int, Packet] = {}
        self._newest: int | None = None
        self._next: int | None = None
        self._late_below = 0
        self._gap = 0
        self._hole: tuple[int, float] | None = None
        self._asked_at: float | None = None

    def push(self, packet: Packet) -> None:
        """Take a packet; a duplicate or one that came too late is dropped."""
        number = self._sequence.unwrap(packet.sequence)
        new_stream = self._newest is not None and abs(number - self._newest) > FAR
        if new_stream or len(self._waiting) >= MAX_WAITING:
            self.restart()
            number = self._sequence.unwrap(packet.sequence)
        if number < (self._late_below if self._next is None else self._next):
            return
        self._waiting[number] = packet
        self._newest = number if self._newest is None else max(self._newest, number)
        if self._hole is not None and self._hole[0] == number:
            self._hole = None

    def pop(self, now: float) -> Encoded | None:
        """The next complete picture to decode; ``None`` when none is due."""
        while self._next is not None or self._find_key():
            assert self._next is not None
            end = self._scan(self._next)
            if end is not None:
                picture = self._take(self._next, end)
                if picture.data:  # without, it was padding by which a sender probes the path
                    return picture
            elif not self._give_up_hole(now):
                return None
        return None

    def wants_key(self, now: float) -> bool:
        """Whether to ask the sender for a key picture now; says so at most each :data:`ASK_KEY_S`."""
        if self._next is not None or (self._asked_at is not None and now - self._asked_at < ASK_KEY_S):
            return False
        self._asked_at = now
        return True

    def missing(self) -> list[int]:
        """Sequence numbers (16 bit) still worth asking for again."""
        if self._next is None or self._newest is None:
            return []
        gaps = (n for n in range(self._next, self._newest) if n not in self._waiting)
        return [n & 0xFFFF for n, _ in zip(gaps, range(MAX_MISSING), strict=False)]

    def _scan(self, start: int) -> int | None:
        """One past the last packet of the picture at ``start``; ``None`` while it is incomplete."""
        number = start
        while (packet := self._waiting.get(number)) is not None:
            if number > start and packet.timestamp != self._waiting[start].timestamp:
                return number  # a sender that sets no marker bit
            number += 1
            if packet.last:
                return number
        self._gap = number
        return None

    def _take(self, start: int, end: int) -> Encoded:
        packets = [self._waiting.pop(number) for number in range(start, end)]
        self._next = end
        return Encoded(packets[0].timestamp, b"".join(packet.payload for packet in packets))

    def _give_up_hole(self, now: float) -> bool:
        """Whether a hole was skipped, so that it is worth looking on."""
        if self._newest is None or self._gap > self._newest:
            self._hole = None
            return False
        if self._hole is None or self._hole[0] != self._gap:
            self._hole = (self._gap, now)
        key_waits = any(p.key for n, p in self._waiting.items() if n > self._gap)
        if not key_waits and now - self._hole[1] < self.patience_s:
            return False
        for number in [n for n in self._waiting if n < self._gap]:
            del self._waiting[number]
        self._late_below, self._next, self._hole = self._gap, None, None
        return True

    def _find_key(self) -> bool:
        start = min((n for n, packet in self._waiting.items() if packet.key), default=None)
        if start is None:
            for number in sorted(self._waiting)[: -MAX_WAITING // 4]:
                del self._waiting[number]
            return False
        for number in [n for n in self._waiting if n < start]:
            del self._waiting[number]
        self._next, self._asked_at = start, None
        return True


def vp8_packet(sequence: int, timestamp: int, payload: bytes, data: bytes, *, last: bool) -> Packet:
    """A packet of VP8: ``payload`` has the descriptor of RFC 7741 section 4.2, ``data`` is the rest."""
    first = bool(payload) and payload[0] & 0x17 == 0x10  # S set, partition 0
    key = first and bool(data) and data[0] & 1 == 0  # RFC 7741 section 4.3: P is 0
    return Packet(sequence, timestamp, data, first, last, key)


def h264_packet(sequence: int, timestamp: int, payload: bytes, data: bytes, *, last: bool) -> Packet:
    """A packet of H.264: ``payload`` as in RFC 6184 section 5.2, ``data`` is the byte stream in it.

    A key picture begins with a sequence parameter set; browsers send it with each.
    """
    kinds = payload[:1]
    if kinds and kinds[0] & 0x1F == _STAP_A:
        kinds = payload[3:4]
    elif kinds and kinds[0] & 0x1F == _FU_A:
        kinds = payload[1:2] if payload[1:2] >= b"\x80" else b""  # the first fragment says what it is
    key = bool(kinds) and kinds[0] & 0x1F == _PARAMETER_SET
    return Packet(sequence, timestamp, data, last=last, key=key)


READERS: Final = {"VP8": vp8_packet, "H264": h264_packet}
"""What reads the packets of each encoding."""
