"""What the user was told of the other one, so that nothing is told twice."""

from __future__ import annotations

from typing import Final, Literal

from pycall.core import events
from pycall.core import outputs as o
from pycall.core.messages import State

_QUIET: Final = State(muted=False, camera_off=False, recording=False)
"""What one does that has said nothing of itself."""


class Impression:
    """Of one other end, over all connections to it."""

    def __init__(self) -> None:
        self._state = _QUIET
        self._kinds: set[str] = set()

    def arrived(self, kind: Literal["audio", "video"]) -> list[o.Output]:
        """A connection decoded its first frame of a kind; one that replaces another brings nothing new."""
        if kind in self._kinds:
            return []
        self._kinds.add(kind)
        return [o.Announce(events.FirstFrame(kind))]

    def said(self, state: State) -> list[o.Output]:
        """It said what it does."""
        if state == self._state:
            return []
        self._state = state
        return [o.Announce(events.PeerState(state.muted, state.camera_off, state.recording))]
