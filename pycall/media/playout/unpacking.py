"""From packets to sound, one packet at a time and not before its turn (NetEQ in small).

What is missing by then is taken out of the redundancy of the next packet, or else concealed by the
decoder; after 60 ms that fades, after 120 ms it is silence. In a pause of the sender's the decoder makes
its noise.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal, NamedTuple

import numpy as np

from pycall.codecs.opus import CodecError, SoundDecoder
from pycall.media.frames import Samples
from pycall.media.playout.packets import Held, Shelf
from pycall.media.playout.reel import PIECE, Reel

FADING: Final = 2_880
SILENT: Final = 5_760
"""Samples, 60 ms and 120 ms: what is concealed is at first as loud as it was, and then nothing."""

PAUSE: Final = 96_000
"""Samples, 2 s: a sender that pauses lets hear of it at least each 0.4 s; nothing for so long is a loss."""

GAPS: Final = 32
"""Gaps that are remembered after their turn."""


class _Gap(NamedTuple):
    """Timestamps at which something else was played."""

    start: int
    stop: int
    filled: Literal["concealed", "recovered"]


class Unpacker:
    """Fills a :class:`Reel` out of a :class:`Shelf`."""

    def __init__(self, decoder: SoundDecoder) -> None:
        self.shelf = Shelf()
        self.reel = Reel()
        self.concealed = 0
        """Samples that had to be made up: neither a packet nor redundancy was there in time."""
        self.recovered = 0
        """Samples out of the redundancy of the packet after them."""
        self.stood = SILENT
        """Samples made while no packet was there: so long the sender's time stands still here."""
        self.redundant = False
        """Whether the stream had redundancy when it was needed last."""
        self.captured: tuple[int, float] | None = None
        """A timestamp and when that sample was captured."""
        self._decoder = decoder
        self._sequence: int | None = None  # of what was decoded last
        self._missing = SILENT  # samples made up in a row
        self._missed = 0  # those that counted while no packet was there
        self._pause = False
        self._begun = False
        self._gaps: deque[_Gap] = deque(maxlen=GAPS)

    def restart(self, decoder: SoundDecoder, timestamp: int) -> None:
        """Another stream begins at ``timestamp``."""
        self._decoder = decoder
        decoder.reset()
        self.shelf.clear()
        self.reel.restart(timestamp)
        self.stood, self._missing, self._pause = SILENT, SILENT, False
        self._sequence, self.captured, self._missed = None, None, 0
        self._gaps.clear()

    @property
    def waiting(self) -> Held | None:
        """The next packet, if there is any."""
        return self.shelf.first(self.reel.end)

    @property
    def silent(self) -> bool:
        """Whether nothing of the stream is heard any more, nor the noise of its pause."""
        return self._missing >= SILENT and not self._pause

    def lacked(self, timestamp: int) -> Literal["", "concealed", "recovered"]:
        """What was played in place of the sample of ``timestamp``; nothing when it was there itself."""
        return next((gap.filled for gap in self._gaps if gap.start <= timestamp < gap.stop), "")

    def follows(self, packet: Held) -> bool:
        """Whether no packet was lost before ``packet``."""
        return self._sequence is not None and packet.sequence == self._sequence + 1

    def go(self, timestamp: int) -> None:
        """Leave out what is before ``timestamp``."""
        packet = self.waiting
        if packet is not None and packet.timestamp < timestamp:
            self._sequence = None
        self.reel.go(timestamp)

    def stand(self, count: int) -> None:
        """Make ``count`` samples while there is no packet, or while it is too early for one."""
        self._pause = self._pause and self.stood < PAUSE
        if self._begun and not self._pause:
            self.concealed += count
            self._missed += count
        self.reel.append(self._conceal(count), still=True)
        self.stood += count

    def resume(self, timestamp: int) -> None:
        """Go on from ``timestamp``: what was made while standing stands for what is missing until then."""
        packet, passed = self.waiting, timestamp - self.reel.end
        if packet is not None and passed > 0:
            if self._begun and self.follows(packet) and not self._pause:  # one the sender had not told of
                self.concealed -= min(self._missed, packet.timestamp - self.reel.end)
            elif packet.timestamp > self.reel.end:
                self._gaps.append(_Gap(self.reel.end, min(timestamp, packet.timestamp), "concealed"))
            if timestamp > packet.timestamp:
                self.go(timestamp)
            self.reel.end = max(self.reel.end, timestamp)
        self.stood, self._missed, self._begun = 0, 0, True

    def more(self) -> None:
        """Add what comes next; there must be a packet waiting."""
        packet = self.waiting
        assert packet is not None, "nothing waits"
        gap = packet.timestamp - self.reel.end
        if gap <= 0:
            self._decode(self.shelf.take())
        elif self.follows(packet):
            self.reel.append(self._conceal(min(PIECE, gap)))
        else:
            self._bridge(packet, gap)

    def prefetch(self, count: int) -> None:
        """Decode until ``count`` samples are ahead, as far as packets follow each other."""
        while self.reel.ahead < count:
            packet = self.waiting
            if packet is None or packet.timestamp > self.reel.end:
                return
            self._decode(self.shelf.take())

    def _bridge(self, packet: Held, gap: int) -> None:
        """Something was lost before ``packet``: recover what it knows of, conceal the rest."""
        if gap <= packet.length:
            recovered = self._decoder.recover(packet.payload, gap)
            self.redundant = recovered is not None
            if recovered is not None:
                self._gaps.append(_Gap(self.reel.end, packet.timestamp, "recovered"))
                self._append(recovered)
                self._pause = False
                self.recovered += gap
                return
        count = min(PIECE, gap if gap <= packet.length else gap - packet.length)
        self._gaps.append(_Gap(self.reel.end, self.reel.end + count, "concealed"))
        self.concealed += 0 if self._pause else count
        self.reel.append(self._conceal(count))

    def _decode(self, packet: Held) -> None:
        over = self.reel.end - packet.timestamp
        self._sequence = packet.sequence
        try:
            sound = self._decoder.decode(packet.payload)
        except CodecError:
            self.concealed += packet.length - over
            self.reel.append(self._conceal(packet.length - over))
            return
        if packet.captured_at is not None:
            self.captured = packet.timestamp, packet.captured_at
        if over:
            self.reel.cut()
        self._append(sound[over : packet.length])
        self._pause = packet.pause

    def _append(self, sound: Samples) -> None:
        """Add sound that came."""
        if self._missing > FADING and not self._pause:
            self.reel.cut()
        self._missing = 0
        self.reel.append(sound)

    def _conceal(self, count: int) -> Samples:
        before, self._missing = self._missing, min(self._missing + count, SILENT)
        if not self._pause and before >= SILENT:
            return np.zeros(count, np.int16)
        made = self._decoder.conceal(count)
        if self._pause or before + count <= FADING:
            return made
        at = np.arange(before, before + count)
        return np.rint(made * np.clip((SILENT - at) / (SILENT - FADING), 0.0, 1.0)).astype(np.int16)
