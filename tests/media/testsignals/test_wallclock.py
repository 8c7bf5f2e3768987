from __future__ import annotations

import time
from datetime import UTC, datetime

from pycall.media.testsignals.wallclock import unix_time, wall_offset


def test_the_offset_leads_from_monotonic_to_the_time_of_day() -> None:
    assert abs(time.monotonic() + wall_offset() - unix_time()) < 1
    assert abs(unix_time() - datetime.now(UTC).timestamp()) < 1
