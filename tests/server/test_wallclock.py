from __future__ import annotations

from datetime import UTC, datetime

from pycall.server.wallclock import unix_time


def test_it_tells_the_seconds_since_1970() -> None:
    before = datetime.now(UTC).timestamp()
    now = unix_time()
    assert before - 1e-3 <= now <= datetime.now(UTC).timestamp() + 1e-3
