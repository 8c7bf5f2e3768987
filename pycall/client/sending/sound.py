"""Sound on its way out: encoded for what the path takes and loses, and never held back."""

from __future__ import annotations

import asyncio
import math
from typing import Final

import av
import numpy as np

from pycall.client.sending.budget import Shares
from pycall.client.sending.failures import ENCODING_ERRORS, Failures
from pycall.client.sending.line import Line, Stream
from pycall.client.sending.pacer import Priority
from pycall.codecs.opus import SoundEncoder
from pycall.codecs.packets import Samples

FULL_SCALE: Final = 32_767
SILENCE_DBOV: Final = -127


class SoundSender:
    """Sends blocks of one voice over ``line``."""

    def __init__(self, line: Line, stream: Stream) -> None:
        self._line, self._stream = line, stream
        stream.urgent = True
        self._encoder: SoundEncoder | None = None
        self._failures = Failures("sound")

    async def send(self, frame: av.AudioFrame, captured_at: float) -> None:
        """Send 960 mono samples stamped at 48 kHz; ``captured_at`` is monotonic seconds.

        Raises :class:`ConnectionError` when the connection is over.
        """
        begun = self._line.clock()
        samples = frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)
        loop = asyncio.get_running_loop()
        try:
            packet = await loop.run_in_executor(None, self._encode, samples, self._line.shares())
        except ENCODING_ERRORS as error:
            self._encoder = None  # the next block begins a new one
            self._failures.failed(error)
            return
        self._failures.worked()
        ready = self._line.clock()
        self._stream.stages.note("wait", begun - captured_at)
        self._stream.stages.note("encode", ready - begun)
        if packet and frame.pts is not None:
            level = loudness(samples)
            packets = self._stream.packets([packet], frame.pts, captured_at, ready, level)
            self._line.send(packets, Priority.SOUND)

    def _encode(self, samples: Samples, shares: Shares) -> bytes:
        encoder = self._encoder
        if encoder is None:
            encoder = self._encoder = SoundEncoder(stock=self._failures.stock)
        if encoder.bitrate != shares.sound:
            encoder.bitrate = shares.sound
        if encoder.expected_loss != shares.expected_loss:
            encoder.expected_loss = shares.expected_loss
        return encoder.encode(samples)


def loudness(samples: Samples) -> int:
    """The level of a block in dB relative to full scale (RFC 6465 appendix A), 0 to -127."""
    mean_square = float(np.mean(np.square(samples, dtype=np.float32)))
    if mean_square <= 0:
        return SILENCE_DBOV
    return max(SILENCE_DBOV, min(0, round(10 * math.log10(mean_square / FULL_SCALE**2))))
