"""A recording caller is killed at a random moment: its file opens, and at most two seconds are missing."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import av
import pytest

from pycall.media.testsignals.wallclock import unix_time
from tests.integration.conftest import Caller
from tests.program import Program

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MOST_LOST_S = 2.0


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_what_was_recorded_survives_kill_9(start_call: Caller, tmp_path: Path, ending: str) -> None:
    for number in range(4 if ending == "mp4" else 3):
        room = f"den-{number}"  # a seat is held for who may come back
        other = start_call(room, "--reconnect", "0", size="320x240")
        other.wait_for_event("joined")
        kill_one(start_call, room, tmp_path / f"{number}.{ending}")
        assert other.wait() == 4


def kill_one(start_call: Caller, room: str, path: Path) -> None:
    caller = start_call(room, size="320x240", record=str(path))
    caller.wait_for_event("first_frame")
    started = caller.wait_for_event("recording")["time"]
    lives_s = random.uniform(1.0, 6.0)
    wait_for_stats_until(caller, started + lives_s)
    caller.send_signal(signal.SIGKILL)
    killed = unix_time()
    caller.wait()
    with av.open(str(path)) as file:
        pictures = [frame.time or 0.0 for frame in file.decode(video=0)]
        file.seek(0)
        sound = [frame.time or 0.0 for frame in file.decode(audio=0)]
    there = max(pictures, default=0.0), max(sound, default=0.0)
    assert min(there) > killed - started - MOST_LOST_S, (there, killed - started)


def wait_for_stats_until(caller: Program, moment: float) -> None:
    """Let the call go on until this moment of wall time; it must not end before."""
    while unix_time() < moment:
        assert caller.process.poll() is None, caller.stderr
        time.sleep(0.01)
