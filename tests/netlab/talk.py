"""Two people who talk across a laboratory, and what their programs told of it."""

from __future__ import annotations

from typing import Any, Final

from tests.netlab.laboratory import Laboratory
from tests.program import Program
from tests.rig import wait_until

PATIENCE_S: Final = 45.0
"""More than a renewal that fails, the pause after it and another one take."""


class Talk:
    """Ann on side a and Bob on side b, in the room ``den``, who see and hear each other."""

    def __init__(self, lab: Laboratory, *options: str, **changes: str | None) -> None:
        """``options`` and ``changes`` are those of :meth:`Laboratory.caller`, for both."""
        self.ann = lab.caller("a", "den", *options, name="Ann", **changes)
        self.ann.wait_for_event("joined")
        self.bob = lab.caller("b", "den", *options, name="Bob", **changes)
        self.both = (self.ann, self.bob)
        for caller in self.both:
            caller.wait_for_event("connected")
        self.wait_for_pictures()

    def wait_for_pictures(self) -> None:
        """Return when each sees the other, and neither looks for a connection."""
        for caller in self.both:
            wait_until(lambda caller=caller: pictures_come(caller), PATIENCE_S)  # type: ignore[misc]


def named(name: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of this name."""
    return [event for event in events if event["event"] == name]


def since(caller: Program, moment: float, *names: str) -> list[dict[str, Any]]:
    """What it told after a moment of Unix time."""
    return [event for event in caller.events if event["time"] > moment and event["event"] in names]


def pictures_come(caller: Program) -> bool:
    """Whether its last figures show pictures, and nothing was lost since."""
    events = [event for event in caller.events if event["event"] in {"stats", "reconnecting"}]
    return bool(events) and events[-1]["event"] == "stats" and events[-1]["fps"] > 5


def path_of(caller: Program) -> dict[str, Any]:
    """What it said last about the way of its media."""
    return [event for event in caller.events if event["event"] in {"connected", "path"}][-1]
