"""The program's side of its window, which is a process of its own; see :mod:`pycall.media.window`.

Pictures wait in one place per kind for a thread that writes them into a pipe. While the window is
busy the newest replaces the one before, so that nobody ever waits for the window.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, TypeAlias

from av.video.reformatter import VideoReformatter

from pycall.media.frames import Notice, Picture
from pycall.media.keeper import OpeningCancelledError
from pycall.media.window.wire import Kind, Marks, Message, marks_message
from pycall.media.worker import Worker

__all__ = ["Display", "Marks", "open_display"]

READY_S: Final = 15.0
"""How long the window may take to appear."""

LOOK_S: Final = 0.1
"""How often is looked whether anybody still waits for it."""

END_S: Final = 1.0
"""How long its process may take to end before it is killed."""

INSET_WIDTH: Final = 400
"""One's own picture is sent to the window no wider than this."""

OnKey: TypeAlias = Callable[[str], None]
"""``on_key(letter)``: ``m``, ``v``, ``r`` or ``q`` was pressed; called from a thread."""


def open_display(
    room: str, *, notice: Notice, on_key: OnKey, cancelled: threading.Event | None = None
) -> Display | None:
    """Open the window, blocking until it is there.

    Where it cannot be opened ``notice("no-display", sentence)`` is called and ``None`` returned. When it is
    closed or dies later ``notice("display-lost", sentence)`` is called, from a thread. Soon after
    ``cancelled`` was set it raises :class:`OpeningCancelledError`.
    """
    if why := why_no_display(sys.platform, dict(os.environ)):
        notice("no-display", f"{why} The call goes on without a window.")
        return None
    display = Display(room, notice=notice, on_key=on_key)
    try:
        if display.ready(cancelled):
            return display
    except OpeningCancelledError:
        display.close()
        raise
    display.close()
    where = f"The display {os.environ['DISPLAY']}" if "DISPLAY" in os.environ else "The display"
    why = f"OpenCV cannot be loaded: {display.failure}." if display.failure else f"{where} cannot be used."
    notice("no-display", f"{why} The call goes on without a window.")
    return None


def why_no_display(platform: str, environment: dict[str, str]) -> str:
    """One sentence on why no window can be opened; empty where one may be tried."""
    if platform != "linux" or environment.get("DISPLAY"):
        return ""
    if environment.get("WAYLAND_DISPLAY"):
        return "There is no display: DISPLAY is not set, and this Wayland session has no Xwayland."
    return "There is no display: DISPLAY is not set."


class Display:
    """A window; what is shown may come from any thread, and never waits."""

    def __init__(self, room: str, *, notice: Notice, on_key: OnKey) -> None:
        self._notice = notice
        self._on_key = on_key
        self._news = threading.Condition()
        self._newest: dict[Kind, Picture | Marks] = {}
        self._closing = False
        self._ready = False
        self.failure = ""
        """Why OpenCV cannot be loaded, in its own words: mostly a library of the system that is missing."""
        self._answered = threading.Event()  # it is ready, or gone
        self._shrink = VideoReformatter()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pycall.media.window", f"pycall - {room}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # OpenCV and Qt talk there, in the middle of the live line
            env=os.environ | ({"QT_QPA_PLATFORM": "xcb"} if sys.platform == "linux" else {}),
            bufsize=0,
            start_new_session=True,  # Ctrl-C in the terminal is for the program, not for its window
        )
        self._workers = [Worker("display-writer", self._write), Worker("display-reader", self._read)]
        for worker in self._workers:
            worker.start()

    def ready(self, cancelled: threading.Event | None = None) -> bool:
        """Wait for the window; whether it is there.

        Raises :class:`OpeningCancelledError` soon after ``cancelled`` was set.
        """
        deadline = time.monotonic() + READY_S
        while not self._answered.wait(LOOK_S) and time.monotonic() < deadline:
            if cancelled is not None and cancelled.is_set():
                raise OpeningCancelledError
        return self._ready

    def show_remote(self, picture: Picture) -> None:
        """Show the far side's picture."""
        self._put("remote", picture)

    def show_local(self, picture: Picture) -> None:
        """Show one's own picture."""
        self._put("local", picture)

    def set_marks(self, marks: Marks) -> None:
        """Show ``marks``."""
        self._put("marks", marks)

    def close(self) -> None:
        """Close the window; returns within some seconds, safe to repeat."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for worker in self._workers:
            worker.close()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _put(self, kind: Kind, item: Picture | Marks) -> None:
        with self._news:
            self._newest[kind] = item
            self._news.notify()

    def _write(self, stop: threading.Event) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            while not stop.is_set():
                with self._news:
                    self._news.wait_for(lambda: self._newest or self._closing)
                    if self._closing:
                        return
                    news, self._newest = self._newest, {}
                for kind, item in news.items():
                    message = self._message(kind, item)
                    for part in (message.head(), message.body):
                        _write_all(pipe.fileno(), part)
        except OSError:  # the window is gone; the reader says so
            return
        finally:
            self._process.terminate()  # a window that is told nothing any more would stand still

    def _message(self, kind: Kind, item: Picture | Marks) -> Message:
        if isinstance(item, Marks):
            return marks_message(item)
        frame = item.frame
        if kind == "local" and frame.width > INSET_WIDTH:
            height = max(2, round(frame.height * INSET_WIDTH / frame.width / 2) * 2)
            frame = self._shrink.reformat(frame, INSET_WIDTH, height, "yuv420p", interpolation="AREA")
        return Message(kind, frame.width, frame.height, frame.to_ndarray(format="yuv420p").tobytes())

    def _read(self, _stop: threading.Event) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        closed = False
        for line in iter(pipe.readline, b""):
            match line.decode(errors="replace").split():
                case ["ready"]:
                    self._ready = True
                    self._answered.set()
                case ["key", letter]:
                    self._on_key(letter)
                case ["failed", *why]:
                    self.failure = " ".join(why)
                case ["closed"]:
                    closed = True
        was_there = self._ready
        self._answered.set()
        if was_there and not self._closing:
            what = "was closed" if closed else "is gone"
            self._notice("display-lost", f"The window {what}; the call goes on.")


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
