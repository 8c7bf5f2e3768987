"""Where the time goes between a camera or microphone and the other end's screen or speaker.

Each stage notes how long each picture, or packet of sound, spent in it, both ways: one
:class:`Stages` per kind of media and connection. Nothing here does I/O or looks at a clock.
"""

from __future__ import annotations

import statistics
from collections import deque
from typing import Final, Literal, TypeAlias

Stage: TypeAlias = Literal["wait", "encode", "pace", "way", "repair", "decode"]
"""A part of the way. At the sender:

``wait``   from capture until the encoder begins; of sound from a block's first sample on, 20 ms more,
``encode`` in the encoder, with scaling,
``pace``   from the encoder until the last packet leaves;

and at the receiver:

``way``    from the other end's capture until the first packet came: its three stages and the network,
``repair`` from the first packet until all is there, with what was asked for again,
``decode`` from then until the picture is decoded, with the decoder's queue.
"""

MOST: Final = 64
"""Values kept of a stage: more than a second of sound, or of pictures."""


class Stages:
    """How long the stages of one kind of media took lately.

    :meth:`note` costs next to nothing and may be called from any thread; :meth:`take` from one.
    """

    def __init__(self) -> None:
        self._noted: dict[Stage, deque[float]] = {
            "wait": deque(maxlen=MOST),
            "encode": deque(maxlen=MOST),
            "pace": deque(maxlen=MOST),
            "way": deque(maxlen=MOST),
            "repair": deque(maxlen=MOST),
            "decode": deque(maxlen=MOST),
        }

    def note(self, stage: Stage, seconds: float) -> None:
        """A picture or packet spent ``seconds`` in ``stage``."""
        self._noted[stage].append(seconds)

    def take(self, *stages: Stage) -> dict[Stage, float]:
        """The median of each of ``stages`` since it was last taken, in seconds; without those not seen."""
        taken: dict[Stage, float] = {}
        for stage in stages:
            noted, self._noted[stage] = self._noted[stage], deque(maxlen=MOST)
            if noted:
                taken[stage] = statistics.median(noted)
        return taken
