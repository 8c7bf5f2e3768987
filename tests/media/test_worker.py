from __future__ import annotations

import threading

import pytest

from pycall.media import worker
from pycall.media.worker import Worker


def test_it_runs_once_and_ends_when_it_is_told_to() -> None:
    runs: list[str] = []

    def run(stop: threading.Event) -> None:
        runs.append(threading.current_thread().name)
        stop.wait()

    worked = Worker("example", run)
    worked.start()
    worked.start()
    worked.close()
    worked.close()
    worked.start()
    assert runs == ["pycall-example"]


def test_what_was_never_started_is_closed_too() -> None:
    Worker("example", lambda _: None).close()


def test_it_may_close_itself() -> None:
    ended = threading.Event()

    def run(stop: threading.Event) -> None:
        worked.close()
        assert stop.is_set()
        ended.set()

    worked = Worker("example", run)
    worked.start()
    assert ended.wait(5)


def test_a_fault_is_logged_in_one_line_and_printed_by_nobody(
    faults: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def run(_stop: threading.Event) -> None:
        raise KeyError("surprise")

    broken = Worker("example", run)
    broken.start()
    broken.close()
    assert faults.messages == ["pycall-example ended: KeyError('surprise')"]
    assert faults.records[0].exc_info is None
    assert capfd.readouterr() == ("", "")


def test_a_thread_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "JOIN_S", 0.01)
    release = threading.Event()

    def run(_stop: threading.Event) -> None:
        release.wait()

    stuck = Worker("stuck", run)
    stuck.start()
    stuck.close()
    release.set()
