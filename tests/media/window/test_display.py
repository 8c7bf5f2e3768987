"""The window, on a real X server."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from pycall.media.frames import Picture
from pycall.media.keeper import OpeningCancelledError
from pycall.media.window.display import Display, Marks, open_display, why_no_display
from tests.media.recording.footage import plain
from tests.rig import needs, wait_until

TITLE = "pycall - kitchen"
IN_CALL = Marks(own_name="Alice", peer_name="Bob")


class Ear:
    """Hears what the window tells."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, str]] = []
        self.keys: list[str] = []

    def notice(self, code: str, sentence: str) -> None:
        self.notices.append((code, sentence))

    def key(self, letter: str) -> None:
        self.keys.append(letter)

    def open(self) -> Display | None:
        """A window that tells this ear."""
        return open_display("kitchen", notice=self.notice, on_key=self.key)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def window(xvfb: str, ear: Ear) -> Iterator[Display]:
    display = ear.open()
    assert display is not None, ear.notices
    yield display
    display.close()


def picture(luma: int, cb: int, cr: int, size: tuple[int, int] = (640, 480)) -> Picture:
    """A picture of one colour."""
    return Picture(plain(*size, luma, cb, cr), time.monotonic())


BLUE = picture(41, 240, 110)
GREEN = picture(145, 54, 34, (320, 240))


def screenshot(path: Path) -> NDArray[np.uint8]:
    """The screen, red green blue."""
    command = [needs("import", "imagemagick"), "-silent", "-window", "root", f"png24:{path}"]
    subprocess.run(command, check=True, timeout=20)
    with av.open(str(path)) as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def share(screen: NDArray[np.uint8], colour: tuple[int, int, int]) -> float:
    """How much of the screen has about this colour."""
    near = np.abs(screen.astype(int) - colour).max(axis=2) < 40
    return float(near.mean())


def press(*keys: str) -> None:
    """Type into the window."""
    xdotool = needs("xdotool", "xdotool")
    search = subprocess.run([xdotool, "search", "--name", TITLE], check=True, capture_output=True, text=True)
    window = search.stdout.split()[0]
    for key in keys:
        subprocess.run([xdotool, "windowfocus", "--sync", window, "key", key], check=True, timeout=20)


