"""A sender of pictures, as its packets leave."""

from __future__ import annotations

from pycall.client.receiving.packets import Packet


class Sender:
    """Sends pictures of ``size`` packets each; each packet carries its number."""

    def __init__(self, start: int = 0, size: int = 3) -> None:
        self.number = start
        self.timestamp = 0
        self.size = size

    def picture(
        self, now: float = 0.0, *, key: bool = False, marker: bool = True, size: int | None = None
    ) -> list[Packet]:
        """The packets of the next picture, as they come at ``now``."""
        self.timestamp += 3_000
        size = size or self.size
        packets = [
            Packet(
                self.number + part,
                self.timestamp,
                (self.number + part).to_bytes(4, "big"),
                now,
                last=marker and part == size - 1,
                key=key and part == 0,
            )
            for part in range(size)
        ]
        self.number += size
        return packets
