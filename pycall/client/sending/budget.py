"""Who gets how much of what the path takes: sound first, what has to be repaired, and pictures the rest."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from pycall.codecs.opus import TRANSPARENT

SOUND_MOST: Final = TRANSPARENT
SOUND_LEAST: Final = 30_000
"""Bit/s of Opus for one voice, from good to indistinguishable (RFC 7587 section 3.1.1). Below, libopus
puts no redundancy in while little is lost."""

SOUND_SHARE: Final = 0.08
"""Of the path, between these."""

SOUND_HEADERS: Final = 50 * 72 * 8
"""Bit/s: 50 packets a second with headers of IP, UDP, SRTP and its extensions."""

PICTURES_LEAST: Final = 30_000
"""Bit/s: less shows nothing."""

HEADERS_LEFT: Final = 0.93
"""Of what pictures get, without their headers."""

EXPECTED_LOSS_LEAST: Final = 3
EXPECTED_LOSS_MOST: Final = 25
"""Percent that the redundancy in sound is made for; the first loss comes without notice."""

REPAIRS_OVER_S: Final = 1.0
"""The time over which repairs are counted."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Bit/s for the encoders of sound and of pictures, and the loss in percent that sound is made for."""

    sound: int
    pictures: int
    expected_loss: int


class Budget:
    """Splits a rate; remembers what repairs took lately."""

    def __init__(self) -> None:
        self._repairs: deque[tuple[float, int]] = deque()
        self._repair_bytes = 0

    def repaired(self, size: int, now: float) -> None:
        """``size`` bytes left again."""
        self._repairs.append((now, size))
        self._repair_bytes += size
        self._forget(now)

    def repairs(self, now: float) -> int:
        """What repairs took in the last second, bit/s."""
        self._forget(now)
        return int(self._repair_bytes * 8 / REPAIRS_OVER_S)

    def split(self, target: int, loss: float, now: float) -> Shares:
        """The shares of ``target`` bit/s on a path that loses ``loss`` (0 to 1) of the packets."""
        sound = min(SOUND_MOST, max(SOUND_LEAST, int(target * SOUND_SHARE)))
        rest = target - sound - SOUND_HEADERS - self.repairs(now)
        return Shares(
            sound=sound,
            pictures=max(PICTURES_LEAST, int(rest * HEADERS_LEFT)),
            expected_loss=min(EXPECTED_LOSS_MOST, max(EXPECTED_LOSS_LEAST, math.ceil(loss * 100))),
        )

    def _forget(self, now: float) -> None:
        while self._repairs and now - self._repairs[0][0] > REPAIRS_OVER_S:
            self._repair_bytes -= self._repairs.popleft()[1]
