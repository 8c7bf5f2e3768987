"""libvpx through ctypes: an encoder of VP8 whose bit rate changes while it runs, which av cannot ask for.

The structures are those of ``vpx_encoder.h``, ``vpx_codec.h`` and ``vpx_image.h`` from libvpx 1.14 to 1.16. A
library is only used when its version is one of these, the numbers of its interface agree (it checks them
itself) and its defaults read back through the structures are the known ones. ctypes lets go of the
interpreter's lock during each call.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import re
import threading
import weakref
from collections.abc import Mapping, Sequence
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_long, c_size_t, c_uint, c_ulong, c_void_p
from typing import Any, ClassVar, Final, TypeAlias

import av

from pycall.codecs.library import load
from pycall.errors import MediaError

logger = logging.getLogger(__name__)

Fields: TypeAlias = Sequence[tuple[str, Any]]

INTERFACES: Final = {(1, 14): 34, (1, 15): 36, (1, 16): 39}
"""``VPX_ENCODER_ABI_VERSION`` of the releases whose structures are the ones here."""

CBR: Final = 1
REALTIME: Final = 1
KF_DISABLED: Final = 0

CPU_USED, NOISE_SENSITIVITY, STATIC_THRESHOLD, TOKEN_PARTITIONS, MAX_INTRA_PERCENT = 13, 15, 17, 18, 26
"""What :class:`VpxEncoder` takes as controls (``enum vp8e_enc_control_id``)."""

_LAST_QUANTIZER: Final = 20
_FORCE_KEY: Final = 1
_I420: Final = 0x102
_FRAME: Final = 0
_SPARE: Final = 0xA5A5A5A5


class _Rational(ctypes.Structure):
    _fields_: ClassVar[Fields] = [("num", c_int), ("den", c_int)]


class _Buffer(ctypes.Structure):
    _fields_: ClassVar[Fields] = [("data", c_void_p), ("size", c_size_t)]


class Config(ctypes.Structure):
    """``vpx_codec_enc_cfg_t``; times in ms, ``target_bitrate`` in kbit/s."""

    _fields_: ClassVar[Fields] = [
        ("usage", c_uint),
        ("threads", c_uint),
        ("profile", c_uint),
        ("width", c_uint),
        ("height", c_uint),
        ("bit_depth", c_int),
        ("input_bit_depth", c_uint),
        ("timebase", _Rational),
        ("error_resilient", c_uint),
        ("passes", c_int),
        ("lag_in_frames", c_uint),
        ("dropframe_thresh", c_uint),
        ("resize", c_uint * 5),
        ("end_usage", c_int),
        ("twopass_stats", _Buffer),
        ("firstpass_stats", _Buffer),
        ("target_bitrate", c_uint),
        ("min_quantizer", c_uint),
        ("max_quantizer", c_uint),
        ("undershoot_pct", c_uint),
        ("overshoot_pct", c_uint),
        ("buf_sz", c_uint),
        ("buf_initial_sz", c_uint),
        ("buf_optimal_sz", c_uint),
        ("twopass", c_uint * 4),
        ("kf_mode", c_int),
        ("kf_min_dist", c_uint),
        ("kf_max_dist", c_uint),
        ("spatial_layers", c_uint * 11),
        ("temporal_layers", c_uint),
        ("layers", c_uint * 40),
        ("use_vizier", c_int),
        ("vizier", _Rational * 15),
        ("spare", c_uint * 64),  # a larger structure than known would be written into this
    ]


class _Context(ctypes.Structure):
    """``vpx_codec_ctx_t``."""

    _fields_: ClassVar[Fields] = [
        ("name", c_char_p),
        ("interface", c_void_p),
        ("error", c_int),
        ("detail", c_char_p),
        ("flags", c_long),
        ("config", c_void_p),
        ("private", c_void_p),
    ]


class _Image(ctypes.Structure):
    """``vpx_image_t``."""

    _fields_: ClassVar[Fields] = [
        ("format", c_int),
        ("colours", c_int),
        ("range", c_int),
        ("width", c_uint),
        ("height", c_uint),
        ("bit_depth", c_uint),
        ("shown_width", c_uint),
        ("shown_height", c_uint),
        ("rendered_width", c_uint),
        ("rendered_height", c_uint),
        ("chroma_shift_x", c_uint),
        ("chroma_shift_y", c_uint),
        ("planes", c_void_p * 4),
        ("strides", c_int * 4),
        ("bits_per_sample", c_int),
        ("user", c_void_p),
        ("data", c_void_p),
        ("data_owner", c_int),
        ("self_allocated", c_int),
        ("frame_buffer", c_void_p),
    ]


class _Packet(ctypes.Structure):
    """The beginning of ``vpx_codec_cx_pkt_t``; its memory is the library's."""

    _fields_: ClassVar[Fields] = [("kind", c_int), ("data", c_void_p), ("size", c_size_t)]


