"""Linux cameras: what the kernel lists, which nodes are cameras, and what keeps one from being used.

Source of the structures: Linux, include/uapi/linux/videodev2.h; of the tree: Documentation/ABI and the
uvcvideo driver, which gives each camera a second node for metadata only.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pycall.media.devices.permission import permission_advice

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_QUERYCAP: Final = 0x80685600
"""VIDIOC_QUERYCAP: _IOR('V', 0, struct v4l2_capability)."""
_CAPABILITY: Final = struct.Struct("16s32s32sIII12x")
_CAN_CAPTURE: Final = 0x00000001 | 0x00001000
"""V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE."""
_HAS_DEVICE_CAPS: Final = 0x80000000

_WATCHERS: Final = frozenset({"pipewire", "wireplumber"})
"""They keep every camera open without using it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A camera: its file, the driver's name for it, and what keeps one from using it, or nothing."""

    path: Path
    name: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Nodes:
    """All cameras the kernel lists, or one sentence on why there are none."""

    cameras: tuple[Node, ...]
    why_none: str = ""


def nodes(root: Path = Path("/")) -> Nodes:
    """The cameras of the system below ``root``, in the kernel's order."""
    entries = sorted((root / "sys/class/video4linux").glob("video*"), key=_place)
    found = tuple(
        Node(path, _line(entry / "name") or entry.name, _problem(path))
        for entry in entries
        if _is_camera(entry, path := root / "dev" / entry.name)
    )
    if found:
        return Nodes(found)
    if entries:
        return Nodes((), "The kernel lists video devices, but none of them is a camera.")
    return Nodes((), "No camera is connected: the kernel lists no video device.")


def holders(path: Path, proc: Path = Path("/proc")) -> tuple[str, ...]:
    """The programs that have ``path`` open, each as ``name (pid)``; other users' are not seen."""
    return tuple(sorted({f"{name} ({pid})" for name, pid in _having_open(path, proc)}))


def capabilities(answer: bytes) -> int:
    """What a node itself can do, out of the answer to VIDIOC_QUERYCAP."""
    *_, device, node = _CAPABILITY.unpack(answer)
    return int(node if device & _HAS_DEVICE_CAPS else device)


def _is_camera(entry: Path, path: Path) -> bool:
    can = _asked(path)
    if can is not None:
        return bool(can & _CAN_CAPTURE)
    return _line(entry / "index") in {"", "0"}  # may not be opened: a camera's further nodes are its metadata


def _asked(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return capabilities(fcntl.ioctl(descriptor, _QUERYCAP, bytes(_CAPABILITY.size)))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _problem(path: Path) -> str:
    if not path.exists():
        return f"{path} is missing; a container must be given it, e.g. with --device."
    if not os.access(path, os.R_OK | os.W_OK):
        return f"You may not open {path}: {permission_advice(path)}"
    using = holders(path)
    return f"Open in {', '.join(using)}." if using else ""


def _having_open(path: Path, proc: Path) -> Iterator[tuple[str, str]]:
    for process in proc.glob("[0-9]*"):
        name = _line(process / "comm")
        if process.name == str(os.getpid()) or name in _WATCHERS:
            continue
        with contextlib.suppress(OSError):  # another user's, or gone meanwhile
            if any(_target(each) == str(path) for each in (process / "fd").iterdir()):
                yield name, process.name


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _place(entry: Path) -> int:
    number = entry.name.removeprefix("video")
    return int(number) if number.isdecimal() else 0
