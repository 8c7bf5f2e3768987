"""Streams to a speaker. The device pulls: it calls back whenever its small buffer has room.

miniaudio where it is installed; elsewhere (it has no Linux aarch64 wheel) `av`'s ALSA, which reaches
PulseAudio and PipeWire too.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

import av

from pycall.errors import DeviceFailed
from pycall.media.devices import soundcard
from pycall.media.devices.alsa import prepare_alsa
from pycall.media.devices.listing import Device
from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples
from pycall.media.playout.pace import Pace
from pycall.media.worker import Worker

AHEAD: Final = 2
"""Blocks written to ALSA at once at the beginning; FFmpeg would take seconds of sound and play them late."""

PULSE_MS: Final = "40"
"""What the ALSA plugin of PulseAudio may hold; FFmpeg asks it for more than a second."""

Take: TypeAlias = Callable[[int], Samples]
"""``take(count)``: exactly ``count`` samples to be played next; called from the device's thread."""


class Playback(Protocol):
    """A device that plays. Nobody says so when it dies: it just pulls no more."""

    latency_s: float
    """Seconds from pulling a sample to its coming out, as far as this side knows."""

    def close(self) -> None:
        """Stop and release the device; after it nothing is pulled any more."""
        ...


def open_playback(device: Device | None, take: Take) -> Playback:
    """Begin to play on ``device``, or on the system's choice; raises :class:`DeviceFailed`."""
    if soundcard.AVAILABLE:
        return soundcard.PlaybackStream(_endpoint(device) if device else None, take)
    return AlsaPlayback(device, take)


def _endpoint(device: Device) -> soundcard.Endpoint:
    for endpoint in soundcard.endpoints("speaker"):
        if endpoint.id == device.id:
            return endpoint
    raise DeviceFailed("It is not there any more.")


class AlsaPlayback:
    """Playing through `av`; it has no clock to be pulled by, so a thread writes a block each 20 ms."""

    latency_s = AHEAD * BLOCK / SAMPLE_RATE

    def __init__(self, device: Device | None, take: Take) -> None:
        self._take = take
        prepare_alsa()
        os.environ.setdefault("PULSE_LATENCY_MSEC", PULSE_MS)
        try:
            self._container = av.open(device.id if device else "default", "w", format="alsa")
            self._stream = self._container.add_stream("pcm_s16le", SAMPLE_RATE, layout="mono")
            self._container.start_encoding()
        except (av.FFmpegError, OSError) as error:
            raise DeviceFailed(f"ALSA does not open it ({error.strerror}).") from error
        self._lock = threading.Lock()
        self._worker = Worker("alsa-playback", self._run)
        self._worker.start()

    def close(self) -> None:
        """Stop and release the device."""
        self._worker.close()
        if self._lock.acquire(timeout=1.0):  # a thread stuck in the driver keeps its device
            self._container.close()
            self._lock.release()

    def _run(self, stop: threading.Event) -> None:
        # An error means that it was unplugged, or that its server ended: it pulls no more.
        with self._lock, contextlib.suppress(av.FFmpegError):
            for _ in range(AHEAD):
                self._write()
            pace = Pace(BLOCK / SAMPLE_RATE)
            while not stop.wait(pace.wait_s(time.monotonic())):
                pace.step()
                self._write()

    def _write(self) -> None:
        frame = av.AudioFrame.from_ndarray(self._take(BLOCK).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        self._container.mux(self._stream.encode(frame))
