"""Recording a call: what was seen and heard, when it was played out.

A :class:`Recorder` is given pictures and sound by whoever has them; the calls only put them into
bounded places and return. Its own thread composes, mixes, encodes and writes. On a machine that is
too slow for that, pictures are left out, the newest win; sound never is.

Time zero is the first picture or sound. Both streams always exist: sound is silence where there is
none, and until the first picture comes it is black.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import av
from av.codec.codec import UnknownCodecError

from pycall.errors import RecordingFailed
from pycall.media.frames import Picture, Sound
from pycall.media.recording.composition import Composition, Layout
from pycall.media.recording.file import RecordingFile
from pycall.media.recording.inbox import Inbox
from pycall.media.recording.path import check_ending, discard_unused
from pycall.media.recording.take import Take
from pycall.media.worker import log_fault

_CHECK: Final = 1.0
"""Seconds between looks at the file and the free space."""

_STOP: Final = 5.0
"""Seconds :meth:`Recorder.stop` waits at most."""

_SPAN: Final = 10.0
"""Seconds over which pictures that were left out are counted."""

_TOLERATED: Final = 0.05
"""The share of them that nobody notices and nobody is told of; a busy machine is late now and then."""


class Recorder:
    """Records one call into one file; :meth:`start` once, :meth:`stop` once.

    The inputs may be called from any thread, before :meth:`start` and after :meth:`stop` too (then
    they do nothing), and never block. ``notice(code, sentence)`` and ``on_failed(error)`` are called
    from the recorder's thread; after ``on_failed`` the recorder has closed its file and is idle.
    """

    def __init__(
        self,
        path: Path,
        *,
        layout: Layout,
        size: tuple[int, int],
        fps: int,
        notice: Callable[[str, str], None],
        on_failed: Callable[[RecordingFailed], None],
    ) -> None:
        """Record to ``path`` as ``prepare_path`` gave it.

        ``size`` is (width, height) of one picture in pixels, rounded down to even numbers; with
        the layout ``together`` the file's pictures are twice as wide. ``fps`` is what is expected,
        not what is written: every picture has its own time.

        Raises :class:`ConfigError` for an unknown ending.
        """
        self.path = path
        self._ending = check_ending(path)
        self._composition = Composition(layout, size, fps)
        self._fps = fps
        self._notice = notice
        self._on_failed = on_failed
        self._inbox = Inbox()
        self._thread: threading.Thread | None = None
        self._next_check = 0.0
        self._span_began = 0.0

    def start(self) -> None:
        """Open the file and start the thread; raises :class:`RecordingFailed`."""
        file = RecordingFile(self.path)
        self._span_began = time.monotonic()
        self._inbox.open()
        self._thread = threading.Thread(target=self._run, args=(file,), name="pycall-recorder", daemon=True)
        self._thread.start()

    def remote_picture(self, picture: Picture) -> None:
        """The far side's picture was shown at ``picture.time``."""
        self._inbox.put_picture("remote", picture)

    def local_picture(self, picture: Picture) -> None:
        """One's own picture, as it is sent."""
        self._inbox.put_picture("local", picture)

    def remote_sound(self, sound: Sound) -> None:
        """The far side's voice, as it was played."""
        self._inbox.put_sound("remote", sound)

    def local_sound(self, sound: Sound) -> None:
        """One's own voice, as it is sent."""
        self._inbox.put_sound("local", sound)

    def stop(self) -> None:
        """Write what is waiting and end the file; blocks for at most five seconds.

        A file into which nothing came is removed. If the disk does not take the rest in time,
        ``on_failed`` is called; the file then holds all but the last moments.
        """
        self._inbox.close()
        thread, self._thread = self._thread, None
        if thread is None or thread is threading.current_thread():
            return
        thread.join(_STOP)
        if thread.is_alive():
            self._on_failed(
                RecordingFailed(
                    f"The end of the recording {self.path} could not be written in time.",
                    "The disk does not answer; all but the last moments are in the file.",
                )
            )

    def _run(self, file: RecordingFile) -> None:
        failure: RecordingFailed | None = None
        try:
            self._record(file)
        except RecordingFailed as error:
            failure = error
        except Exception as error:  # noqa: BLE001  whatever it is, the recording is over
            log_fault("the recorder", error)
            failure = RecordingFailed(
                f"The recording {self.path} ended because of a fault in pycall.",
                "The file holds what came before; `-v` shows the fault.",
            )
        finally:
            self._inbox.close()
            file.close()
        if failure is not None:
            self._on_failed(failure)

    def _record(self, file: RecordingFile) -> None:
        """Write until nothing more comes; raises :class:`RecordingFailed` after ending the file."""
        take: Take | None = None
        try:
            try:
                while (items := self._inbox.take(_CHECK)) is not None:
                    for side, item in items:
                        take = take or self._begin(file, item.time)
                        take.add(side, item)
                    self._look(file)
                self._tell_what_is_missing()
            finally:
                if take is not None:
                    take.close()
            file.check_written()
        except (av.FFmpegError, UnknownCodecError) as error:
            raise RecordingFailed(
                f"The recording {self.path} ended because encoding failed: {error}.",
                "The file holds what came before; another ending, such as .mkv, may work.",
            ) from error
        except OSError as error:
            raise file.failed(error) from error
        if take is None:
            discard_unused(self.path)

    def _begin(self, file: RecordingFile, start: float) -> Take:
        return Take(file, self._ending, self._composition, self._fps, start)

    def _look(self, file: RecordingFile) -> None:
        """Check the file, and once in a while the disk and whether the machine keeps up."""
        file.check_written()
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + _CHECK
            file.check_place()
        if now >= self._span_began + _SPAN:
            self._tell_what_is_missing()

    def _tell_what_is_missing(self) -> None:
        """Say when the machine did not keep up in the last seconds."""
        now = time.monotonic()
        seconds, self._span_began = max(1, round(now - self._span_began)), now
        left_out, given = self._inbox.take_counts()
        if left_out > _TOLERATED * given:
            what = f"{left_out} of the {given} pictures of the last {seconds} s were left out"
            self._notice("recording-slow", f"The machine is too slow to record every picture: {what}.")