_FUNCTIONS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "vpx_codec_version_str": (c_char_p, []),
    "vpx_codec_err_to_string": (c_char_p, [c_int]),
    "vpx_codec_vp8_cx": (c_void_p, []),
    "vpx_codec_enc_config_default": (c_int, [c_void_p, POINTER(Config), c_uint]),
    "vpx_codec_enc_init_ver": (c_int, [POINTER(_Context), c_void_p, POINTER(Config), c_long, c_int]),
    "vpx_codec_enc_config_set": (c_int, [POINTER(_Context), POINTER(Config)]),
    "vpx_codec_control_": (c_int, [POINTER(_Context), c_int]),  # and one int: the rest is variadic
    "vpx_codec_encode": (c_int, [POINTER(_Context), POINTER(_Image), c_int64, c_ulong, c_long, c_ulong]),
    "vpx_codec_get_cx_data": (POINTER(_Packet), [POINTER(_Context), POINTER(c_void_p)]),
    "vpx_codec_destroy": (c_int, [POINTER(_Context)]),
}


class Library:
    """libvpx with what it takes and gives declared; raises :class:`.MediaError` when it is unknown."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.functions: dict[str, Any] = {}
        try:
            for name, (gives, takes) in _FUNCTIONS.items():
                function = self.functions[name] = library[name]
                function.restype, function.argtypes = gives, takes
        except AttributeError as error:
            raise MediaError(f"libvpx has another interface: {error}") from error
        version = self.functions["vpx_codec_version_str"]().decode(errors="replace")
        numbers = re.match(r"v(\d+)\.(\d+)\.", version)
        interface = INTERFACES.get((int(numbers[1]), int(numbers[2]))) if numbers else None
        if interface is None:
            raise MediaError(f"libvpx is of the unknown release {version}")
        self.interface = interface
        self._check(self.default_config())

    def default_config(self) -> Config:
        """What the library begins from, of 320x240 pixels."""
        config = Config(spare=(c_uint * 64)(*[_SPARE] * 64))
        coder = self.functions["vpx_codec_vp8_cx"]()
        self.check(self.functions["vpx_codec_enc_config_default"](coder, byref(config), 0))
        return config

    def check(self, result: int) -> None:
        """Raise :class:`.MediaError` unless ``result`` is that of a success."""
        if result:
            said = self.functions["vpx_codec_err_to_string"](result).decode(errors="replace")
            raise MediaError(f"libvpx: {said}")

    @staticmethod
    def _check(config: Config) -> None:
        known = (
            (config.width, config.height, config.bit_depth, config.timebase.den) == (320, 240, 8, 30)
            and (config.target_bitrate, config.buf_sz, config.kf_max_dist) == (256, 6000, 128)
            and (config.temporal_layers, config.use_vizier) == (1, 0)
            and all(factor.den == 1 for factor in config.vizier)
            and all(number == _SPARE for number in config.spare)
        )
        if not known:
            raise MediaError("libvpx has other structures than its release should have")


@functools.cache
def libvpx() -> Library | None:
    """The libvpx of av's wheel; ``None`` where there is none that is known, which is logged once."""
    found = load("vpx")
    if found is None:
        return None
    try:
        library = Library(found)
        VpxEncoder(library, library.default_config(), {}).close()  # it compares the numbers of its interface
    except MediaError as error:
        logger.info("%s; av's own way of calling it is used instead.", error.message)
        return None
    return library


