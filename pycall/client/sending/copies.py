"""Copies of pictures' packets that leave unasked in a stream beside theirs (RFC 4588), for browsers.

A browser that had to ask for packets of three pictures holds all pictures a round trip longer from then on,
to have repairs in time. With each packet there twice it hardly ever has to ask. Losses in runs take both, so
that with twice as many packets there would be more to ask for. Copies take only what the rate leaves unused.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from pycall.client.sending.packets import PacketWriter

COPIED_AT_LOSS: Final = 0.005
COPIED_FOR_S: Final = 10.0
"""From this loss on pictures leave twice, and for so long after."""

SCATTERED: Final = 3.0
"""Losses that are more clustered than this are runs: a run of two packets has 3, of four 7."""

HELD_S: Final = 0.05
"""Meanwhile a browser is asked to hold pictures for no longer than this before it shows them, but for their
sound: those few that come later for being repaired are shown when they come."""

SHARE: Final = 0.85
"""Of the rate, what everything may take together with copies: the rest shows that the path takes more."""

SHARE_OVER_S: Final = 0.25
"""The time over which that is counted."""

_NUMBER: Final = struct.Struct("!H")
_TIMESTAMP: Final = struct.Struct("!I")
_TIMESTAMP_AT: Final = 4


@dataclass(slots=True)
class CopyStream:
    """The stream of the copies of another; ``sequence`` is the number of the next."""

    writer: PacketWriter
    sequence: int

    def write(self, original: bytes | bytearray, sequence: int, octets: int) -> bytearray:
        """A copy, not yet stamped, of the packet with this number, ``octets`` of which are payload."""
        (timestamp,) = _TIMESTAMP.unpack_from(original, _TIMESTAMP_AT)
        payload = _NUMBER.pack(sequence) + original[len(original) - octets :]
        copy = self.writer.write(payload, self.sequence, timestamp, marker=bool(original[1] >> 7))
        self.sequence = (self.sequence + 1) & 0xFFFF
        return copy


class Copies:
    """Whether pictures leave twice; ``now`` is monotonic seconds, sizes are bytes."""

    def __init__(self) -> None:
        self.wanted = False
        """Whether pictures leave twice as far as that fits in."""
        self._lost_at = float("-inf")
        self._spare = 0.0
        self._grew_at = 0.0

    def lost(self, loss: float, clustering: float, now: float) -> None:
        """Take the share that is lost, 0..1, and how clustered what is lost is."""
        if loss >= COPIED_AT_LOSS:
            self._lost_at = now
        self.wanted = clustering <= SCATTERED and now - self._lost_at < COPIED_FOR_S

    def grow(self, rate: int, now: float) -> None:
        """So much may leave, bit/s, of which what was not used may be used by copies."""
        share = SHARE * rate / 8
        most = share * SHARE_OVER_S
        self._spare = max(-most, min(most, self._spare + share * (now - self._grew_at)))
        self._grew_at = now

    def left(self, size: int) -> None:
        """A packet of ``size`` bytes left, whichever."""
        self._spare -= size

    def fit(self, size: int) -> bool:
        """Whether a picture of ``size`` bytes leaves twice."""
        return self.wanted and self._spare >= 2 * size
