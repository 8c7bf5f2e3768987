"""Pictures on their way out: as many, as large and as sharp as the path and the processor can."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final

import av

from pycall.client.sending.failures import ENCODING_ERRORS, Failures
from pycall.client.sending.ladder import Ladder, Rung, max_bitrate
from pycall.client.sending.line import Leaving, Line, Stream
from pycall.client.sending.pacer import Priority
from pycall.client.sending.scaling import Scaler
from pycall.codecs.pictures import Codec, PictureEncoder, open_picture_encoder

KEY_EVERY_S: Final = 0.3
"""Between two key pictures that were asked for, at least; and a round trip."""

SETTING_EVERY_S: Final = 0.15
"""How often the encoder's bit rate is set."""

MUCH_LESS: Final = 0.85
"""A bit rate that fell to this part of what is set is not waited with: each picture too large is a queue."""

COLLAPSED: Final = 0.5
"""When it fell to this part, pictures that wait in the size of before would only arrive old."""

PAUSE_S: Final = 1.0
"""So long between two pictures, and twice as long as there should be, is no slow source but a pause."""

LATELY: Final = 0.1
"""The weight of the newest picture in what is known of the last ones."""


class FrameRate:
    """How many pictures come a second, ``fps`` as far as is known, and which are left out to send fewer."""

    def __init__(self, fps: float) -> None:
        self._interval_s = 1 / fps
        self._pause_s = max(PAUSE_S, 2 / fps)
        self._last: float | None = None
        self._next = float("-inf")

    @property
    def fps(self) -> float:
        """Pictures a second that come."""
        return 1 / self._interval_s

    def came(self, captured_at: float) -> None:
        """A picture came; those of a source that paused say nothing."""
        if self._last is not None and 0 < captured_at - self._last < self._pause_s:
            self._interval_s += LATELY * (captured_at - self._last - self._interval_s)
        self._last = captured_at

    def wants(self, captured_at: float, fps: float) -> bool:
        """Whether this one is sent, so that ``fps`` a second are."""
        interval_s = 1 / fps
        if captured_at < self._next - 0.4 * interval_s:
            return False
        self._next = max(self._next, captured_at - interval_s) + interval_s
        return True


