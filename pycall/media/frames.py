"""What travels through :mod:`pycall.media`: pictures and sound, and now and then a notice.

The first two are stamped with the clock of :func:`time.monotonic`, in seconds. Neither is changed after it
was published: one object is read by the sender, the display and the recorder at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import av

from pycall.codecs import packets

SAMPLE_RATE: Final = 48_000
"""Samples per second of all sound inside pycall; it is mono, 16 bit."""

BLOCK: Final = 960
"""Samples of one block of sound: 20 ms, one Opus frame (RFC 6716 section 2.1.4)."""

Samples: TypeAlias = packets.Samples
"""Mono samples, shape ``(n,)``."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: ``frame`` is yuv420p with even width and height."""

    frame: av.VideoFrame
    time: float
    """When it was taken (sources) or shown (the far side's), monotonic seconds."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A block of mono sound at :data:`SAMPLE_RATE`, normally :data:`BLOCK` samples."""

    samples: Samples
    time: float
    """When its first sample was taken (sources) or played (the far side's), monotonic seconds."""


Notice: TypeAlias = Callable[[str, str], None]
"""``notice(code, sentence)``: something a person should know that ends nothing; called from any thread."""
