"""Opus through av, where libopus itself cannot be called.

av gives no way to conceal, nor to use the redundancy of the next packet; what is missing is bridged by
repeating the voice. Nor can settings be changed: the encoder is opened anew, seldom.
"""

from __future__ import annotations

from typing import Final

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from pycall.codecs.packets import SAMPLE_RATE, CodecError, Samples, samples_in
from pycall.codecs.repetition import Repetition

KEPT: Final = 250
"""Packets, 5 s, for which an encoder is kept at least: opening it anew can be heard."""


class StockDecoder:
    """One stream, mixed down to one channel; not thread safe."""

    def __init__(self) -> None:
        self._codec = _decoder()
        self._repetition = Repetition()

    def decode(self, packet: bytes) -> Samples:
        """The sound in ``packet``; raises :class:`CodecError`."""
        if not samples_in(packet):  # an empty one would end av's decoder
            raise CodecError("No packet of Opus.")
        try:
            frames = self._codec.decode(av.Packet(packet))
        except av.FFmpegError as error:
            raise CodecError(f"av cannot decode it ({error.strerror}).") from error
        if not frames:
            raise CodecError("av gives nothing for it.")
        sound = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
        return self._repetition.heard(sound.astype(np.int16, copy=False))

    def recover(self, packet: bytes, count: int) -> Samples | None:
        """None: there is no way to ask av for it."""

    def conceal(self, count: int) -> Samples:
        """``count`` samples that go on from the last and fade within 60 ms."""
        return self._repetition.conceal(count)

    def reset(self) -> None:
        """Forget what was heard: another stream begins."""
        self._codec = _decoder()
        self._repetition = Repetition()


class StockEncoder:
    """One voice; a change of its settings waits until the encoder was used for 5 s."""

    def __init__(self, complexity: int) -> None:
        self._complexity = complexity
        self._bitrate = 0
        self._expected_loss = 0
        self._codec: AudioCodecContext | None = None
        self._stale = True
        self._packets = 0

    def set_bitrate(self, bitrate: int) -> None:
        """Bit/s, as soon as the encoder may be changed."""
        self._stale |= bitrate != self._bitrate
        self._bitrate = bitrate

    def set_expected_loss(self, percent: int) -> None:
        """Percent of packets that get lost; redundancy is put in when there are any."""
        self._stale |= percent != self._expected_loss
        self._expected_loss = percent

    def encode(self, samples: Samples) -> bytes:
        """The packet for 960 samples; raises :class:`CodecError`."""
        codec = self._codec
        if codec is None or (self._stale and self._packets >= KEPT):
            codec = self._codec = self._open()
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        self._packets += 1
        try:
            return b"".join(bytes(packet) for packet in codec.encode(frame))
        except (av.FFmpegError, ValueError) as error:
            raise CodecError(f"av cannot encode {len(samples)} samples.") from error

    def _open(self) -> AudioCodecContext:
        codec: AudioCodecContext = av.CodecContext.create("libopus", "w")
        codec.bit_rate = self._bitrate
        codec.format, codec.layout, codec.sample_rate = "s16", "mono", SAMPLE_RATE
        codec.options = {
            "application": "voip",
            "compression_level": str(self._complexity),
            "fec": str(int(self._expected_loss > 0)),
            "packet_loss": str(self._expected_loss),
        }
        self._stale, self._packets = False, 0
        return codec


def _decoder() -> AudioCodecContext:
    codec: AudioCodecContext = av.CodecContext.create("libopus", "r")
    codec.format, codec.layout, codec.sample_rate = "s16", "mono", SAMPLE_RATE
    return codec
