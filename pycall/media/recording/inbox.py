"""What waits for the recorder's thread: bounded, and putting something in never blocks."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, Literal

from pycall.media.frames import Picture, Sound

Side = Literal["remote", "local"]
"""The far side or one's own."""

PICTURES: Final = 6
"""Pictures of one side that may wait, 0.2 s at 30 pictures/s; then the oldest is left out."""

SOUNDS: Final = 1500
"""Blocks of sound of one side that may wait, 30 s: more than a disk is expected to stall."""

Item = tuple[Side, Picture | Sound]


class Inbox:
    """Pictures and sound of both sides on their way into one thread."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._pictures: dict[Side, deque[Picture]] = {
            "remote": deque(maxlen=PICTURES),
            "local": deque(maxlen=PICTURES),
        }
        self._sounds: dict[Side, deque[Sound]] = {
            "remote": deque(maxlen=SOUNDS),
            "local": deque(maxlen=SOUNDS),
        }
        self._open = False
        self._given = 0
        self._left_out = 0

    def open(self) -> None:
        """From now on things are let in."""
        with self._ready:
            self._open = True

    def close(self) -> None:
        """Let nothing more in; what is there can still be taken."""
        with self._ready:
            self._open = False
            self._ready.notify()

    def put_picture(self, side: Side, picture: Picture) -> None:
        """Add a picture; the oldest of that side goes when there are too many."""
        with self._ready:
            if self._open:
                waiting = self._pictures[side]
                self._given += 1
                self._left_out += len(waiting) == PICTURES
                waiting.append(picture)
                self._ready.notify()

    def put_sound(self, side: Side, sound: Sound) -> None:
        """Add a block of sound."""
        with self._ready:
            if self._open:
                self._sounds[side].append(sound)
                self._ready.notify()

    def take(self, timeout: float) -> list[Item] | None:
        """Take all sound and the oldest picture, ordered by time.

        One picture at a time, so that a thread that is too slow leaves them out evenly. Empty when
        nothing came within ``timeout`` seconds, ``None`` when nothing will ever come.
        """
        with self._ready:
            self._ready.wait_for(lambda: not self._open or self._waiting(), timeout)
            items: list[Item] = []
            for side, sounds in self._sounds.items():
                items.extend((side, sound) for sound in sounds)
                sounds.clear()
            first = min(
                (side for side, pictures in self._pictures.items() if pictures),
                key=lambda side: self._pictures[side][0].time,
                default=None,
            )
            if first is not None:
                items.append((first, self._pictures[first].popleft()))
            if not items and not self._open:
                return None
        return sorted(items, key=lambda item: item[1].time)

    def take_counts(self) -> tuple[int, int]:
        """Return how many pictures were left out since the last time this was asked, and of how many."""
        with self._ready:
            counts = self._left_out, self._given
            self._left_out = self._given = 0
        return counts

    def _waiting(self) -> bool:
        return any(self._pictures.values()) or any(self._sounds.values())
