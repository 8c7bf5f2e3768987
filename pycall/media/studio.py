"""Everything of a call that has to do with pictures and sound on this machine, in one piece.

    source -> voice processing -> gate -> feed -> sender, inset, recorder
    received picture -> lip sync -> feed -> window, recorder
    received sound -> playout <- speaker -> feed -> recorder, echo canceller

It is opened once and outlives every connection: whatever happens to the network, camera, microphone,
window and recording stay.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any, Final, TypeVar

from pycall.config import CallConfig
from pycall.core import events
from pycall.core.events import Event
from pycall.errors import PycallError
from pycall.media.feed import Feed
from pycall.media.frames import Picture, Sound
from pycall.media.keeper import OpeningCancelledError
from pycall.media.playout.far_end import FarEnd
from pycall.media.playout.speaker import Speaker, open_speaker
from pycall.media.recording.recordist import Feeds, Recordist
from pycall.media.sources.gate import Gate, picture_gate, sound_gate
from pycall.media.sources.opening import Sources, open_sources
from pycall.media.sources.processing import VoiceProcessing
from pycall.media.spec import Default, Device, parse_camera, parse_microphone, parse_speaker
from pycall.media.tap import Tap
from pycall.media.window.display import Display, Marks, open_display

T = TypeVar("T")

ECHO_DEPTH: Final = 10
"""Blocks of played sound that may wait for the echo canceller."""


class Studio:
    """The local side of a call. ``show`` and ``wish`` are called on the event loop's thread."""

    def __init__(
        self,
        config: CallConfig,
        room: str,
        *,
        own_name: str,
        show: Callable[[Event], None],
        wish: Callable[[str], None],
    ) -> None:
        self._config = config
        self._room = room
        self._show = show
        self._wish = wish
        self._marks = Marks(own_name=own_name)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="pycall-studio")
        self._closers = ExitStack()
        self._picture_gate: Gate[Picture] | None = None
        self._sound_gate: Gate[Sound] | None = None
        self._display: Display | None = None
        self._recordist: Recordist | None = None
        self._jobs: set[asyncio.Future[None]] = set()
        self._cancelled = threading.Event()  # nobody waits for the opening any more
        self._closed = False
        self.incoming = FarEnd()
        self.pictures: Feed[Picture] | None = None
        """What is sent of each kind; ``None`` sends nothing."""
        self.sound: Feed[Sound] | None = None

    # Opening and closing

    async def open(self) -> None:
        """Open devices, window and recording file, in this order of failing first.

        Raises :class:`~pycall.errors.PycallError` for what was asked for by name and cannot be had;
        what is missing of the defaults is announced and left out. Raises :class:`OpeningCancelledError`
        when it is closed meanwhile.
        """
        self._loop = asyncio.get_running_loop()
        await self._loop.run_in_executor(self._executor, self._open)

    async def finish(self) -> None:
        """End the recording, if one is on; it is announced before this returns.

        A bug that a recording met meanwhile is raised here, at the latest.
        """
        self._job(self._stop_recording)
        await asyncio.gather(*self._jobs)

    async def close(self) -> None:
        """End recording, window and devices; nothing is left running, and nothing shown any more.

        While :meth:`open` still waits for a device, that waiting ends and the rest is not opened.
        """
        self._cancelled.set()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(self._executor, self._closers.close)
        self._executor.shutdown(wait=False)
        self._closed = True

    def _open(self) -> None:
        config = self._config
        camera, microphone = parse_camera(config.camera), parse_microphone(config.microphone)
        self._marks = replace(self._marks, mirror=isinstance(camera, Default | Device))
        speaker_spec = parse_speaker(config.speaker)
        sources = open_sources(
            camera,
            microphone,
            size=config.size,
            fps=config.fps,
            notice=self._notice,
            cancelled=self._cancelled,
        )
        for source in (sources.video, sources.audio):
            if source is not None:
                self._closers.callback(source.close)
        speaker = open_speaker(speaker_spec, self.incoming.playout.pull, self._notice)
        self.incoming.speaker = speaker
        self._closers.callback(speaker.close)
        self._closers.callback(self.incoming.close)
        self._connect(sources, speaker)
        self._recordist = Recordist(config, self._room, self._feeds(speaker), self._post)
        self._closers.callback(self._recordist.close)
        if config.record is not False:
            self._recordist.reserve()
        if config.display == "window":
            self._open_display()
        if self._cancelled.is_set():
            raise OpeningCancelledError
        speaker.start()

    def _connect(self, sources: Sources, speaker: Speaker) -> None:
        """Join the sources to what goes out, through voice processing and gates."""
        if sources.video is not None:
            self._picture_gate = picture_gate(sources.video.feed)
            self._begin(self._picture_gate)
            self.pictures = self._picture_gate.feed
        if sources.audio is not None:
            process = None
            if sources.audio.is_microphone and self._config.audio_processing:
                voice = VoiceProcessing()
                process = voice.near
                self._closers.callback(Tap("echo", speaker.played, voice.far, depth=ECHO_DEPTH).close)
            self._sound_gate = sound_gate(sources.audio.feed, process)
            self._begin(self._sound_gate)
            self.sound = self._sound_gate.feed

    def _begin(self, gate: Gate[Any]) -> None:
        gate.start()
        self._closers.callback(gate.close)

    def _feeds(self, speaker: Speaker) -> Feeds:
        return Feeds(self.pictures, self.sound, self.incoming.shown, speaker.played)

    def _open_display(self) -> None:
        display = open_display(
            self._room, notice=self._notice, on_key=self._pressed, cancelled=self._cancelled
        )
        if display is None:
            return
        self._display = display
        self._closers.callback(display.close)
        self._closers.callback(Tap("shown", self.incoming.shown, display.show_remote).close)
        if self.pictures is not None:
            self._closers.callback(Tap("inset", self.pictures, display.show_local).close)
        display.set_marks(self._marks)

    # What the user does

    @property
    def muted(self) -> bool:
        """Whether silence is sent."""
        return self._marks.muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        if self._sound_gate is not None:
            self._sound_gate.closed = muted
        self._mark(muted=muted)

    @property
    def camera_off(self) -> bool:
        """Whether black is sent."""
        return self._marks.camera_off

    @camera_off.setter
    def camera_off(self, camera_off: bool) -> None:
        if self._picture_gate is not None:
            self._picture_gate.closed = camera_off
        self._mark(camera_off=camera_off)

    @property
    def recording(self) -> bool:
        """Whether this side records."""
        return self._marks.recording

    def toggle_recording(self) -> None:
        """Begin or end a recording, in the background; what came of it is announced."""
        self._job(self._toggle_recording)

    # What happens in the call

    def note(self, event: Event) -> None:
        """Let window and recording follow the call."""
        match event:
            case events.PeerJoined(_, name):
                self._mark(peer_name=name, status="connecting")
            case events.Connected():
                self._mark(status="")
                if self._config.record is not False:
                    self._job(self._start_recording)
            case events.Reconnecting():
                self._mark(status="reconnecting")
                self.incoming.interrupted(time.monotonic())
            case events.Reconnected():
                self._mark(status="")
            case events.PeerState(muted, camera_off, recording):
                self._mark(peer_muted=muted, peer_camera_off=camera_off, peer_recording=recording)
            case events.Recording(state, _):
                self._mark(recording=state == "started")
            case events.PeerLeft():
                self.incoming.gone()
                self._job(self._stop_recording)
                self._mark(
                    peer_name="",
                    peer_muted=False,
                    peer_camera_off=False,
                    peer_recording=False,
                    status="waiting",
                )
            case events.Joined(_, _, False):
                self._mark(status="waiting")
            case _:
                pass

    def _toggle_recording(self) -> None:
        assert self._recordist is not None
        if self._recordist.recording:
            self._stop_recording()
        else:
            self._start_recording()

    def _start_recording(self) -> None:
        assert self._recordist is not None
        try:
            self._recordist.start()
        except PycallError as error:
            self._notice(error.code, f"{error.message} The call goes on.")

    def _stop_recording(self) -> None:
        assert self._recordist is not None
        self._recordist.stop()

    def _mark(self, **changes: Any) -> None:
        self._marks = replace(self._marks, **changes)
        if self._display is not None:
            self._display.set_marks(self._marks)

    def _job(self, work: Callable[[], None]) -> None:
        """Run ``work`` after what was asked before, off the event loop."""
        job = self._loop.run_in_executor(self._executor, work)
        self._jobs.add(job)
        job.add_done_callback(self._job_done)

    def _job_done(self, job: asyncio.Future[None]) -> None:
        if job.cancelled() or job.exception() is None:
            self._jobs.discard(job)

    # From threads of devices to the event loop

    def _post(self, event: Event) -> None:
        self._hand_over(self._show, event)

    def _notice(self, code: str, sentence: str) -> None:
        self._post(events.Notice(code, sentence))

    def _pressed(self, key: str) -> None:
        self._hand_over(self._wish, key)

    def _hand_over(self, take: Callable[[T], None], item: T) -> None:
        def deliver() -> None:
            if not self._closed:
                take(item)

        with suppress(RuntimeError):  # the loop is closed: a device woke up after everybody left
            self._loop.call_soon_threadsafe(deliver)
