"""Where the far side's sound goes: it is pulled in real time, by a sound card or for nobody's ears."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from pycall.errors import DeviceFailed
from pycall.media.blocks import Blocks
from pycall.media.devices.listing import Device, choose, list_speakers
from pycall.media.feed import Feed
from pycall.media.frames import BLOCK, SAMPLE_RATE, Notice, Samples, Sound
from pycall.media.playout.pace import Pace
from pycall.media.playout.playback import Playback, open_playback
from pycall.media.spec import Default, Off, Spec
from pycall.media.spec import Device as DeviceSpec
from pycall.media.worker import Worker

STALL_S: Final = 0.25
"""A device that pulled nothing for this long is stood in for, so that a recording goes on."""

DEAD_S: Final = 4.0
"""And after this long it is given up. A sound server may take two seconds before it first pulls."""

RETRY_S: Final = 3.0

BLOCK_S: Final = BLOCK / SAMPLE_RATE

Pull: TypeAlias = Callable[[int, float], Samples]
"""``pull(count, now)``: exactly ``count`` samples; called from the speaker's thread."""


class Speaker(Protocol):
    """Pulls sound in real time from :meth:`start` until :meth:`close`."""

    played: Feed[Sound]
    """What was pulled, in blocks of 960, with the time at which it comes out."""
    label: str
    """The device's name for people; empty when nothing is heard."""

    latency_s: float
    """Seconds from pulling a sample to its coming out, as far as this side knows."""

    def start(self) -> None:
        """Begin to pull."""
        ...

    def close(self) -> None:
        """End it, within some seconds at worst; closes ``played``. Safe to repeat."""
        ...


def open_speaker(spec: Spec, pull: Pull, notice: Notice) -> Speaker:
    """The speaker ``spec`` means; blocking.

    Raises :class:`~pycall.errors.DeviceNotFound` for one asked for by name that is not there. Where there is
    none at all, ``default`` becomes silence and a notice ``no-speaker``.
    """
    match spec:
        case Off():
            return SilentSpeaker(pull)
        case Default():
            listing = list_speakers()
            if listing.devices:
                label = listing.default.name if listing.default else "default"
                return DeviceSpeaker(None, label, pull, notice)
            notice("no-speaker", f"{listing.why_none} The call goes on without sound.")
            return SilentSpeaker(pull)
        case DeviceSpec(wanted):
            device = choose(list_speakers(), wanted)
            return DeviceSpeaker(device, device.name, pull, notice)
        case _:
            raise AssertionError(spec)  # parse_speaker lets nothing else through


class SilentSpeaker:
    """Nobody listens, but time passes: a block is pulled each 20 ms, so that a recording has its sound."""

    label = ""
    latency_s = 0.0

    def __init__(self, pull: Pull) -> None:
        self.played: Feed[Sound] = Feed()
        self._pull = pull
        self._worker = Worker("silent-speaker", self._run)

    def start(self) -> None:
        """Begin to pull."""
        self._worker.start()

    def close(self) -> None:
        """End it."""
        self._worker.close()
        self.played.close()

    def _run(self, stop: threading.Event) -> None:
        pace = Pace(BLOCK_S)
        while not stop.wait(pace.wait_s(time.monotonic())):
            due = pace.step()
            self.played.publish(Sound(self._pull(BLOCK, due), due))


class DeviceSpeaker:
    """A sound card; while it is gone sound is pulled for nobody, and it is tried again every 3 seconds."""

    def __init__(self, device: Device | None, label: str, pull: Pull, notice: Notice) -> None:
        self.label = label
        self.latency_s = 0.0
        self._device = device
        self._pull = pull
        self._notice = notice
        self.played: Feed[Sound] = Feed()
        self._blocks = Blocks(self.played)
        self._lock = threading.Lock()  # the device's thread and ours take turns in pulling
        self._playback: Playback | None = None
        self._pulled_at = 0.0  # when the device last pulled, or was opened
        self._pulled_until = 0.0  # when more must be pulled
        self._retry_at = 0.0
        self._worker = Worker("speaker", self._run)

    def start(self) -> None:
        """Begin; raises :class:`DeviceFailed` when a device asked for by name does not open."""
        self._pulled_until = time.monotonic()
        try:
            self._open()
        except DeviceFailed as error:
            if self._device is not None:
                raise DeviceFailed(f"The speaker {self.label} does not open. {error.message}") from error
            self._notice("speaker-lost", f"The speaker {self.label} does not open; it is tried again.")
        self._worker.start()

    def close(self) -> None:
        """End it."""
        self._worker.close()
        self._release()
        self.played.close()

    def _open(self) -> None:
        self._retry_at = time.monotonic() + RETRY_S
        self._playback = open_playback(self._device, self._give)
        self.latency_s = self._playback.latency_s
        self._pulled_at = time.monotonic()

    def _release(self) -> None:
        playback, self._playback = self._playback, None
        if playback is not None:
            playback.close()

    def _give(self, count: int) -> Samples:
        """The device pulls, in its own thread."""
        now = time.monotonic()
        with self._lock:
            self._pulled_at = now
            return self._take(count, now)

    def _take(self, count: int, now: float) -> Samples:
        samples = self._pull(count, now)
        self._blocks.add(samples, now + self.latency_s)
        self._pulled_until = now + count / SAMPLE_RATE
        return samples

    def _run(self, stop: threading.Event) -> None:
        """Look after the device, and pull in its place while it does not."""
        while not stop.wait(STALL_S / 2):
            pace = Pace(BLOCK_S, self._pulled_until)
            while self._stalled() and not stop.wait(pace.wait_s(time.monotonic())):
                with self._lock:
                    if self._stalled():
                        self._take(BLOCK, pace.step())
                self._tend()

    def _stalled(self) -> bool:
        return self._playback is None or time.monotonic() - self._pulled_at > STALL_S

    def _tend(self) -> None:
        """Give up a dead device; look for a lost one."""
        now = time.monotonic()
        if self._playback is not None and now - self._pulled_at > DEAD_S:
            self._release()
            self._notice("speaker-lost", f"The speaker {self.label} is gone; it is tried again.")
        if self._playback is None and now > self._retry_at:
            with contextlib.suppress(DeviceFailed):
                self._open()
                self._notice("speaker-back", f"The speaker {self.label} is back.")
