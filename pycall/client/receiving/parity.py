"""Packets that come out of the parity of others: ULPFEC (RFC 5109), which browsers send beside pictures.

A packet of parity is the exclusive or of those that its mask names. When one of them is missing and the
others are there, it is what is left of the parity without them; nothing has to be asked for.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from typing import Final

KEPT: Final = 192
"""Packets, and numbers back from the newest: a mask spans 48."""

MOST_PARITIES: Final = 48

LONGEST: Final = 2_048
"""Bytes of a packet behind its fixed header; no path takes more."""

_HEADER: Final = 12
"""Bytes of RTP's fixed header (RFC 3550 section 5.1); parity is of what follows it."""

_HEAD: Final = struct.Struct("!BBHIH")
_LEVEL: Final = struct.Struct("!H")
_RTP: Final = struct.Struct("!BBHII")


@dataclass(slots=True)
class _Parity:
    """One packet of parity: the fields of RFC 5109 section 7.3, and whom its level 0 protects."""

    flags: int
    marker_and_type: int
    timestamp: int
    length: int
    protected: list[int]
    size: int
    parity: int


class ParityPackets:
    """The packets of one stream and their parities; numbers are unwrapped, and packets as protected."""

    def __init__(self) -> None:
        self._packets: dict[int, bytes] = {}
        self._parities: deque[_Parity] = deque(maxlen=MOST_PARITIES)
        self._newest = -1

    def received(self, number: int, packet: bytes) -> None:
        """A packet came, or came out of :meth:`recover`."""
        self._packets[number] = packet
        self._newest = max(self._newest, number)
        while len(self._packets) > KEPT:
            del self._packets[next(iter(self._packets))]

    def parity(self, number: int, payload: bytes) -> None:
        """A packet of parity came, as ``number``; what is malformed is passed over."""
        self._newest = max(self._newest, number)
        parity = _parsed(number, payload)
        if parity is not None:
            self._parities.append(parity)

    def recover(self, ssrc: int) -> list[tuple[int, bytes]]:
        """What can be made up for now, and is counted as received: numbers, and packets from ``ssrc``."""
        recovered = []
        progress = True
        while progress:
            progress = False
            for parity in list(self._parities):
                missing = [number for number in parity.protected if number not in self._packets]
                if len(missing) > 1 and min(parity.protected) > self._newest - KEPT:
                    continue
                self._parities.remove(parity)
                packet = self._without_others(parity, missing[0], ssrc) if len(missing) == 1 else None
                if packet is not None:
                    self.received(missing[0], packet)
                    recovered.append((missing[0], packet))
                    progress = True
        return recovered

    def _without_others(self, parity: _Parity, number: int, ssrc: int) -> bytes | None:
        flags, kind, timestamp = parity.flags, parity.marker_and_type, parity.timestamp
        length, content = parity.length, parity.parity
        for other in parity.protected:
            if other == number:
                continue
            packet = self._packets[other]
            first, second, _, stamp, _ = _RTP.unpack_from(packet)
            flags, kind, timestamp = flags ^ first, kind ^ second, timestamp ^ stamp
            length ^= len(packet) - _HEADER
            part = packet[_HEADER : _HEADER + parity.size].ljust(parity.size, b"\0")
            content ^= int.from_bytes(part)
        if not 0 < length <= parity.size:  # a part is left out, or it is none of ours
            return None
        head = _RTP.pack(0x80 | flags & 0x3F, kind, number & 0xFFFF, timestamp, ssrc)
        return head + content.to_bytes(parity.size)[:length]


def _parsed(number: int, payload: bytes) -> _Parity | None:
    """A payload of RFC 5109 section 7; ``number`` is its own, unwrapped."""
    if len(payload) < _HEAD.size + 4:
        return None
    flags, kind, base, timestamp, length = _HEAD.unpack_from(payload)
    width = 6 if flags & 0x40 else 2
    at = _HEAD.size + _LEVEL.size + width
    (size,) = _LEVEL.unpack_from(payload, _HEAD.size)
    content = payload[at : at + size]
    if len(content) < size or not 0 < size <= LONGEST:
        return None
    mask = int.from_bytes(payload[at - width : at])
    first = number + ((base - number + 0x8000) & 0xFFFF) - 0x8000
    protected = [first + each for each in range(8 * width) if mask >> (8 * width - 1 - each) & 1]
    if not protected or first < 0:
        return None
    return _Parity(flags, kind, timestamp, length, protected, size, int.from_bytes(content))
