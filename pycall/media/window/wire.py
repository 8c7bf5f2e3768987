"""What goes from the program to its window, and how it is written into the pipe."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["remote", "local", "marks"]

KINDS: Final[tuple[Kind, ...]] = ("remote", "local", "marks")

_HEADER: Final = struct.Struct("!BHHI")
"""Place of the kind in :data:`KINDS`, width and height in pixels (0 for marks), length of what follows."""

Read: TypeAlias = Callable[[int], bytes]
"""Like a buffered file's ``read``: exactly so many bytes, fewer only at the end."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What the window shows besides pictures."""

    own_name: str = ""
    peer_name: str = ""
    muted: bool = False
    camera_off: bool = False
    recording: bool = False
    peer_muted: bool = False
    peer_camera_off: bool = False
    peer_recording: bool = False
    status: str = ""
    """``waiting``, ``connecting``, ``reconnecting`` or a text in place of the far picture; else empty."""
    mirror: bool = True
    """Whether one's own picture is shown as in a mirror: right for a face, wrong for a screen."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to be shown."""

    kind: Kind
    width: int
    height: int
    body: bytes
    """A yuv420p picture, its planes one after the other without padding; or :class:`Marks` as JSON."""

    def head(self) -> bytes:
        """What is written before the body."""
        return _HEADER.pack(KINDS.index(self.kind), self.width, self.height, len(self.body))

    def marks(self) -> Marks:
        """The marks of a message of that kind."""
        return Marks(**json.loads(self.body))


def marks_message(marks: Marks) -> Message:
    """``marks`` for the pipe."""
    return Message("marks", 0, 0, json.dumps(asdict(marks)).encode())


def read_message(read: Read) -> Message | None:
    """The next message; ``None`` at the end, also when that comes in the middle of one."""
    head = read(_HEADER.size)
    if len(head) < _HEADER.size:
        return None
    kind, width, height, length = _HEADER.unpack(head)
    body = read(length)
    return Message(KINDS[kind], width, height, body) if len(body) == length else None
