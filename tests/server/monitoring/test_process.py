from __future__ import annotations

import os
import resource
import sys

import psutil
import pytest

from pycall.server.monitoring.process import process_figures

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells all of it")


@linux_only
def test_it_tells_what_the_system_tells_others_of_us() -> None:
    figures, told = process_figures(), psutil.Process()
    assert figures["open_fds"] == pytest.approx(told.num_fds(), abs=2)
    assert figures["max_fds"] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert figures["resident_memory_bytes"] == pytest.approx(told.memory_info().rss, rel=0.2)
    assert figures["cpu_seconds_total"] == pytest.approx(sum(told.cpu_times()[:2]), rel=0.2, abs=0.1)


@linux_only
def test_files_that_are_opened_count() -> None:
    before = process_figures()["open_fds"]
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
    try:
        assert process_figures()["open_fds"] == before + 20
    finally:
        for each in opened:
            os.close(each)