class VpxEncoder:
    """One VP8 encoder; ``config`` may be changed while it runs, and holds from :meth:`configure` on.

    Each method may be called from any thread, one waits for the other. Raises :class:`.MediaError`.
    """

    def __init__(self, library: Library, config: Config, controls: Mapping[int, int]) -> None:
        self.config = config
        self._library = library
        self._call = library.functions
        self._lock = threading.Lock()
        self._context = context = _Context()
        self._image = _image(config.width, config.height)
        coder = self._call["vpx_codec_vp8_cx"]()
        opened = self._call["vpx_codec_enc_init_ver"](
            byref(context), coder, byref(config), 0, library.interface
        )
        library.check(opened)
        self._destroy = weakref.finalize(self, self._call["vpx_codec_destroy"], byref(context))
        self._destroy.atexit = False  # a thread may still be encoding then
        for control, value in controls.items():
            self.control(control, value)

    def control(self, control: int, value: int) -> None:
        """Set one of the controls above, from the next picture on."""
        with self._lock:
            self._open()
            self._library.check(self._call["vpx_codec_control_"](self._context, control, c_int(value)))

    def quantizer(self) -> int:
        """What the last picture was quantized by, 0 (finest) to 63."""
        quantizer = c_int()
        with self._lock:
            self._open()
            control = self._call["vpx_codec_control_"]
            self._library.check(control(self._context, _LAST_QUANTIZER, byref(quantizer)))
        return quantizer.value

    def configure(self) -> None:
        """Have ``config`` hold from the next picture on, without a key picture."""
        with self._lock:
            self._open()
            self._library.check(self._call["vpx_codec_enc_config_set"](self._context, byref(self.config)))

    def encode(self, frame: av.VideoFrame, pts: int, duration: int, *, key: bool) -> bytes:
        """The encoded picture, empty when it was left out to keep to the bit rate; times in the time base.

        ``frame`` is yuv420p of the configured size, else :class:`ValueError`; its memory is read where it is.
        """
        if (frame.width, frame.height, frame.format.name) != (
            self._image.width,
            self._image.height,
            "yuv420p",
        ):
            raise ValueError(f"a picture of another size or format: {frame}")
        with self._lock:
            self._open()
            image = self._image
            for number, plane in enumerate(frame.planes):
                image.planes[number], image.strides[number] = plane.buffer_ptr, plane.line_size
            flags = _FORCE_KEY if key else 0
            self._library.check(
                self._call["vpx_codec_encode"](self._context, image, pts, duration, flags, REALTIME)
            )
            return self._packets()

    def close(self) -> None:
        """Free the encoder; a second time does nothing."""
        with self._lock:
            self._destroy()

    def _open(self) -> None:
        if not self._destroy.alive:
            raise MediaError("The encoder is closed.")

    def _packets(self) -> bytes:
        parts, place = [], c_void_p()
        while packet := self._call["vpx_codec_get_cx_data"](self._context, byref(place)):
            if packet.contents.kind == _FRAME:
                parts.append(ctypes.string_at(packet.contents.data, packet.contents.size))
        return b"".join(parts)


def _image(width: int, height: int) -> _Image:
    return _Image(
        format=_I420,
        width=width,
        height=height,
        bit_depth=8,
        shown_width=width,
        shown_height=height,
        chroma_shift_x=1,
        chroma_shift_y=1,
        bits_per_sample=12,
    )
