"""Python's garbage collector in a server: it seldom finds anything, and looks at everything to find that.

Almost all that a server lets go of is freed at once, as nothing refers to it any more; the collector is for
what refers to itself. By default it looks after every 700 new objects, which tens of thousands of
connections make all the time, and now and then at all of them, while everybody waits.
"""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (10_000, 20, 10)
"""So many more objects, then so many looks at the youngest, and so many at those that stayed."""


def collect_seldom() -> None:
    """Look at what is new rarely, and never again at what is there now; for the whole process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
