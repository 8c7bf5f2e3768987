"""What we tell a sender that the path can take (draft-alvestrand-rmcat-remb), while nothing is overused.

Stock, the estimate begins with what came in the fourth second and never rises above half as much again as
what comes in. A browser between two cameras sends next to nothing: it is told so little then that it goes on
with a quarter of the picture's size, sends less still, and is kept there.
"""

from __future__ import annotations

from typing import Any, Final

import aiortc.rate
from aiortc.rate import BandwidthUsage

from pycall.client.compat.releases import replace

FIRST_ESTIMATE: Final = 600_000
"""Bit/s, at least: what pycall itself begins with at 640x480, and more than Chromium does."""

PLENTY: Final = 1_700_000
"""Bit/s; a sender of less may send less because there is no more to show. Chromium's most at 640x480."""


def free_estimates() -> None:
    """Let an estimate grow while no queue is seen, whatever comes in; seeing one lowers it as before."""
    control: Any = aiortc.rate.AimdRateControl
    for name in ("current_bitrate", "current_bitrate_initialized"):
        getattr(control(), name)

    def update(self: Any, usage: BandwidthUsage, throughput: int | None, now_ms: int) -> int | None:
        calm = usage is not BandwidthUsage.OVERUSING
        if calm and throughput is not None and not self.current_bitrate_initialized:
            throughput = max(throughput, FIRST_ESTIMATE)
        estimate: int | None = update_stock(self, usage, throughput, now_ms)
        return estimate

    def clamp(self: Any, bitrate: int, throughput: int) -> int:
        bounded: int = clamp_stock(self, bitrate, max(throughput, PLENTY))
        return bounded

    update_stock = replace(control, "update", update)
    clamp_stock = replace(control, "_clamp_bitrate", clamp)
