from __future__ import annotations

import threading
import time

import av
import numpy as np
import pytest

from pycall.media.frames import BLOCK
from pycall.media.playout.far_end import FarEnd
from tests.rig import wait_until


@pytest.mark.parametrize(
    ("size", "pixels", "shown"),
    [
        ((320, 240), "yuv420p", (320, 240)),
        ((321, 241), "yuv420p", (320, 240)),
        ((320, 240), "rgb24", (320, 240)),
        ((2, 2), "yuv420p", (2, 2)),
        ((3, 1), "yuv420p", (2, 2)),
        ((1, 1), "rgb24", (2, 2)),
    ],
)
def test_whatever_the_other_side_sends_is_shown_in_one_format_and_of_even_size(
    size: tuple[int, int], pixels: str, shown: tuple[int, int]
) -> None:
    far = FarEnd()
    reader = far.shown.subscribe()
    begun = time.monotonic()
    far.picture(av.VideoFrame(*size, pixels), begun)
    picture = reader.get(10)
    far.close()
    assert picture is not None
    assert (picture.frame.width, picture.frame.height) == shown
    assert picture.frame.format.name == "yuv420p"
    assert begun <= picture.time <= time.monotonic()


def test_an_interruption_is_black_and_of_the_size_of_what_was_seen() -> None:
    far = FarEnd()
    reader = far.shown.subscribe()
    far.interrupted(1.0)
    assert reader.get(0) is None
    far.picture(av.VideoFrame(320, 240, "yuv420p"), 12.5)
    far.interrupted(14.5)
    picture = reader.get(10)
    far.close()
    assert picture is not None
    assert picture.time == 14.5
    assert (picture.frame.width, picture.frame.height) == (320, 240)
    assert picture.frame.to_ndarray(format="rgb24").max() == 0


def test_what_must_be_converted_does_not_keep_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    far = FarEnd()
    threads: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(far.shown, "publish", lambda _: threads.append(threading.current_thread().name))
        far.picture(av.VideoFrame(321, 241, "yuv420p"), 0.0)
        wait_until(lambda: threads)
    far.close()
    far.picture(av.VideoFrame(321, 241, "yuv420p"), 1.0)
    assert threads == ["pycall-fitting-tap"]


def test_a_picture_that_fits_is_not_copied() -> None:
    far = FarEnd()
    reader = far.shown.subscribe()
    frame = av.VideoFrame(320, 240, "yuv420p")
    far.picture(frame, 0.0)
    picture = reader.get(1)
    assert picture is not None
    assert picture.frame is frame


def test_sound_is_held_in_the_playout_until_it_is_pulled() -> None:
    far = FarEnd()
    loud = np.full(BLOCK, 5_000, np.int16)
    pulled = []
    for number in range(50):
        far.sound(loud, number * BLOCK, 100 + number / 50)
        pulled.append(far.playout.pull(BLOCK, 100 + number / 50))
    assert not pulled[0].any()
    assert np.abs(pulled[-1]).max() > 4_000
    assert 0 < far.sound_delay_s < 0.5
