from __future__ import annotations

import threading

from pycall.media.feed import Feed
from pycall.media.tap import Tap
from tests.rig import wait_until


def test_everything_a_feed_carries_is_given_on_in_order() -> None:
    feed: Feed[int] = Feed()
    given: list[int] = []
    tap = Tap("test", feed, given.append, depth=100)
    for number in range(100):
        feed.publish(number)
    wait_until(lambda: len(given) == 100)
    assert given == list(range(100))
    tap.close()


def test_who_is_slow_gets_the_newest() -> None:
    feed: Feed[int] = Feed()
    given: list[int] = []
    ready, busy = threading.Event(), threading.Event()

    def take(number: int) -> None:
        given.append(number)
        busy.set()
        ready.wait(10)

    tap = Tap("test", feed, take, depth=2)
    feed.publish(0)
    busy.wait(10)
    for number in range(1, 10):
        feed.publish(number)
    ready.set()
    wait_until(lambda: len(given) == 3)
    assert given == [0, 8, 9]
    tap.close()


def test_it_ends_with_the_feed() -> None:
    feed: Feed[int] = Feed()
    tap = Tap("test", feed, print)
    feed.close()
    wait_until(lambda: not any(thread.name == "pycall-test-tap" for thread in threading.enumerate()))
    tap.close()
    tap.close()


def test_a_closed_tap_takes_nothing_more() -> None:
    feed: Feed[int] = Feed()
    given: list[int] = []
    tap = Tap("test", feed, given.append)
    tap.close()
    feed.publish(1)
    assert given == []
