"""Sound that was decoded elsewhere, played by the same rules as packets."""

from __future__ import annotations

import numpy as np

from pycall.codecs.repetition import Repetition
from pycall.media.frames import Samples


class PlainDecoder:
    """Takes samples for packets (:class:`~pycall.codecs.opus.SoundDecoder`); conceals by repeating."""

    def __init__(self) -> None:
        self._repetition = Repetition()

    def decode(self, packet: bytes) -> Samples:
        """The samples that are in ``packet``: 16 bit, in this machine's order."""
        return self._repetition.heard(np.frombuffer(packet, np.int16))

    def recover(self, packet: bytes, count: int) -> Samples | None:
        """None: there is no redundancy in samples."""

    def conceal(self, count: int) -> Samples:
        """``count`` samples that go on from the last and fade within 60 ms."""
        return self._repetition.conceal(count)

    def reset(self) -> None:
        """Forget what was heard: another stream begins."""
        self._repetition = Repetition()
