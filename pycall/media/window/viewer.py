"""What the window's process does: it draws what comes and tells what is pressed."""

from __future__ import annotations

import sys
import threading
import time
from typing import BinaryIO, Final, TextIO

import cv2

from pycall.media.window.scene import Scene, fitted
from pycall.media.window.wire import KINDS, Kind, Message, read_message

FIRST_SIZE: Final = (960, 540)
LARGEST_FIRST: Final = (960, 720)
"""The window opens at the first size, and takes on the far picture's shape within the second."""

LOOK_S: Final = 0.02
"""How often keys and the window's size are looked at."""

SOON_S: Final = 0.04
"""A far picture is drawn at once; anything else together with it, or at the latest after this long."""

KEYS: Final = frozenset("mvrq")


class Newest:
    """The newest message of each kind."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._newest: dict[Kind, Message] = {}
        self._ended = False

    def fill(self, stream: BinaryIO) -> None:
        """Read ``stream`` to its end; the body of a thread."""
        while (message := read_message(stream.read)) is not None:
            with self._news:
                self._newest[message.kind] = message
                self._news.notify()
        with self._news:
            self._ended = True
            self._news.notify()

    def take(self, timeout: float) -> list[Message] | None:
        """What is new, marks last; an empty list after ``timeout`` seconds, ``None`` at the end."""
        with self._news:
            self._news.wait_for(lambda: self._newest or self._ended, timeout)
            if self._ended:
                return None
            news, self._newest = self._newest, {}
        return [news[kind] for kind in KINDS if kind in news]


def run(title: str, answers: TextIO) -> None:
    """Show a window until the input ends or somebody closes it."""
    cv2.setNumThreads(1)  # its pool of threads spins between two pictures
    newest, scene = Newest(), Scene()
    cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
    cv2.resizeWindow(title, *FIRST_SIZE)
    cv2.imshow(title, scene.draw(*FIRST_SIZE))
    cv2.pollKey()
    print("ready", file=answers)
    reading = threading.Thread(
        target=newest.fill, args=(sys.stdin.buffer,), name="pycall-window-reader", daemon=True
    )
    reading.start()
    show(title, newest, scene, answers)


def show(title: str, newest: Newest, scene: Scene, answers: TextIO) -> None:
    """Draw what comes and tell what is pressed, until the input ends or the window is closed."""
    size, shaped, stale, drawn_at = FIRST_SIZE, False, False, 0.0
    while (news := newest.take(LOOK_S)) is not None:
        for message in news:
            scene.take(message)
        if scene.remote is not None and not shaped:
            shaped = True
            cv2.resizeWindow(title, *fitted(scene.remote, LARGEST_FIRST)[2:])
        _, _, width, height = cv2.getWindowImageRect(title)
        stale = stale or bool(news) or size != (width, height)
        waited = time.monotonic() - drawn_at > SOON_S
        if stale and min(width, height) > 0 and (waited or any(each.kind == "remote" for each in news)):
            size, stale, drawn_at = (width, height), False, time.monotonic()
            cv2.imshow(title, scene.draw(width, height))
        key = cv2.pollKey()
        if key >= 0 and (letter := chr(key & 0xFF).lower()) in KEYS:
            print(f"key {letter}", file=answers)
        if not _is_open(title):
            print("closed", file=answers)
            return


def _is_open(title: str) -> bool:
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:  # Qt's way of saying that its last window was closed
        return False
