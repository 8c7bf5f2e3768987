from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pycall.errors import DeviceFailed
from pycall.media import keeper
from pycall.media.keeper import Keeper
from tests.rig import wait_until


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "RETRY_S", 0.01)


def test_a_device_that_does_not_open_at_first_is_an_error() -> None:
    def session(_stop: threading.Event, _alive: Callable[[], None]) -> None:
        raise DeviceFailed("It is in use.")

    notices: list[tuple[str, str]] = []
    kept = Keeper("camera", "A", session, lambda *notice: notices.append(notice))
    for _ in range(2):
        with pytest.raises(DeviceFailed, match="in use"):
            kept.start()
    assert notices == []
    kept.close()


def test_a_device_that_dies_is_reopened_and_both_are_said_once() -> None:
    opened = 0

    def session(stop: threading.Event, alive: Callable[[], None]) -> None:
        nonlocal opened
        opened += 1
        if 1 < opened < 5:
            raise DeviceFailed("The camera A is not there.")
        alive()
        if opened < 5:
            raise DeviceFailed("The camera A stopped.")
        stop.wait()

    notices: list[tuple[str, str]] = []
    kept = Keeper("camera", "A", session, lambda *notice: notices.append(notice))
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

    def session(stop: threading.Event, _alive: Callable[[], None]) -> None:
        stop.wait()

    kept = Keeper("camera", "A", session, lambda *_: None)
    with pytest.raises(DeviceFailed, match="gave nothing") as failed:
        kept.start()
    assert "privacy" in failed.value.hint
