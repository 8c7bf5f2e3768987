"""Transport-wide feedback on the wire: which packets of a transport arrived, and when.

The FCI of RTCP packets of type 205 and format 15, as in draft-holmer-rmcat-transport-wide-cc-extensions-01
section 3.1 and as libwebrtc has it: a base, one of three symbols for each packet from there on (in chunks:
a run of one symbol, 14 symbols of one bit or 7 of two), then for each that came the time since the one
before, in ticks of 250 us. Symbols: 0 did not come, 1 came within 255 ticks, 2 came later or earlier.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

FORMAT: Final = 15
"""The feedback message type in RTCP's transport layer feedback (RFC 4585 section 6.2)."""

TICKS_PER_S: Final = 4_000
TICKS_PER_REFERENCE: Final = 256
"""The reference time counts 64 ms."""

LONGEST_DELTA_S: Final = 0x7FFF / TICKS_PER_S
"""So far apart two arrivals in one message can be, either way: about 8 s."""

_HEAD: Final = struct.Struct("!HHI")
_CHUNK: Final = struct.Struct("!H")
_LARGE: Final = struct.Struct("!h")

_LONGEST_RUN: Final = 0x1FFF
_VECTOR: Final = 0x8000
_TWO_BITS: Final = 0x4000


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one message says of ``count`` packets from ``base`` on (16 bit numbers, consecutive modulo 2^16).

    ``arrivals`` has those that came, by number, with the seconds since ``reference``, which counts 64 ms of
    the receiver's clock in 24 bits; ``number`` counts the messages in 8 bits.
    """

    base: int
    count: int
    reference: int
    number: int
    arrivals: tuple[tuple[int, float], ...]

    def encode(self) -> bytes:
        """The FCI, padded to 32 bits with zeros.

        Raises :class:`ValueError` where something does not fit: two arrivals further apart than
        :data:`LONGEST_DELTA_S`, one out of order or outside ``count``.
        """
        if not 0 < self.count <= 0xFFFF:
            raise ValueError(f"a message about {self.count} packets")
        symbols = bytearray(self.count)
        deltas = bytearray()
        ticks, at = 0, -1
        for sequence, seconds in self.arrivals:
            before, at = at, (sequence - self.base) & 0xFFFF
            delta = round(seconds * TICKS_PER_S) - ticks
            if not before < at < self.count or not -0x8000 <= delta <= 0x7FFF:
                raise ValueError(f"packet {sequence} after {seconds} s does not fit")
            ticks += delta
            if 0 <= delta <= 0xFF:
                symbols[at] = 1
                deltas.append(delta)
            else:
                symbols[at] = 2
                deltas += _LARGE.pack(delta)
        head = _HEAD.pack(self.base, self.count, (self.reference & 0xFFFFFF) << 8 | self.number & 0xFF)
        body = head + b"".join(map(_CHUNK.pack, _chunks(bytes(symbols)))) + deltas
        return body + bytes(-len(body) % 4)


def parse(fci: bytes) -> Feedback:
    """Read an FCI; what follows the last time is padding.

    Raises :class:`ValueError` on anything malformed. The work is bounded by the length, and by 2^16.
    """
    if len(fci) < _HEAD.size:
        raise ValueError(f"{len(fci)} bytes are no feedback")
    base, count, rest = _HEAD.unpack_from(fci)
    if not count:
        raise ValueError("feedback about no packet")
    came, at = _symbols(fci, count)
    arrivals = []
    ticks = 0
    try:
        for offset, symbol in came:
            if symbol == 1:
                ticks += fci[at]
                at += 1
            elif symbol == 2:
                ticks += _LARGE.unpack_from(fci, at)[0]
                at += 2
            else:
                raise ValueError("a reserved symbol")
            arrivals.append(((base + offset) & 0xFFFF, ticks / TICKS_PER_S))
    except (IndexError, struct.error) as exc:
        raise ValueError("fewer times than packets that came") from exc
    return Feedback(base, count, rest >> 8, rest & 0xFF, tuple(arrivals))


def _symbols(fci: bytes, count: int) -> tuple[list[tuple[int, int]], int]:
    """The packets that came as (offset, symbol), and where their times begin."""
    came: list[tuple[int, int]] = []
    at, offset = _HEAD.size, 0
    while offset < count:
        if at + 2 > len(fci):
            raise ValueError("fewer chunks than packets")
        (chunk,) = _CHUNK.unpack_from(fci, at)
        at += 2
        if not chunk & _VECTOR:
            length, symbol = min(chunk & _LONGEST_RUN, count - offset), chunk >> 13
            if symbol:
                if length > len(fci):  # each takes a byte at least: do not even list them
                    raise ValueError("a run longer than the message")
                came += [(offset + each, symbol) for each in range(length)]
            offset += length
            continue
        bits, mask = (2, 3) if chunk & _TWO_BITS else (1, 1)
        for shift in range(14 - bits, -1, -bits):
            if (symbol := chunk >> shift & mask) and offset < count:
                came.append((offset, symbol))
            offset += 1
    return came, at


def _chunks(symbols: bytes) -> Iterator[int]:
    """The chunks for these symbols, in few: a run where one is longer than a vector, else a vector."""
    at = 0
    while at < len(symbols):
        symbol = symbols[at]
        rest = symbols[at : at + _LONGEST_RUN]
        run = len(rest) - len(rest.lstrip(rest[:1]))
        one_bit = 2 not in rest[:14]
        if run == len(rest) or run >= (14 if one_bit else 7):
            yield symbol << 13 | run
            at += run
            continue
        bits, length = (1, 14) if one_bit else (2, 7)
        chunk = 0
        for each in rest[:length].ljust(length, b"\0"):
            chunk = chunk << bits | each
        yield _VECTOR | (0 if one_bit else _TWO_BITS) | chunk
        at += length
