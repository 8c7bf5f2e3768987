"""How much really arrives, by the other end's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from pycall.client.congestion.sent import Result

WINDOW_S: Final = 0.5
"""The rate is the mean over so long: more than one picture's share, and still quick."""


class _Piece(NamedTuple):
    """What one message told: bytes that arrived in some seconds, and that had been sent in some."""

    arrived: int
    arriving_s: float
    sent: int
    sending_s: float


class Throughput:
    """The rate at which packets arrive; the times of which feedback was lost are left out."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget what was measured: it is of another time."""
        self._pieces: deque[_Piece] = deque()
        self._arriving_s = 0.0
        self._until: tuple[float, float] | None = None  # the newest packet: arrived, sent
        self._arrived = self._sent = 0  # bytes since then

    @property
    def rate(self) -> float | None:
        """Bit/s that arrive, over the last :data:`WINDOW_S`; ``None`` until a fifth of that is known."""
        if self._arriving_s < WINDOW_S / 5:
            return None
        return sum(piece.arrived for piece in self._pieces) * 8 / self._arriving_s

    @property
    def overload(self) -> float:
        """How much faster was sent than arrived; above 1 a queue fills, or something is lost."""
        arrived = sum(piece.arrived for piece in self._pieces)
        sending_s = sum(piece.sending_s for piece in self._pieces)
        if not arrived or not sending_s:
            return 1.0
        return sum(piece.sent for piece in self._pieces) / sending_s * self._arriving_s / arrived

    def add(self, results: Sequence[Result], *, gap: bool) -> None:
        """Take what one message said; ``gap`` when messages before it are missing."""
        came = [(r.arrived, r.sent_at, r.size) for r in results if r.arrived is not None and not r.late]
        if not came:
            return
        if gap or self._until is None:
            begin, began, size = min(came)
            self._arrived = self._sent = -size  # what was before it is unknown
        else:
            begin, began = self._until
        end, ended, _ = max(came)
        self._arrived += sum(result.size for result in results if result.arrived is not None)
        self._sent += sum(result.size for result in results if not result.late)
        if end <= begin or ended <= began:
            return  # overtaken by those of the message before: counted with the next
        self._until = (end, ended)
        self._pieces.append(_Piece(self._arrived, end - begin, self._sent, ended - began))
        self._arrived = self._sent = 0
        self._arriving_s += end - begin
        while self._arriving_s - self._pieces[0].arriving_s >= WINDOW_S:
            self._arriving_s -= self._pieces.popleft().arriving_s
