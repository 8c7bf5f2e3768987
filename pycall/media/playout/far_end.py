"""Where received media goes: pictures to whoever shows them, sound into the playout."""

from __future__ import annotations

import av

from pycall.media.feed import Feed
from pycall.media.frames import Picture, Samples, black_frame
from pycall.media.playout.playout import Playout
from pycall.media.tap import Tap


class FarEnd:
    """The other side, as seen and heard here. It outlives every peer connection of a call."""

    def __init__(self) -> None:
        self.shown: Feed[Picture] = Feed()
        """Pictures with the time at which they are shown."""
        self.playout = Playout()
        self._odd: Feed[Picture] = Feed()
        self._fitting: Tap[Picture] | None = None  # only where somebody sends what has to be converted
        self._size: tuple[int, int] | None = None
        self._closed = False

    def picture(self, frame: av.VideoFrame, arrival: float) -> None:
        """A decoded picture; it is shown as it comes. ``arrival`` is monotonic seconds.

        Called on the event loop, so one of another format or of odd size is converted in a thread.
        """
        picture = Picture(frame, arrival)
        self._size = _even(frame)
        if (frame.width, frame.height, frame.format.name) == (*_even(frame), "yuv420p"):
            self.shown.publish(picture)
        elif not self._closed:
            self._fitting = self._fitting or Tap("fitting", self._odd, self._fit)
            self._odd.publish(picture)

    def interrupted(self, now: float) -> None:
        """Nothing comes any more since about ``now``: what was last seen is not shown on, nor recorded."""
        if self._size is not None:
            self.shown.publish(Picture(black_frame(*self._size), now))

    def sound(self, samples: Samples, timestamp: int, arrival: float) -> None:
        """A decoded block of mono sound; ``timestamp`` counts samples on the sender's clock."""
        self.playout.push(samples, timestamp, arrival)

    @property
    def sound_delay_s(self) -> float:
        """How long sound is held against jitter, in seconds."""
        return self.playout.delay_s

    def close(self) -> None:
        """Show nothing more; returns within a second."""
        self._closed = True
        if self._fitting is not None:
            self._fitting.close()
        self.shown.close()

    def _fit(self, picture: Picture) -> None:
        frame = picture.frame.reformat(*_even(picture.frame), "yuv420p")
        self.shown.publish(Picture(frame, picture.time))


def _even(frame: av.VideoFrame) -> tuple[int, int]:
    return max(2, frame.width & ~1), max(2, frame.height & ~1)
