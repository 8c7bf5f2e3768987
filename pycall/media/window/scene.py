"""What the window looks like: two pictures, two names, and the marks."""

from __future__ import annotations

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from pycall.media.window.labels import (
    BOLD,
    GREY,
    WHITE,
    Canvas,
    Sign,
    Stamp,
    avatar_stamp,
    pill_stamp,
    rounded,
    shortened,
    text_stamp,
)
from pycall.media.window.wire import Marks, Message

BACKGROUND: Final = (30, 27, 25)
INSET_BACKGROUND: Final = (52, 47, 43)
BORDER: Final = (120, 114, 110)

SMALLEST_WITH_INSET: Final = 120
"""Pixels: a window smaller than this shows the far picture only."""

KEYS: Final = "m  mute      v  camera      r  record      q  hang up"

Place: TypeAlias = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""


class Scene:
    """Takes messages and draws the newest of everything at any size."""

    def __init__(self) -> None:
        self.remote: Canvas | None = None
        self.local: Canvas | None = None
        self.marks = Marks()
        self._canvas: Canvas = np.empty((0, 0, 3), np.uint8)

    def take(self, message: Message) -> None:
        """Show what ``message`` brings from now on."""
        if message.kind == "marks":
            self.marks = message.marks()
            if self.marks.status:
                self.remote = None  # the one who was seen is not there any more
        elif message.kind == "remote":
            if not self.marks.status:  # else it was on its way when the other side left
                self.remote = _picture(message)
        else:
            self.local = _picture(message)

    def draw(self, width: int, height: int) -> Canvas:
        """The whole window; the next call draws on the same pixels."""
        if self._canvas.shape[:2] != (height, width):
            self._canvas = np.empty((height, width, 3), np.uint8)
        canvas = self._canvas
        size = int(np.clip(min(height, width * 0.6) * 0.03, 13, 30))
        margin = round(size * 0.9)
        self._draw_far_side(canvas, size)
        self._draw_recording(canvas, size, margin)
        self._draw_far_name(canvas, size, margin)
        self._draw_own_side(canvas, size, margin)
        return canvas

    def _draw_far_side(self, canvas: Canvas, size: int) -> None:
        marks = self.marks
        height, width = canvas.shape[:2]
        if self.remote is not None and not marks.peer_camera_off:
            left, top, wide, high = fitted(self.remote, (width, height))
            if (wide, high) != (width, height):
                canvas[:] = BACKGROUND
            cv2.resize(self.remote, (wide, high), canvas[top : top + high, left : left + wide])
            return
        canvas[:] = BACKGROUND
        middle = height // 2
        if marks.status in {"", "connecting", "reconnecting"} and marks.peer_name:
            face = avatar_stamp(marks.peer_name, size * 6)
            _centred(face, canvas, middle - size * 7)
        if text := _status_text(marks):
            large = round(size * 1.5)
            text = shortened(text, large, round(width * 0.9))
            _centred(text_stamp(text, large, WHITE, BOLD), canvas, middle)
        if marks.status:
            _centred(text_stamp(KEYS, size, GREY), canvas, middle + size * 3)

    def _draw_recording(self, canvas: Canvas, size: int, margin: int) -> None:
        texts = ["REC"] if self.marks.recording else []
        if self.marks.peer_recording:
            name = shortened(self.marks.peer_name or "The other side", size, canvas.shape[1] // 3)
            texts.append(f"{name} is recording")
        left = margin
        for text in texts:
            pill = pill_stamp(text, size, ("recording",), signs_first=True)
            pill.put(canvas, left, margin)
            left += pill.width + margin // 2

    def _draw_far_name(self, canvas: Canvas, size: int, margin: int) -> None:
        marks = self.marks
        if marks.peer_name and not marks.status:
            signs = _signs(muted=marks.peer_muted, camera_off=marks.peer_camera_off)
            pill = pill_stamp(shortened(marks.peer_name, size, canvas.shape[1] // 3), size, signs)
            pill.put(canvas, margin, canvas.shape[0] - margin - pill.height)

    def _draw_own_side(self, canvas: Canvas, size: int, margin: int) -> None:
        marks = self.marks
        height, width = canvas.shape[:2]
        small = max(12, round(size * 0.8))
        wide, high = self._inset_size(width, height)
        name = shortened(marks.own_name or "You", small, (wide or width // 3) - 2 * small)
        pill = pill_stamp(name, small, _signs(muted=marks.muted, camera_off=marks.camera_off))
        if self.local is None or not wide:
            pill.put(canvas, width - margin - pill.width, height - margin - pill.height)
            return
        left, top = width - margin - wide, height - margin - high
        if marks.camera_off:
            image = np.full((high, wide, 3), INSET_BACKGROUND, np.uint8)
            face = avatar_stamp(marks.own_name, high // 2)
            face.put(image, (wide - face.width) // 2, (high - face.height) // 2)
        else:
            image = np.asarray(cv2.resize(self.local, (wide, high)), np.uint8)
            if marks.mirror:
                image = np.asarray(cv2.flip(image, 1), np.uint8)
        _inset(canvas, image, left, top, max(6, size // 2))
        pill.put(canvas, left + small // 2, top + high - small // 2 - pill.height)

    def _inset_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of one's own picture in a window of this size; 0, 0 where it has no place."""
        if self.local is None or min(width, height) < SMALLEST_WITH_INSET:
            return 0, 0
        return fitted(self.local, (int(np.clip(width * 0.24, 96, 360)), round(height * 0.32)))[2:]


def fitted(picture: NDArray[np.uint8], room: tuple[int, int]) -> Place:
    """The largest place in ``room`` (width, height) with the picture's proportions, in its middle."""
    scale = min(room[0] / picture.shape[1], room[1] / picture.shape[0])
    wide, high = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return (room[0] - wide) // 2, (room[1] - high) // 2, wide, high


def _inset(canvas: Canvas, image: Canvas, left: int, top: int, radius: int) -> None:
    """``image`` with round corners and a thin border."""
    high, wide = image.shape[:2]
    cv2.rectangle(canvas, (left + radius, top - 1), (left + wide - radius, top + high), BORDER)
    cv2.rectangle(canvas, (left - 1, top + radius), (left + wide, top + high - radius), BORDER)
    canvas[top + radius : top + high - radius, left : left + wide] = image[radius:-radius]
    edge, inner = rounded(wide + 2, high + 2, radius + 1), rounded(wide, high, radius)
    border = np.full((radius + 1, wide + 2, 3), BORDER, np.uint8)
    Stamp(border, edge[: radius + 1]).put(canvas, left - 1, top - 1)
    Stamp(border, edge[-radius - 1 :]).put(canvas, left - 1, top + high - radius)
    Stamp(image[:radius], inner[:radius]).put(canvas, left, top)
    Stamp(image[-radius:], inner[-radius:]).put(canvas, left, top + high - radius)


def _picture(message: Message) -> Canvas:
    planes = np.frombuffer(message.body, np.uint8).reshape(message.height * 3 // 2, message.width)
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), np.uint8)


def _centred(stamp: Stamp, canvas: Canvas, top: int) -> None:
    stamp.put(canvas, (canvas.shape[1] - stamp.width) // 2, top)


def _signs(*, muted: bool, camera_off: bool) -> tuple[Sign, ...]:
    signs: list[Sign] = []
    if muted:
        signs.append("muted")
    if camera_off:
        signs.append("camera-off")
    return tuple(signs)


def _status_text(marks: Marks) -> str:
    match marks.status:
        case "waiting":
            return "Waiting for the other side"
        case "connecting":
            return f"Connecting to {marks.peer_name}" if marks.peer_name else "Connecting"
        case "reconnecting":
            return f"Reconnecting to {marks.peer_name}" if marks.peer_name else "Reconnecting"
        case "":
            return f"{marks.peer_name}'s camera is off" if marks.peer_camera_off and marks.peer_name else ""
        case text:
            return text
