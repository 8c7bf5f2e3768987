from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pycall.errors import DeviceFailed
from pycall.media import keeper
from pycall.media.keeper import Keeper, OpeningCancelledError
from tests.rig import wait_until


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "RETRY_S", 0.01)
    monkeypatch.setattr(keeper, "LOOK_S", 0.01)


def test_a_device_that_does_not_open_at_first_is_an_error() -> None:
    def run(_stop: threading.Event, _alive: Callable[[], None]) -> None:
        raise DeviceFailed("It is in use.")

    notices: list[tuple[str, str]] = []
    kept = Keeper("camera", "A", run, lambda *notice: notices.append(notice))
    for _ in range(2):
        with pytest.raises(DeviceFailed, match="in use"):
            kept.start()
    assert notices == []
    kept.close()


def test_a_device_that_dies_is_reopened_and_both_are_said_once() -> None:
    opened = 0

    def run(stop: threading.Event, alive: Callable[[], None]) -> None:
        nonlocal opened
        opened += 1
        if 1 < opened < 5:
            raise DeviceFailed("The camera A is not there.")
        alive()
        if opened < 5:
            raise DeviceFailed("The camera A stopped.")
        stop.wait()

    notices: list[tuple[str, str]] = []
    kept = Keeper("camera", "A", run, lambda *notice: notices.append(notice))
    kept.start()
    kept.start()
    try:
        wait_until(lambda: len(notices) == 2)
    finally:
        kept.close()
    assert notices == [
        ("camera-lost", "The camera A stopped. It is tried again every second."),
        ("camera-back", "The camera A is back."),
    ]
    assert opened == 5


def test_a_device_that_gives_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "OPEN_S", 0.05)

    def run(stop: threading.Event, _alive: Callable[[], None]) -> None:
        stop.wait()

    kept = Keeper("camera", "A", run, lambda *_: None)
    with pytest.raises(DeviceFailed, match="gave nothing") as failed:
        kept.start()
    assert "privacy" in failed.value.hint


def test_a_device_that_gives_nothing_any_more_is_run_again_when_it_let_go() -> None:
    runs: list[threading.Event] = []
    let_go = threading.Event()

    def run(stop: threading.Event, alive: Callable[[], None]) -> None:
        runs.append(stop)
        alive()
        if len(runs) == 1:
            let_go.wait()  # as in a driver, which does not know of being stopped
            alive()
        while not stop.wait(0.01):
            alive()

    notices: list[tuple[str, str]] = []
    kept = Keeper("camera", "A", run, lambda *notice: notices.append(notice), silence_s=0.5)
    kept.start()
    try:
        wait_until(lambda: notices)
        wait_until(runs[0].is_set)
        assert len(runs) == 1
        let_go.set()
        wait_until(lambda: len(notices) == 2)
    finally:
        let_go.set()
        kept.close()
    assert notices == [
        ("camera-lost", "The camera A gives nothing any more. It is tried again every second."),
        ("camera-back", "The camera A is back."),
    ]


def test_who_does_not_want_it_any_more_need_not_wait() -> None:
    def run(stop: threading.Event, _alive: Callable[[], None]) -> None:
        stop.wait()

    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(OpeningCancelledError):
        Keeper("camera", "A", run, lambda *_: None).start(cancelled)


def test_a_fault_at_the_start_is_an_error_and_later_a_loss(faults: pytest.LogCaptureFixture) -> None:
    def run(_stop: threading.Event, alive: Callable[[], None]) -> None:
        if notices is not None:
            alive()
        raise ValueError("surprise")

    notices: list[str] | None = None
    with pytest.raises(DeviceFailed, match="camera A cannot be used: ValueError: surprise"):
        Keeper("camera", "A", run, lambda *_: None).start()
    notices = []
    kept = Keeper("camera", "A", run, lambda code, _: notices.append(code))
    kept.start()
    wait_until(lambda: notices[:2] == ["camera-lost", "camera-back"])
    kept.close()
    assert "ValueError('surprise')" in faults.messages[0]
