"""The time of day for what people read and compare; everything else runs on the monotonic clock."""

from __future__ import annotations

import time


def unix_time() -> float:
    """Seconds since the Unix epoch, as the machine believes."""
    return time.time()  # noqa: TID251  burnt into pictures for people and for comparing machines


def wall_offset() -> float:
    """What to add to :func:`time.monotonic` to get Unix time, right now."""
    return unix_time() - time.monotonic()
