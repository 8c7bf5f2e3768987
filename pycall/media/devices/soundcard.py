"""The one door to miniaudio: which sound devices there are, and streams from them.

The library loads PulseAudio (which PipeWire speaks too) or ALSA when it runs; where neither is there it
offers a device of its own that is silent, which here counts as none. Where the library itself is missing (it
has no Linux aarch64 wheel) there are no devices either, and callers turn to `av`'s ALSA.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pycall.errors import DeviceFailed
from pycall.media.devices.alsa import prepare_alsa
from pycall.media.frames import SAMPLE_RATE, Samples

try:
    import miniaudio
except ImportError:
    miniaudio = None

Direction = Literal["microphone", "speaker"]

AVAILABLE: Final = miniaudio is not None
"""Whether the library is installed."""

CAPTURE_MS: Final = 10
"""How much sound a microphone hands over at a time."""

PERIOD_MS: Final = 20
PERIODS: Final = 2
"""A speaker's buffer: what it asks for at a time, and how many of these. miniaudio's own is 200 ms."""

_BACKENDS: Final = ("PULSEAUDIO", "ALSA", "COREAUDIO", "WASAPI", "DSOUND", "WINMM")
"""The real ones, in the order of preference. JACK is left out: asking for it may start a server."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A microphone or speaker as the sound system names it."""

    name: str
    id: str
    default: bool
    monitor: bool
    """A microphone that hears what a speaker plays; never the default."""
    handle: Any
    """miniaudio's own id."""


def endpoints(direction: Direction) -> tuple[Endpoint, ...]:
    """What the sound system offers right now, real devices before monitors; empty where there is none."""
    if not AVAILABLE:
        return ()
    prepare_alsa()
    try:
        devices = miniaudio.Devices(_backends())
    except miniaudio.MiniaudioError:
        return ()
    infos, count = miniaudio.ffi.new("ma_device_info**"), miniaudio.ffi.new("ma_uint32*")
    none = miniaudio.ffi.NULL
    asked = (infos, count, none, none) if direction == "speaker" else (none, none, infos, count)
    # Devices.get_captures() would open each device, fail altogether where one is busy, and hide the default.
    if miniaudio.lib.ma_context_get_devices(devices._context, *asked) != miniaudio.lib.MA_SUCCESS:  # noqa: SLF001
        return ()
    found = [_endpoint(infos[0][number], devices.backend) for number in range(count[0])]
    if devices.backend == "ALSA":
        found = [each for each in found if ":" in each.id or each.id == "default"]  # the rest are plugins
    return tuple(sorted(found, key=lambda each: each.monitor))


def default_of(found: Sequence[Endpoint]) -> Endpoint | None:
    """What ``default`` means: the system's choice, else the first that is no monitor."""
    for endpoint in found:
        if endpoint.default:
            return endpoint
    return next((endpoint for endpoint in found if not endpoint.monitor), None)


class CaptureStream:
    """Sound of a microphone: mono, 48 kHz, int16, in pieces of about 10 ms.

    ``deliver`` gets each piece as bytes, in a thread of the sound system, and must not raise. Raises
    :class:`DeviceFailed` where the device does not open. Nobody says so when the device dies: the pieces
    just stop. Only an ``endpoint`` that was just listed may be given: when a device is gone, miniaudio's
    attempt to open it leaves a connection to the sound server behind.
    """

    def __init__(self, endpoint: Endpoint | None, deliver: Callable[[bytes], None]) -> None:
        prepare_alsa()
        self._device = _running(
            miniaudio.CaptureDevice,
            _pieces(deliver),
            nchannels=1,
            sample_rate=SAMPLE_RATE,
            buffersize_msec=CAPTURE_MS,
            device_id=_handle(endpoint, "microphone"),
        )

    def close(self) -> None:
        """Stop and release the device; after it nothing is delivered any more."""
        _release(self._device)


class PlaybackStream:
    """Sound to a speaker: mono, 48 kHz, int16.

    ``take`` is asked for what is played next, about 20 ms at a time, in a thread of the sound system, and
    must not raise. The rest is as for :class:`CaptureStream`.
    """

    latency_s = PERIOD_MS * (PERIODS - 1) / 1000
    """Seconds from taking a sample to its coming out, as far as this side knows."""

    def __init__(self, endpoint: Endpoint | None, take: Callable[[int], Samples]) -> None:
        prepare_alsa()
        self._device = _running(
            miniaudio.PlaybackDevice,
            _sound(take),
            nchannels=1,
            sample_rate=SAMPLE_RATE,
            buffersize_msec=PERIOD_MS,
            callback_periods=PERIODS,
            device_id=_handle(endpoint, "speaker"),
        )

    def close(self) -> None:
        """Stop and release the device; after it nothing is taken any more."""
        _release(self._device)


def _handle(endpoint: Endpoint | None, direction: Direction) -> Any:
    """The library's own id; ``None`` is the default, which it must not be asked for where there is none."""
    if endpoint is not None:
        return endpoint.handle
    if not endpoints(direction):
        raise DeviceFailed(f"There is no {direction}.")
    return None


def _running(kind: Any, generator: Generator[Any, Any, None], **settings: Any) -> Any:
    """A device of ``kind`` that was opened and started with ``generator``; raises :class:`DeviceFailed`."""
    device = kind.__new__(kind)
    try:
        device.__init__(miniaudio.SampleFormat.SIGNED16, backends=_backends(), app_name="pycall", **settings)
        next(generator)
        device.start(generator)
    except miniaudio.MiniaudioError as error:
        _release(device)  # also a device that did not open holds a connection
        raise DeviceFailed(f"The sound system refuses it: {_reason(error)}.") from error
    return device


def _release(device: Any) -> None:
    """Close a miniaudio device for good.

    Its ``close()`` keeps the connection to the sound server open, five file descriptors each time, so
    the context is released here.
    """
    context = vars(device).pop("_context", None)
    device.close()
    if context is not None:
        miniaudio.lib.ma_context_uninit(context)


def _backends() -> list[Any]:
    enabled = miniaudio.get_enabled_backends()
    return [backend for name in _BACKENDS if (backend := miniaudio.Backend[name]) in enabled]


def _endpoint(info: Any, backend: str) -> Endpoint:
    name = miniaudio.ffi.string(info.name).decode(errors="replace").partition("\n")[0]
    handle = miniaudio.ffi.new("ma_device_id *", info.id)
    identity = _identity(bytes(miniaudio.ffi.buffer(handle)), backend)
    monitor = backend == "PulseAudio" and identity.endswith(".monitor")
    return Endpoint(name, identity, bool(info.isDefault) and not monitor, monitor, handle)


def _identity(raw: bytes, backend: str) -> str:
    """The library's id as text: what it holds depends on the sound system (``ma_device_id``, miniaudio.h)."""
    if backend == "WASAPI":
        return raw.decode("utf-16-le", errors="replace").partition("\0")[0]
    if backend in {"DirectSound", "WinMM"}:  # a GUID, a number
        return raw[:16].hex()
    return raw.partition(b"\0")[0].decode(errors="replace")


def _pieces(deliver: Callable[[bytes], None]) -> Generator[None, bytes, None]:
    with contextlib.suppress(GeneratorExit):
        while True:
            deliver((yield))


def _sound(take: Callable[[int], Samples]) -> Generator[Samples | bytes, int, None]:
    """A callback in the form that miniaudio wants: it sends how many samples it wants and gets them."""
    count = yield b""
    while True:
        count = yield take(count)


def _reason(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__
