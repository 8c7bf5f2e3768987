"""The shared libraries inside av's wheel, for what av itself has no way to ask of them.

A wheel repaired by auditwheel keeps them in ``av.libs`` beside the package, delvewheel does the same on
Windows, delocate puts them in ``av/.dylibs`` on macOS. av has loaded them already, so no second copy is made.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import re
from pathlib import Path
from typing import Final, Literal, TypeAlias

import av

logger = logging.getLogger(__name__)

Name: TypeAlias = Literal["opus", "vpx"]

_FOLDERS: Final = ("../av.libs", ".dylibs", ".libs")
"""Where they may be, seen from the package."""


@functools.cache
def load(name: Name) -> ctypes.CDLL | None:
    """The library; ``None`` where the wheel brings none that can be loaded, which is logged once."""
    for path in candidates(Path(av.__file__).parent, name):
        try:
            return ctypes.CDLL(str(path))
        except OSError as error:
            logger.info("lib%s does not load: %s", name, error)
    logger.info("av brings no lib%s that can be called; av's own coding is used instead.", name)
    return None


def candidates(package: Path, name: Name) -> list[Path]:
    """The files that may be the library, given the folder of the package ``av``."""
    wanted = re.compile(rf"(lib)?{name}[-.\d].*\.?(so|dylib|dll)(\.\d+)*", re.IGNORECASE)
    return [
        path
        for folder in _FOLDERS
        if (package / folder).is_dir()
        for path in sorted((package / folder).iterdir())
        if wanted.fullmatch(path.name)
    ]
