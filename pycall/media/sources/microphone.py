"""The microphone: blocks of 20 ms from the sound system, with little delay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import av
import numpy as np
from av.error import FFmpegError

from pycall.errors import DeviceFailed
from pycall.media.blocks import Blocks
from pycall.media.devices import soundcard
from pycall.media.devices.alsa import prepare_alsa
from pycall.media.devices.listing import Device
from pycall.media.feed import Feed
from pycall.media.frames import SAMPLE_RATE, Sound
from pycall.media.keeper import Keeper, Notice

FIRST_S: Final = 5.0
"""How long a microphone that was opened may take to its first sound, in seconds."""

SILENCE_S: Final = 2.0
"""A device that hands over nothing, not even zeros, for so long is dead; nobody reports it."""

_LOOK_S: Final = 0.25


class Microphone:
    """One microphone; with ``follow`` it is whatever the system takes for the default, also later on.

    When it dies it is opened again once a second, announced as ``microphone-lost`` and ``microphone-back``.
    """

    is_microphone = True

    def __init__(self, device: Device, notice: Notice, *, follow: bool = False) -> None:
        self.feed: Feed[Sound] = Feed()
        self.label = device.name
        self._id = device.id
        self._follow = follow
        self._blocks = Blocks(self.feed)
        self._heard = 0.0
        session = self._through_miniaudio if soundcard.AVAILABLE else self._through_alsa
        self._keeper = Keeper("microphone", self.label, session, notice)

    def start(self) -> None:
        """Open it; raises :class:`DeviceFailed`."""
        self._keeper.start()

    def close(self) -> None:
        """Stop and close the feed; returns within a second."""
        self._keeper.close()
        self.feed.close()

    def _through_miniaudio(self, stop: threading.Event, alive: Callable[[], None]) -> None:
        self._heard = time.monotonic() + FIRST_S - SILENCE_S
        endpoint = self._endpoint()
        try:
            stream = soundcard.CaptureStream(endpoint, self._deliver)
        except DeviceFailed as error:
            message = f"The microphone {self.label} cannot be opened."
            raise DeviceFailed(message, error.message) from error
        try:
            alive()
            while not stop.wait(_LOOK_S):
                if time.monotonic() - self._heard > SILENCE_S:
                    raise DeviceFailed(f"The microphone {self.label} gives no sound any more.")
        finally:
            stream.close()

    def _endpoint(self) -> soundcard.Endpoint | None:
        """Which one to open; ``None`` is the system's default, which the sound server may change later."""
        found = soundcard.endpoints("microphone")
        if self._follow:
            endpoint = soundcard.default_of(found)
        else:
            endpoint = next((each for each in found if each.id == self._id), None)
        if endpoint is None:
            raise DeviceFailed(f"The microphone {self.label} is not there any more.", "Is it plugged in?")
        return None if self._follow and endpoint.default else endpoint

    def _through_alsa(self, stop: threading.Event, alive: Callable[[], None]) -> None:
        """The way where miniaudio is not installed: `av`'s own ALSA."""
        prepare_alsa()
        options = {"sample_rate": str(SAMPLE_RATE), "channels": "1"}
        try:
            with av.open(self._id, format="alsa", options=options) as pcm:
                alive()
                for frame in pcm.decode(audio=0):
                    if stop.is_set():
                        return
                    self._deliver(frame.to_ndarray().tobytes())
        except (FFmpegError, OSError) as error:
            message = f"The microphone {self.label} cannot be read: {error.strerror or error}."
            raise DeviceFailed(message, "`pycall devices` shows what there is.") from error
        raise DeviceFailed(f"The microphone {self.label} stopped.")

    def _deliver(self, piece: bytes) -> None:
        samples = np.frombuffer(piece, np.int16)
        self._heard = time.monotonic()
        self._blocks.add(samples, self._heard - len(samples) / SAMPLE_RATE)
