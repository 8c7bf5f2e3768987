"""Which other nodes live, as one node sees it: by its own beats and not by anybody's clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SILENT: Final = 8
"""A node that has not beaten while another one did so often is dead."""


class Neighbours:
    """The other nodes, how often each has beaten, and for how many beats of ours that has not changed."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}

    def look(self, beats: Mapping[str, int]) -> dict[str, int]:
        """Take in all nodes' beats, known with a beat of ours; returns those who are dead, with theirs."""
        self._seen = {node: (beat, self._unchanged(node, beat)) for node, beat in beats.items()}
        return {node: beat for node, (beat, unchanged) in self._seen.items() if unchanged >= SILENT}

    def _unchanged(self, node: str, beat: int) -> int:
        before, unchanged = self._seen.get(node, (None, 0))
        return unchanged + 1 if before == beat else 0
