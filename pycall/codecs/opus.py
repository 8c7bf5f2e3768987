"""Opus (RFC 6716) for one voice: mono, 48 kHz, 20 ms, with in-band redundancy where packets get lost.

The redundancy is a coarse copy of each packet's speech in the packet after it (section 2.1.7).
"""

from __future__ import annotations

from typing import Final, Protocol

from pycall.codecs.libopus import LibopusDecoder, LibopusEncoder, libopus
from pycall.codecs.opus_stock import StockDecoder, StockEncoder
from pycall.codecs.packets import CodecError, Samples, samples_in

__all__ = ["BLOCK", "CodecError", "SoundDecoder", "SoundEncoder", "open_decoder", "samples_in"]

BLOCK: Final = 960
"""Samples of a packet we send: 20 ms."""

BITRATES: Final = (6_000, 510_000)
"""Bit/s that Opus can be set to (section 2.1.1)."""

TRANSPARENT: Final = 40_000
"""Bit/s from which on nobody hears a difference in one voice; where an encoder begins."""

COMPLEXITY: Final = 8
"""Of 0 to 10; 0.2 ms of a core for each packet, and what is beyond cannot be heard any more."""


class SoundDecoder(Protocol):
    """One received stream, decoded packet by packet in their order; not thread safe."""

    def decode(self, packet: bytes) -> Samples:
        """The sound in ``packet``; raises :class:`CodecError`."""
        ...

    def recover(self, packet: bytes, count: int) -> Samples | None:
        """The ``count`` samples just before ``packet`` out of its redundancy; ``None`` without any.

        To be called instead of decoding the packet before it, which was lost; ``packet`` itself is
        decoded after that.
        """
        ...

    def conceal(self, count: int) -> Samples:
        """``count`` samples in place of what is lost, or of what was not sent in a pause."""
        ...

    def reset(self) -> None:
        """Forget what was heard: another stream begins."""
        ...


def open_decoder() -> SoundDecoder:
    """A decoder; one without redundancy where libopus cannot be called."""
    library = libopus()
    return LibopusDecoder(library) if library is not None else StockDecoder()


class SoundEncoder:
    """Encodes one voice. Settings may be changed at any time, from the thread that encodes.

    It is av's own if ``stock``, and where libopus cannot be called.
    """

    def __init__(self, *, stock: bool = False) -> None:
        library = None if stock else libopus()
        self._codec = LibopusEncoder(library, COMPLEXITY) if library is not None else StockEncoder(COMPLEXITY)
        self.bitrate = TRANSPARENT
        self.expected_loss = 0

    @property
    def bitrate(self) -> int:
        """Bit/s aimed at; what is beyond what Opus can be set to is brought within."""
        return self._bitrate

    @bitrate.setter
    def bitrate(self, bitrate: int) -> None:
        lowest, highest = BITRATES
        self._bitrate = min(max(bitrate, lowest), highest)
        self._codec.set_bitrate(self._bitrate)

    @property
    def expected_loss(self) -> int:
        """Percent of the packets that get lost; above 0 each carries a copy of the one before it.

        Below 30 kbit/s libopus keeps the full band instead, up to 5 percent; above, the voice gets duller.
        """
        return self._expected_loss

    @expected_loss.setter
    def expected_loss(self, percent: int) -> None:
        self._expected_loss = min(max(percent, 0), 100)
        self._codec.set_expected_loss(self._expected_loss)

    def encode(self, samples: Samples) -> bytes:
        """The packet for 960 samples; raises :class:`CodecError` for any other number."""
        if len(samples) != BLOCK:
            raise CodecError(f"{len(samples)} samples instead of {BLOCK}.")
        return self._codec.encode(samples)
