"""Lip sync: how long a picture waits for its sound, and how long sound is held for its pictures.

What was captured at one moment should be seen and heard at one moment. Both come with the time of
their capture on our own clock (RFC 3550 section 6.4.1), so each has a *delay* from capture to
showing or hearing. Nobody notices sound that is up to 45 ms early or 125 ms late (ITU-R BT.1359-1); the
two are kept within :data:`EARLY_S` and :data:`LATE_S`, and neither is held for less than that.
Nothing here reads a clock.
"""

from __future__ import annotations

import statistics
from collections import deque
from typing import Final

EARLY_S: Final = 0.045
"""A picture may be seen so long before its sound is heard."""

LATE_S: Final = 0.045
"""And so long after it."""

MOST_S: Final = 0.250
"""Neither is held longer for the other than this, whatever the other end says of its clock."""

BELIEVED_S: Final = 1.0
"""Two that are further apart than this were not timed by one clock: neither is held for the other."""

STEP_S: Final = 0.008
"""From one picture to the next the delay changes by this at most: a quarter of the time between two."""

HURRY_S: Final = 0.033
FAR_S: Final = 0.015
"""But by this, the time between two, while pictures are seen earlier than they may by more than that: 60 ms
before their sound. When a way gets worse, sound is later from one moment to the next."""

MEMORY: Final = 15
"""Pictures over which delays are smoothed that the sound is held for: half a second."""

BRIEF: Final = 5
"""Pictures over which the delay of sound is smoothed: when it is held for longer they must follow soon."""

PATIENCE_S: Final = 0.5
"""Sound that is not heard for so long has stopped, and pictures wait for it no more."""


class Lips:
    """Keeps pictures with their sound; is asked once for each picture."""

    def __init__(self) -> None:
        self.floor_s = 0.0
        """What the playout of sound must hold at least, so that sound is not before its pictures."""
        self._heard: deque[float] = deque(maxlen=BRIEF)  # delays of sound, from capture to ear
        self._way: deque[float] = deque(maxlen=MEMORY)  # the same without the playout's holding
        self._heard_at = float("-inf")
        self._came: deque[float] = deque(maxlen=MEMORY)  # delays of pictures, from capture to arrival
        self._delay: float | None = None  # the one at which pictures are shown, if they come in time

    def show_at(
        self, captured_at: float | None, arrival: float, *, heard_s: float | None, held_s: float
    ) -> float:
        """When to show a picture that came at ``arrival``: then, or up to :data:`MOST_S` later.

        ``captured_at`` is monotonic seconds as ``arrival`` is, and ``None`` where it is not known.
        ``heard_s`` is the time from capture to ear of the sound that is heard now, ``None`` when there is
        none, and ``held_s`` what the playout's holding has in it.
        """
        self._listen(heard_s, held_s, arrival)
        if captured_at is None or not self._heard:
            self._delay, self.floor_s = None, 0.0
            self._came.clear()
            return arrival
        self._came.append(arrival - captured_at)
        if len(self._came) == MEMORY:
            late = statistics.median(self._came) - statistics.median(self._way)
            self.floor_s = min(MOST_S, max(0.0, late - LATE_S)) if late < BELIEVED_S else 0.0
        self._delay = self._moved(statistics.median(self._heard) - EARLY_S)
        return min(max(arrival, captured_at + self._delay), arrival + MOST_S)

    def _listen(self, heard_s: float | None, held_s: float, arrival: float) -> None:
        if heard_s is not None:
            self._heard.append(heard_s)
            self._way.append(heard_s - held_s)
            self._heard_at = arrival
        elif arrival - self._heard_at > PATIENCE_S:
            self._heard.clear()
            self._way.clear()

    def _moved(self, wanted: float) -> float:
        """The delay of pictures, a step nearer to the one ``wanted``; all the way when a clock was set."""
        quickest = min(self._came)  # below it the delay says nothing: pictures do not come sooner
        if wanted > quickest + BELIEVED_S:
            return quickest
        delay = quickest if self._delay is None else max(self._delay, quickest)
        if abs(max(wanted, quickest) - delay) > MOST_S:
            self._forget()
            return max(wanted, self._came[-1])
        later = HURRY_S if wanted - delay > FAR_S else STEP_S
        return min(max(wanted, delay - STEP_S), delay + later)

    def _forget(self) -> None:
        """What was measured before a clock was set cannot be compared with what is measured now."""
        for remembered in (self._came, self._way):
            while len(remembered) > 1:
                remembered.popleft()