class PictureSender:
    """Sends pictures over ``line``; ``packetize`` makes payloads of an encoded one.

    ``fps`` is how many a second are meant to come; what does come is measured.
    """

    def __init__(
        self,
        line: Line,
        stream: Stream,
        codec: Codec,
        packetize: Callable[[bytes], list[bytes]],
        fps: float,
    ) -> None:
        self._line, self._stream = line, stream
        self._codec: Codec = codec
        self._packetize = packetize
        self._fps = fps
        self._rate = FrameRate(fps)
        self._ladder: tuple[tuple[int, int], Ladder] | None = None
        self._scaler = Scaler()
        self._encoder: PictureEncoder | None = None
        self._encoding = threading.Lock()
        self._closed = False
        self._failures = Failures("pictures")
        self._encode_s = 0.0
        self._bitrate = 0
        self._key_wanted = self._unheard = False
        self._key: Leaving | None = None  # the last packet of the last key picture
        self._set_at = float("-inf")

    def ask_key(self, now: float) -> None:
        """The other end cannot go on without a key picture (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1).

        Not answered while one waits or is on its way: who still misses it asks again.
        """
        if self._key is not None:
            left_at = self._key.left_at
            if left_at is None or now - left_at < max(KEY_EVERY_S, self._line.rtt_s or 0.0):
                return
        self._key_wanted = True

    async def send(self, frame: av.VideoFrame, captured_at: float) -> None:
        """Send a yuv420p picture stamped at 90 kHz, or leave it out; ``captured_at`` is monotonic seconds.

        Returns when it is encoded. Raises :class:`ConnectionError` when the connection is over.
        """
        self._rate.came(captured_at)
        begun = self._line.clock()
        self._watch(begun)
        bitrate = self._line.shares().pictures
        rung = self._rung(frame, bitrate, begun)
        if bitrate < self._bitrate * COLLAPSED and not self._unheard and self._line.drop_pictures():
            self._key_wanted = True
        if self._line.full:
            self._line.skipped += 1
            return
        if not self._rate.wants(captured_at, rung.fps):
            return
        pts = frame.pts or 0  # encoding changes it
        key, self._key_wanted = self._key_wanted, False
        loop = asyncio.get_running_loop()
        try:
            data, is_key = await loop.run_in_executor(None, self._encode, frame, rung, bitrate, key)
        except ENCODING_ERRORS as error:
            self._failures.failed(error)
            return
        self._failures.worked()
        ready = self._line.clock()
        self._encode_s += LATELY * (ready - begun - self._encode_s)
        self._stream.stages.note("wait", begun - captured_at)
        self._stream.stages.note("encode", ready - begun)
        packets = self._stream.packets(self._packetize(data), pts, captured_at, ready) if data else []
        sent = self._line.send(packets, Priority.PICTURE)
        if is_key and sent and packets:  # which also answers who asked meanwhile
            self._key, self._key_wanted = packets[-1], False
        elif is_key or not sent:
            self._key_wanted = True

    def close(self) -> None:
        """Free the encoder as soon as it is not at work any more, and have none begin."""
        asyncio.get_running_loop().run_in_executor(None, self._free)

    def _watch(self, now: float) -> None:
        """Begin with a key picture when the path is back: what was sent meanwhile is gone."""
        unheard, self._unheard = self._unheard, self._line.silent
        if unheard and not self._unheard:
            self.ask_key(now)

    def _rung(self, frame: av.VideoFrame, bitrate: int, now: float) -> Rung:
        size = frame.width, frame.height
        if self._ladder is None or self._ladder[0] != size:
            self._ladder = size, Ladder(*size, self._fps)
        ladder = self._ladder[1]
        if self._unheard:  # a path that is cut is no narrow one
            return ladder.rung
        return ladder.step(bitrate, self._encode_s, now, self._rate.fps)

    def _encode(self, frame: av.VideoFrame, rung: Rung, bitrate: int, key: bool) -> tuple[bytes, bool]:
        """The encoded picture, and whether it is a key picture; in another thread.

        An encoder that fails is not used again: the next one begins with a key picture.
        """
        with self._encoding:
            if self._closed:
                return b"", False
            try:
                encoder, is_new = self._fitting(rung, bitrate)
                scaled = self._scaler.scale(frame, rung.width, rung.height)
                return encoder.encode(scaled, key=key or is_new), key or is_new
            except ENCODING_ERRORS:
                self._drop_encoder()
                raise

    def _fitting(self, rung: Rung, bitrate: int) -> tuple[PictureEncoder, bool]:
        """An encoder set for this, and whether it is a new one."""
        now, fps = self._line.clock(), min(rung.fps, self._rate.fps)
        bitrate = min(bitrate, max_bitrate(rung.width, rung.height, fps))
        encoder = self._encoder
        if encoder is None or (encoder.width, encoder.height) != (rung.width, rung.height):
            self._drop_encoder()
            self._set_at, self._bitrate = now, bitrate
            encoder = self._encoder = open_picture_encoder(
                self._codec, rung.width, rung.height, bitrate, fps, stock=self._failures.stock
            )
            return encoder, True
        if now - self._set_at >= SETTING_EVERY_S or bitrate < self._bitrate * MUCH_LESS:
            self._set_at, self._bitrate = now, bitrate
            encoder.set_bitrate(bitrate)
            encoder.set_frame_rate(fps)
        return encoder, False

    def _drop_encoder(self) -> None:
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            encoder.close()

    def _free(self) -> None:
        with self._encoding:
            self._closed = True
            self._drop_encoder()
