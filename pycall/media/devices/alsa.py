"""What ALSA needs to work from inside a wheel, and to be quiet about it.

The libasound that comes with `av` looks for its configuration and plugins where it was built, finds
neither, and then opens no device at all. Two environment variables lead it to the system's; they must be set
before the first device is opened. The plugins are what reaches PulseAudio and PipeWire.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av

from pycall.media.devices.permission import permission_advice

_CONFIG: Final = Path("usr/share/alsa")
_PLUGINS: Final = ("usr/lib/{machine}-linux-gnu*/alsa-lib", "usr/lib64/alsa-lib", "usr/lib/alsa-lib")
"""Debian and its family; Fedora, openSUSE; Arch, Alpine."""

_HANDLER = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)


def prepare_alsa() -> None:
    """Set the environment for `av`'s ALSA and keep libasound from printing; safe to repeat."""
    if not sys.platform.startswith("linux"):
        return
    for name, value in alsa_environment().items():
        os.environ.setdefault(name, value)
    for library in _libraries():
        library.snd_lib_error_set_handler(_be_quiet)


def alsa_environment(root: Path = Path("/"), machine: str = "") -> dict[str, str]:
    """The variables that lead to the ALSA of the system below ``root``; empty where it has none."""
    found = {}
    if (config := root / _CONFIG).is_dir():
        found["ALSA_CONFIG_DIR"] = str(config)
    machine = machine or platform.machine()
    for pattern in _PLUGINS:
        folders = sorted(root.glob(pattern.format(machine=machine)))
        if folders:
            found["ALSA_PLUGIN_DIR"] = str(folders[0])
            break
    return found


def why_no_sound(direction: str, root: Path = Path("/")) -> str:
    """One sentence on why Linux offers no ``direction`` (microphone or speaker)."""
    folder = root / "dev/snd"
    shut = [node for node in folder.glob("*") if not os.access(node, os.R_OK | os.W_OK) and not node.is_dir()]
    if shut:
        return f"You may not open {shut[0]}: {permission_advice(shut[0])}"
    cards = root / "proc/asound/cards"
    if cards.exists() and "[" in cards.read_text():
        return f"The sound card has no {direction}, or it is in use by another program."
    return (
        f"There is no {direction}: no sound server (PulseAudio or PipeWire) answers, and the kernel "
        "knows no sound card."
    )


def _libraries() -> Iterator[ctypes.CDLL]:
    """The system's libasound, which miniaudio loads, and the one inside `av`'s wheel."""
    bundled = Path(av.__file__).parent.with_name("av.libs").glob("libasound*")
    for name in ("libasound.so.2", *map(str, bundled)):
        try:
            yield ctypes.CDLL(name)
        except OSError:
            continue


def _ignore(*_: object) -> None:
    """Instead of libasound's own handler, which writes to stderr in the middle of the live line."""


_be_quiet = _HANDLER(_ignore)  # libasound keeps a pointer to it
