"""libopus by ctypes: what av's wrapper leaves out is concealment, redundancy and changing settings.

The numbers are those of ``opus_defines.h``. The states lie in memory of our own, so nothing has to be
freed; a call lets other threads run. A library is only used when a voice went through it and back.
"""

from __future__ import annotations

import ctypes
import functools
import logging
from typing import Final

import numpy as np

from pycall.codecs.library import load
from pycall.codecs.packets import LONGEST, SAMPLE_RATE, CodecError, Samples, frame_samples, samples_in

logger = logging.getLogger(__name__)

STEP: Final = 120
"""Samples, 2.5 ms: what is concealed comes in multiples of it."""

LARGEST: Final = 1_275
"""Bytes of a packet with one frame at most (RFC 6716 section 3.2.1)."""

LARGEST_STATE: Final = 1 << 20
"""Bytes that no coder of one channel needs."""

TRIED: Final = 960
"""Samples of a block that a library is tried with."""

VOIP: Final = 2_048
SET_BITRATE: Final = 4_002
SET_COMPLEXITY: Final = 4_010
SET_INBAND_FEC: Final = 4_012
SET_PACKET_LOSS_PERC: Final = 4_014
SET_SIGNAL: Final = 4_024
SIGNAL_VOICE: Final = 3_001
RESET_STATE: Final = 4_028

_Pcm = ctypes.POINTER(ctypes.c_int16)


@functools.cache
def libopus() -> ctypes.CDLL | None:
    """The libopus of av's wheel; ``None`` where there is none that works, which is logged once."""
    library = load("opus")
    if library is None:
        return None
    try:
        _try(library)
    except (AttributeError, CodecError) as error:
        logger.info("libopus cannot be called (%s); av's own way is used instead.", error)
        return None
    return library


def _try(library: ctypes.CDLL) -> None:
    """Raise :class:`CodecError` or :class:`AttributeError` unless what is called does what it should."""
    encoder, decoder = LibopusEncoder(library, 5), LibopusDecoder(library)
    encoder.set_bitrate(32_000)
    encoder.set_expected_loss(10)
    tone = (8_000 * np.sin(np.arange(TRIED) * (2 * np.pi * 220 / SAMPLE_RATE))).astype(np.int16)
    packets = [encoder.encode(tone) for _ in range(3)]
    heard = [decoder.decode(packets[0]), decoder.conceal(TRIED), decoder.decode(packets[2])]
    decoder.recover(packets[2], TRIED)
    decoder.reset()
    if [len(samples) for samples in heard] != [TRIED] * 3 or not heard[2].any():
        raise CodecError("a tone did not come back")


class LibopusDecoder:
    """One stream, mixed down to one channel; not thread safe."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._decode = library.opus_decode
        self._decode.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_int32,
            _Pcm,
            ctypes.c_int,
            ctypes.c_int,
        ]
        self._has_redundancy = getattr(library, "opus_packet_has_lbrr", None)  # since libopus 1.5
        if self._has_redundancy is not None:
            self._has_redundancy.argtypes = [ctypes.c_char_p, ctypes.c_int32]
        self._control = library.opus_decoder_ctl
        self._control.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self._state = _state(library.opus_decoder_get_size(1))
        self._sound: Samples = np.zeros(LONGEST, np.int16)
        self._pcm = self._sound.ctypes.data_as(_Pcm)
        _check(library.opus_decoder_init(self._state, SAMPLE_RATE, 1))

    def decode(self, packet: bytes) -> Samples:
        """The sound in ``packet``; raises :class:`CodecError`."""
        if not packet:
            raise CodecError("An empty packet.")
        return self._run(packet, LONGEST, redundancy=False)

    def recover(self, packet: bytes, count: int) -> Samples | None:
        """The ``count`` samples before ``packet``; ``None`` when it carries no redundancy for them."""
        if not samples_in(packet) or not 0 < count <= LONGEST:
            return None
        if self._has_redundancy is not None and self._has_redundancy(packet, len(packet)) != 1:
            return None
        room = max(frame_samples(packet), _whole(count))
        try:
            return self._run(packet, room, redundancy=True)[-count:]
        except CodecError:
            return None

    def conceal(self, count: int) -> Samples:
        """``count`` samples (at most 120 ms) that go on from the last: fading, or the noise of a pause."""
        return self._run(None, _whole(count), redundancy=False)[:count]

    def reset(self) -> None:
        """Forget what was heard: another stream begins."""
        _check(self._control(self._state, RESET_STATE))

    def _run(self, packet: bytes | None, room: int, *, redundancy: bool) -> Samples:
        size = len(packet) if packet is not None else 0
        made = self._decode(self._state, packet, size, self._pcm, room, redundancy)
        if made < 0:
            raise CodecError(f"libopus cannot decode it ({made}).")
        return self._sound[:made].copy()


class LibopusEncoder:
    """One voice; every setting can be changed between two packets."""

    def __init__(self, library: ctypes.CDLL, complexity: int) -> None:
        self._encode = library.opus_encode
        self._encode.argtypes = [
            ctypes.c_void_p,
            _Pcm,
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_int32,
        ]
        self._control = library.opus_encoder_ctl
        self._control.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self._state = _state(library.opus_encoder_get_size(1))
        self._packet = ctypes.create_string_buffer(LARGEST)
        _check(library.opus_encoder_init(self._state, SAMPLE_RATE, 1, VOIP))
        self._set(SET_COMPLEXITY, complexity)
        self._set(SET_SIGNAL, SIGNAL_VOICE)  # keeps it in the modes that have redundancy

    def set_bitrate(self, bitrate: int) -> None:
        """Bit/s from the next packet on."""
        self._set(SET_BITRATE, bitrate)

    def set_expected_loss(self, percent: int) -> None:
        """Percent of packets that get lost; redundancy is put in when there are any."""
        self._set(SET_INBAND_FEC, int(percent > 0))
        self._set(SET_PACKET_LOSS_PERC, percent)

    def encode(self, samples: Samples) -> bytes:
        """The packet for ``samples``, as many as an Opus frame may have; raises :class:`CodecError`."""
        pcm = np.ascontiguousarray(samples, np.int16).ctypes.data_as(_Pcm)
        size = self._encode(self._state, pcm, len(samples), self._packet, LARGEST)
        if size < 0:
            raise CodecError(f"libopus cannot encode {len(samples)} samples ({size}).")
        return self._packet.raw[:size]

    def _set(self, setting: int, value: int) -> None:
        _check(self._control(self._state, setting, ctypes.c_int32(value)))


def _state(size: int) -> ctypes.Array[ctypes.c_char]:
    """Memory for a coder, of so many bytes."""
    if not 0 < size <= LARGEST_STATE:
        raise CodecError(f"libopus wants {size} bytes.")
    return ctypes.create_string_buffer(size)


def _check(result: int) -> None:
    """Raise :class:`CodecError` unless ``result`` is that of a success (``OPUS_OK``)."""
    if result:
        raise CodecError(f"libopus refuses what it is asked for ({result}).")


def _whole(count: int) -> int:
    return -(-count // STEP) * STEP
