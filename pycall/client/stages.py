"""Where the time goes between a camera or microphone and the other end's screen or speaker.

Each stage notes how long each picture, or packet of sound, spent in it, both ways: one
:class:`Stages` per kind of media and connection. Nothing here does I/O or looks at a clock.
"""

from __future__ import annotations

import statistics
from collections import deque
from typing import Final, Literal, Protocol, TypeAlias

from pycall.core.events import Latency
from pycall.core.messages import Shares

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

Kind: TypeAlias = Literal["audio", "video"]

MOST: Final = 64
"""Values kept of a stage: more than a second of sound, or of pictures."""


class Delays(Protocol):
    """How long received media is held here, in seconds; :class:`pycall.media.playout.far_end.Delays`."""

    @property
    def picture_held_s(self) -> float | None:
        """From a picture's coming to its being shown."""

    @property
    def picture_s(self) -> float | None:
        """From its capture to its being shown."""

    @property
    def sound_held_s(self) -> float:
        """How long sound that took the shortest way waits until it is pulled, with its codec's look-ahead."""

    @property
    def device_s(self) -> float:
        """From there to its coming out of the speaker."""

    @property
    def sound_s(self) -> float | None:
        """From capture to its coming out."""


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

    def shares(self) -> Shares:
        """Our part of the delay since this was last asked: what the other end is told."""
        taken = self.take("wait", "encode", "pace")
        return Shares(*(_rounded(taken.get(stage)) for stage in ("wait", "encode", "pace")))

    def latency(self, kind: Kind, told: Shares, delays: Delays) -> Latency:
        """All stages of what was received since this was last asked.

        ``told`` is what the other end says of its part, ``delays`` what happens after decoding.
        """
        taken = self.take("way", "repair", "decode")
        network_s = taken.get("way")
        if network_s is not None:
            network_s = max(0.0, network_s - sum(filter(None, (told.wait_s, told.encode_s, told.pace_s))))
        is_sound = kind == "audio"
        return Latency(
            kind,
            wait_ms=_ms(told.wait_s),
            encode_ms=_ms(told.encode_s),
            pace_ms=_ms(told.pace_s),
            network_ms=_ms(network_s),
            repair_ms=_ms(taken.get("repair")),
            decode_ms=_ms(taken.get("decode")),
            hold_ms=_ms(delays.sound_held_s if is_sound else delays.picture_held_s),
            device_ms=_ms(delays.device_s) if is_sound else None,
            total_ms=_ms(delays.sound_s if is_sound else delays.picture_s),
        )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(max(0.0, seconds), 6)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
