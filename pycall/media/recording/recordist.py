"""Begins and ends recordings: which feeds go into one, under which name, and what became of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pycall.config import CallConfig
from pycall.core import events
from pycall.core.events import Event
from pycall.errors import RecordingFailed
from pycall.media.feed import Feed
from pycall.media.frames import Picture, Sound
from pycall.media.recording.path import discard_unused, prepare_path
from pycall.media.recording.recorder import Recorder
from pycall.media.tap import Tap

SOUND_DEPTH: Final = 25
"""Blocks, half a second: sound is never left out of a recording."""

PICTURE_DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class Feeds:
    """What can be recorded; ``None`` is not there."""

    local_pictures: Feed[Picture] | None
    local_sound: Feed[Sound] | None
    remote_pictures: Feed[Picture]
    remote_sound: Feed[Sound]


class Recordist:
    """One recording at a time. The methods block and are called from one thread at a time.

    ``show`` is called from any thread with what a person should know: that a recording began, and, once,
    how it ended.
    """

    def __init__(self, config: CallConfig, room: str, feeds: Feeds, show: Callable[[Event], None]) -> None:
        self._config = config
        self._room = room
        self._feeds = feeds
        self._show = show
        self._reserved: Path | None = None
        self._recorder: Recorder | None = None
        self._taking = threading.Lock()
        self._taps: list[Tap[Picture] | Tap[Sound]] = []

    @property
    def recording(self) -> bool:
        """Whether a recording is on."""
        return self._recorder is not None

    def reserve(self) -> None:
        """Make sure of a file before the call begins; raises what :func:`prepare_path` raises."""
        self._reserved = self._fresh_path()

    def start(self) -> None:
        """Begin to record into the reserved file, or a fresh one; raises as :meth:`reserve`."""
        if self._recorder is not None:
            return
        self._disconnect()  # of one that broke off
        path, self._reserved = self._reserved or self._fresh_path(), None
        recorder = Recorder(
            path,
            layout=self._config.record_layout,
            size=self._config.size,
            fps=self._config.fps,
            notice=lambda code, sentence: self._show(events.Notice(code, sentence)),
            on_failed=self._failed,
        )
        recorder.start()
        self._recorder = recorder
        self._show(events.Recording("started", str(path)))
        self._connect(recorder)  # from here on it can fail, which must not be told before

    def stop(self) -> None:
        """End the recording; it is a plain seekable file when this returns."""
        recorder = self._recorder
        self._disconnect()
        if recorder is None:
            return
        recorder.stop()  # what is still to be written may fail
        if self._take_over() is not None:
            self._show(events.Recording("stopped", str(recorder.path)))

    def close(self) -> None:
        """End what is on, and give back a file that was reserved in vain."""
        self.stop()
        if self._reserved is not None:
            discard_unused(self._reserved)
            self._reserved = None

    def _fresh_path(self) -> Path:
        given = self._config.record
        path = None if isinstance(given, bool) else given
        return prepare_path(path, self._room, datetime.now().astimezone())

    def _connect(self, recorder: Recorder) -> None:
        feeds = self._feeds
        pictures = (
            ("near", feeds.local_pictures, recorder.local_picture),
            ("far", feeds.remote_pictures, recorder.remote_picture),
        )
        sounds = (
            ("near", feeds.local_sound, recorder.local_sound),
            ("far", feeds.remote_sound, recorder.remote_sound),
        )
        for side, picture_feed, show in pictures:
            if picture_feed is not None:
                self._taps.append(Tap(f"{side}-picture", picture_feed, show, depth=PICTURE_DEPTH))
        for side, sound_feed, play in sounds:
            if sound_feed is not None:
                self._taps.append(Tap(f"{side}-sound", sound_feed, play, depth=SOUND_DEPTH))

    def _disconnect(self) -> None:
        for tap in self._taps:
            tap.close()
        self._taps.clear()

    def _take_over(self) -> Recorder | None:
        """The recording that was on, and is not any more: whoever gets it tells how it ended."""
        with self._taking:
            recorder, self._recorder = self._recorder, None
        return recorder

    def _failed(self, error: RecordingFailed) -> None:
        """The recorder broke; called from its thread, so the taps are left to who comes next."""
        recorder = self._take_over()
        if recorder is not None:
            self._show(events.Notice(error.code, f"{error.message} The call goes on."))
            self._show(events.Recording("failed", str(recorder.path)))
