"""Where received media goes: pictures to whoever shows them, sound into the playout."""

from __future__ import annotations

import av

from pycall.media.feed import Feed
from pycall.media.frames import Picture, Samples
from pycall.media.playout.playout import Playout


class FarEnd:
    """The other side, as seen and heard here. It outlives every peer connection of a call."""

    def __init__(self) -> None:
        self.shown: Feed[Picture] = Feed()
        """Pictures with the time at which they are shown."""
        self.playout = Playout()

    def picture(self, frame: av.VideoFrame, arrival: float) -> None:
        """A decoded picture; it is shown as it comes. ``arrival`` is monotonic seconds."""
        width, height = max(2, frame.width & ~1), max(2, frame.height & ~1)
        if (frame.width, frame.height, frame.format.name) != (width, height, "yuv420p"):
            frame = frame.reformat(width, height, "yuv420p")
        self.shown.publish(Picture(frame, arrival))

    def sound(self, samples: Samples, timestamp: int, arrival: float) -> None:
        """A decoded block of mono sound; ``timestamp`` counts samples on the sender's clock."""
        self.playout.push(samples, timestamp, arrival)

    @property
    def sound_delay_s(self) -> float:
        """How long sound is held against jitter, in seconds."""
        return self.playout.delay_s