def click_the_cross() -> None:
    """Ask the window to close, as a window manager does (ICCCM section 4.2.8.1)."""
    search = subprocess.run(
        [needs("xdotool", "xdotool"), "search", "--name", TITLE], check=True, capture_output=True, text=True
    )
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    server = ctypes.c_void_p(x11.XOpenDisplay(None))
    protocols, delete = (x11.XInternAtom(server, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
    window = int(search.stdout.split()[0])
    event = (ctypes.c_long * 24)(33, 0, 1, 0, window, protocols, 32, delete, 0)  # an XClientMessageEvent
    x11.XSendEvent(server, ctypes.c_ulong(window), 0, ctypes.c_long(0), event)
    x11.XCloseDisplay(server)


@pytest.mark.integration
def test_both_pictures_are_on_the_screen(window: Display, tmp_path: Path) -> None:
    window.set_marks(IN_CALL)
    window.show_remote(BLUE)
    window.show_local(GREEN)
    path = tmp_path / "screen.png"

    wait_until(lambda: share(screenshot(path), (0, 0, 255)) > 0.4)
    wait_until(lambda: 0.01 < share(screenshot(path), (0, 255, 0)) < 0.1)
    green = np.argwhere(np.abs(screenshot(path).astype(int) - (0, 255, 0)).max(axis=2) < 40)
    blue = np.argwhere(np.abs(screenshot(path).astype(int) - (0, 0, 255)).max(axis=2) < 40)
    assert np.all(green.mean(axis=0) > blue.mean(axis=0) + 50), "one's own is at the lower right"


@pytest.mark.integration
def test_keys_pressed_in_the_window_arrive_and_others_do_not(window: Display, ear: Ear) -> None:
    expected: list[str] = []
    for key in ("m", "v", "Shift+r", "q"):  # OpenCV keeps the last of the keys between two looks
        expected.append(key[-1])
        press(key)
        wait_until(lambda: ear.keys == expected)
    press("x", "Escape")
    press("m")

    wait_until(lambda: ear.keys == [*expected, "m"])
    assert ear.notices == []


@pytest.mark.integration
def test_showing_never_waits_for_a_window_that_does_not_draw(window: Display, ear: Ear) -> None:
    child = psutil.Process(window._process.pid)
    child.suspend()
    try:
        for _ in range(200):
            window.show_remote(BLUE)
            window.show_local(GREEN)
            window.set_marks(IN_CALL)
        assert len(window._newest) <= 3
    finally:
        child.resume()
    press("m")
    wait_until(lambda: ear.keys == ["m"])


@pytest.mark.integration
def test_a_window_that_does_not_answer_is_closed_all_the_same(window: Display, ear: Ear) -> None:
    child = psutil.Process(window._process.pid)
    child.suspend()
    window.show_remote(BLUE)
    window.close()

    assert not child.is_running()
    assert ear.notices == []


@pytest.mark.integration
def test_a_closed_window_is_reported_once_and_harms_nothing(window: Display, ear: Ear) -> None:
    click_the_cross()

    wait_until(lambda: ear.notices)
    window.show_remote(BLUE)
    window.set_marks(IN_CALL)
    assert ear.notices == [("display-lost", "The window was closed; the call goes on.")]


@pytest.mark.integration
def test_a_window_that_dies_is_reported_once_and_harms_nothing(window: Display, ear: Ear) -> None:
    window._process.kill()

    wait_until(lambda: ear.notices)
    window.show_remote(BLUE)
    assert ear.notices == [("display-lost", "The window is gone; the call goes on.")]


@pytest.mark.integration
def test_when_the_program_dies_the_window_does_too(window: Display) -> None:
    assert window._process.stdin is not None
    with Path(os.devnull).open("wb") as nowhere:  # as if it had been closed, but still the writer's
        os.dup2(nowhere.fileno(), window._process.stdin.fileno())

    wait_until(lambda: window._process.poll() is not None)


def test_without_a_display_it_says_so_in_one_sentence(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    assert ear.open() is None
    assert ear.notices == [
        ("no-display", "There is no display: DISPLAY is not set. The call goes on without a window.")
    ]


@pytest.mark.integration
def test_a_display_that_does_not_exist_is_no_crash_but_a_sentence(
    ear: Ear, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DISPLAY", ":4242")
    monkeypatch.chdir(tmp_path)

    assert ear.open() is None
    assert ear.notices == [
        ("no-display", "The display :4242 cannot be used. The call goes on without a window.")
    ]
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.integration
def test_what_opencv_lacks_is_said(
    xvfb: str, ear: Ear, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lacks = "libGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "cv2.py").write_text(f"raise ImportError({lacks!r})")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert ear.open() is None
    assert ear.notices == [
        ("no-display", f"OpenCV cannot be loaded: {lacks}. The call goes on without a window.")
    ]


@pytest.mark.integration
def test_who_does_not_want_the_window_any_more_need_not_wait(xvfb: str, ear: Ear) -> None:
    cancelled = threading.Event()
    cancelled.set()

    with pytest.raises(OpeningCancelledError):
        open_display("kitchen", notice=ear.notice, on_key=ear.key, cancelled=cancelled)
    assert ear.notices == []


@pytest.mark.parametrize(
    ("platform", "environment", "why"),
    [
        ("linux", {"DISPLAY": ":0"}, ""),
        ("linux", {}, "There is no display: DISPLAY is not set."),
        ("linux", {"DISPLAY": ""}, "There is no display: DISPLAY is not set."),
        ("darwin", {}, ""),
        ("win32", {}, ""),
    ],
)
def test_where_a_window_may_be_tried(platform: str, environment: dict[str, str], why: str) -> None:
    assert why_no_display(platform, environment) == why


def test_wayland_without_xwayland_is_named() -> None:
    assert "Xwayland" in why_no_display("linux", {"WAYLAND_DISPLAY": "wayland-0"})
