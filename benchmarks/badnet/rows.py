"""The networks that are compared: what each does to packets, in either direction alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Row:
    """A network, and what is sent through it."""

    key: str
    name: str
    shape: Mapping[str, float] = field(default_factory=dict)
    """Fields of :class:`tests.netlab.shaping.Shape`."""
    size: tuple[int, int] = (640, 480)
    held: bool = False
    """Whether a browser is told to keep the size whatever it costs."""
    cut_s: float = 0.0
    """For how long nothing comes through; from a quarter of the window on, which is longer by as much."""
    warm_up_s: float = 5.0
    """From the first picture of the later of the two to the window."""


def _far(key: str, name: str, *, cut_s: float = 0.0, **shape: float) -> Row:
    """A network with 25 ms each way, and what else it does."""
    return Row(key, f"25 ms, {name}" if name else "25 ms", {"delay_s": 0.025, **shape}, cut_s=cut_s)


ROWS: Final = (
    Row("clean", "clean"),
    Row("720p", "clean, 1280x720 held", size=(1280, 720), held=True, warm_up_s=10.0),
    _far("25ms", ""),
    _far("loss1", "1 % loss", loss=0.01),
    _far("loss5", "5 % loss", loss=0.05),
    _far("loss10", "10 % loss", loss=0.10),
    _far("bursts", "5 % loss in bursts of 4", burst_loss=0.05, burst_length=4.0),
    _far("jitter", "jitter of ±10 ms", jitter_s=0.010),
    _far("1mbit", "1 Mbit/s, 200 ms queue", rate_bps=1e6, queue_s=0.2),
    _far("500kbit", "500 kbit/s, 200 ms queue", rate_bps=500e3, queue_s=0.2),
    _far("cut3", "cut for 3 s", cut_s=3.0),
    _far("cut8", "cut for 8 s", cut_s=8.0),
)

BY_KEY: Final = {row.key: row for row in ROWS}
