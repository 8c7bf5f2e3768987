"""What an Opus packet says of itself in its first bytes (RFC 6716 section 3)."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]
"""Mono samples, shape ``(n,)``, at 48 kHz."""

SAMPLE_RATE: Final = 48_000
LONGEST: Final = 5_760
"""Samples of the longest packet: 120 ms (RFC 6716 section 3.2.5)."""

_SILK: Final = (480, 960, 1_920, 2_880)
_HYBRID: Final = (480, 960)
_CELT: Final = (120, 240, 480, 960)


class CodecError(Exception):
    """What came is nothing that can be decoded; the decoder goes on as if it had been lost."""


def frame_samples(packet: bytes) -> int:
    """Samples of each frame in the packet, 2.5 to 60 ms; the packet must not be empty."""
    config = packet[0] >> 3
    if config < 12:
        return _SILK[config & 3]
    return _HYBRID[config & 1] if config < 16 else _CELT[config & 3]


def samples_in(packet: bytes) -> int:
    """How many samples per channel, at 48 kHz, the packet holds; 0 when it cannot be one."""
    if not packet:
        return 0
    match packet[0] & 3:
        case 0:
            frames = 1
        case 3:
            frames = packet[1] & 0x3F if len(packet) > 1 else 0
        case _:
            frames = 2
    count = frames * frame_samples(packet)
    return count if count <= LONGEST else 0
