"""Begins and ends recordings: which feeds go into one, under which name, and what became of it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pycall.core import events
from pycall.media.recording import Recorder
from pycall.media.recording_path import discard_unused, prepare_path
from pycall.media.tap import Tap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pycall.config import CallConfig
    from pycall.core.events import Event
    from pycall.errors import RecordingFailed
    from pycall.media.feed import Feed
    from pycall.media.frames import Picture, Sound

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

    ``show`` is called from any thread with what a person should know.
    """

    def __init__(self, config: CallConfig, room: str, feeds: Feeds, show: Callable[[Event], None]) -> None:
        self._config = config
        self._room = room
        self._feeds = feeds
        self._show = show
        self._reserved: Path | None = None
        self._recorder: Recorder | None = None
        self._taps: list[Tap[Picture] | Tap[Sound]] = []

    @property
    def recording(self) -> bool:
        """Whether a recording is on."""
        return self._recorder is not None

    def reserve(self) -> None:
        """Make sure of a file before the call begins; raises what :func:`prepare_path` raises."""
        given = self._config.record
        path = None if isinstance(given, bool) else given
        self._reserved = prepare_path(path, self._room, datetime.datetime.now().astimezone())

    def start(self) -> None:
        """Begin to record into the reserved file, or a fresh one; raises as :meth:`reserve`."""
        if self._recorder is not None:
            return
        if self._reserved is None:
            self.reserve()
        path, self._reserved = self._reserved, None
        assert path is not None
        config = self._config
        recorder = Recorder(
            path,
            layout=config.record_layout,
            size=config.size,
            fps=config.fps,
            notice=lambda code, sentence: self._show(events.Notice(code, sentence)),
            on_failed=self._failed,
        )
        recorder.start()
        self._recorder = recorder
        self._connect(recorder)
        self._show(events.Recording("started", str(path)))

    def stop(self) -> None:
        """End the recording; it is a plain seekable file when this returns."""
        recorder, self._recorder = self._recorder, None
        self._disconnect()
        if recorder is None:
            return
        recorder.stop()
        self._show(events.Recording("stopped", str(recorder.path)))

    def close(self) -> None:
        """End what is on, and give back a file that was reserved in vain."""
        self.stop()
        if self._reserved is not None:
            discard_unused(self._reserved)
            self._reserved = None

    def _connect(self, recorder: Recorder) -> None:
        feeds = self._feeds
        if feeds.local_pictures is not None:
            self._taps.append(
                Tap("near-picture", feeds.local_pictures, recorder.local_picture, depth=PICTURE_DEPTH)
            )
        if feeds.local_sound is not None:
            self._taps.append(Tap("near-sound", feeds.local_sound, recorder.local_sound, depth=SOUND_DEPTH))
        self._taps.append(
            Tap("far-picture", feeds.remote_pictures, recorder.remote_picture, depth=PICTURE_DEPTH)
        )
        self._taps.append(Tap("far-sound", feeds.remote_sound, recorder.remote_sound, depth=SOUND_DEPTH))

    def _disconnect(self) -> None:
        for tap in self._taps:
            tap.close()
        self._taps.clear()

    def _failed(self, error: RecordingFailed) -> None:
        """The recorder broke; called from its thread, so the taps are left to :meth:`stop`."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            self._show(events.Notice(error.code, f"{error.message} The call goes on."))
            self._show(events.Recording("failed", str(recorder.path)))
