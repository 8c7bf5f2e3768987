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
from pycall.media.frames import SAMPLE_RATE, Notice, Sound
from pycall.media.keeper import Keeper

SILENCE_S: Final = 2.0
"""A device that hands over nothing, not even zeros, for so long is dead; nobody reports it."""


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
        run = self._through_miniaudio if soundcard.AVAILABLE else self._through_alsa
        self._keeper = Keeper("microphone", self.label, run, notice, silence_s=SILENCE_S)

    def start(self, cancelled: threading.Event | None = None) -> None:
        """Open it and wait for the first sound; raises as :meth:`Keeper.start`."""
        self._keeper.start(cancelled)

    def close(self) -> None:
        """Stop and close the feed; returns within a second."""
        self._keeper.close()
        self.feed.close()

    def _through_miniaudio(self, stop: threading.Event, alive: Callable[[], None]) -> None:
        endpoint = self._endpoint()

        def deliver(piece: bytes) -> None:
            self._deliver(piece)
            alive()

        try:
            stream = soundcard.CaptureStream(endpoint, deliver)
        except DeviceFailed as error:
            message = f"The microphone {self.label} cannot be opened."
            raise DeviceFailed(message, error.message) from error
        try:
            stop.wait()
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
                for frame in pcm.decode(audio=0):
                    if stop.is_set():
                        return
                    self._deliver(frame.to_ndarray().tobytes())
                    alive()
        except (FFmpegError, OSError) as error:
            message = f"The microphone {self.label} cannot be read: {error.strerror or error}."
            raise DeviceFailed(message, "`pycall devices` shows what there is.") from error
        raise DeviceFailed(f"The microphone {self.label} stopped.")

    def _deliver(self, piece: bytes) -> None:
        samples = np.frombuffer(piece, np.int16)
        self._blocks.add(samples, time.monotonic() - len(samples) / SAMPLE_RATE)
