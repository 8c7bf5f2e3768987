"""Which connection of a call is seen and heard while one is replaced by another and both bring media."""

from __future__ import annotations

from pycall.client.stages import Kind


class Handover:
    """Of the connections that bring media the newest has its way, for each kind from its first on.

    The two count time from different beginnings: mixed, nothing of either could be played.
    """

    def __init__(self) -> None:
        self._heard: dict[Kind, int] = {}

    def takes(self, attempt: int, kind: Kind) -> bool:
        """Whether what ``attempt`` brings of ``kind`` is to be seen or heard."""
        if attempt < self._heard.get(kind, attempt):
            return False
        self._heard[kind] = attempt
        return True

    def ended(self, attempt: int) -> None:
        """It brings nothing more; an older one has its way again."""
        self._heard = {kind: heard for kind, heard in self._heard.items() if heard != attempt}
