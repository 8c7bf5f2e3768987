from __future__ import annotations

import threading

from pycall.media.recording.inbox import PICTURES, SOUNDS, Inbox
from tests.media.recording.footage import numbered, silence


def opened() -> Inbox:
    inbox = Inbox()
    inbox.open()
    return inbox


def test_all_sound_and_one_picture_are_taken_in_the_order_of_their_times() -> None:
    inbox = opened()
    inbox.put_sound("remote", silence(3.0))
    inbox.put_sound("local", silence(1.0))
    inbox.put_picture("local", numbered(1, 2.0))
    inbox.put_picture("remote", numbered(2, 2.5))
    taken = inbox.take(0) or []
    assert [(side, item.time) for side, item in taken] == [("local", 1.0), ("local", 2.0), ("remote", 3.0)]
    assert [(side, item.time) for side, item in inbox.take(0) or []] == [("remote", 2.5)]
    assert inbox.take(0) == []


def test_of_too_many_pictures_the_newest_stay_and_the_rest_is_counted() -> None:
    inbox = opened()
    for index in range(100):
        inbox.put_picture("remote", numbered(index, float(index)))
    inbox.put_picture("local", numbered(0, 0.0))
    times = [item.time for _ in range(PICTURES + 1) for _, item in inbox.take(0) or []]
    assert times == [0.0, *range(100 - PICTURES, 100)]
    assert inbox.take_counts() == (100 - PICTURES, 101)
    assert inbox.take_counts() == (0, 0)


def test_sound_is_bounded_too() -> None:
    inbox = opened()
    for index in range(SOUNDS + 10):
        inbox.put_sound("local", silence(float(index)))
    assert len(inbox.take(0) or []) == SOUNDS


def test_nothing_comes_in_before_opening_and_after_closing() -> None:
    inbox = Inbox()
    inbox.put_sound("local", silence(1.0))
    inbox.open()
    inbox.put_sound("local", silence(2.0))
    inbox.close()
    inbox.put_sound("local", silence(3.0))
    inbox.put_picture("local", numbered(1, 3.0))
    assert [item.time for _, item in inbox.take(0) or []] == [2.0]
    assert inbox.take(0) is None


def test_a_waiting_thread_is_woken_by_what_comes_and_by_closing() -> None:
    inbox = opened()
    taken: list[object] = []
    thread = threading.Thread(target=lambda: taken.extend([inbox.take(20), inbox.take(20)]))
    thread.start()
    inbox.put_sound("remote", silence(1.0))
    while len(taken) < 1 and thread.is_alive():
        inbox.close()
        thread.join(0.01)
    thread.join(5)
    assert not thread.is_alive()
    assert taken[1] is None
