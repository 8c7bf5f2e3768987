"""Which releases are known inside, and how a name of theirs is replaced."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import logging
import types
from typing import Any, Final

logger = logging.getLogger(__name__)

KNOWN: Final = {"aiortc": "1.16.", "aioice": "0.13."}
"""The releases whose inside this package was written for."""


@functools.cache
def versions_known() -> bool:
    """Whether the installed releases are those this package knows; says so once if not."""
    versions = {name: importlib.metadata.version(name) for name in KNOWN}
    known = all(versions[name].startswith(start) for name, start in KNOWN.items())
    if not known:
        logger.error("pycall guards aiortc 1.16 and aioice 0.13; %s run without its guards.", versions)
    return known


def replace(owner: Any, name: str, replacement: object) -> Any:
    """Put ``replacement`` in place of ``owner.name``, which must exist, and return what was there."""
    original = getattr(owner, name)
    setattr(owner, name, replacement)
    return original


def has_all(owner: object, *names: str) -> bool:
    """Whether the releases are known and ``owner`` has these names; says so once if not."""
    missing = [name for name in names if not hasattr(owner, name)]
    if missing:
        _miss(", ".join(missing))
    return versions_known() and not missing


def module(name: str) -> Any:
    """That module; where there is none an empty one, of which :func:`has_all` says what is missing."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return types.ModuleType(name)


@functools.cache
def _miss(names: str) -> None:
    logger.error("aiortc is different inside than expected: no %s", names)
