"""The feed: one writer, many readers, the newest wins."""

from __future__ import annotations

import asyncio
import threading

from pycall.media.feed import Feed


def test_every_reader_gets_every_item_in_order_while_it_keeps_up() -> None:
    feed: Feed[int] = Feed()
    first, second = feed.subscribe(3), feed.subscribe(3)

    for item in range(3):
        feed.publish(item)

    assert [first.get(0) for _ in range(4)] == [0, 1, 2, None]
    assert [second.get(0) for _ in range(4)] == [0, 1, 2, None]


def test_a_slow_reader_sees_the_newest() -> None:
    feed: Feed[int] = Feed()
    slow = feed.subscribe(2)

    for item in range(10):
        feed.publish(item)

    assert [slow.get(0), slow.get(0), slow.get(0)] == [8, 9, None]


def test_a_reader_sees_only_what_comes_after_it_subscribed_and_before_it_left() -> None:
    feed: Feed[int] = Feed()
    feed.publish(1)
    reader = feed.subscribe(5)
    feed.publish(2)
    reader.close()
    feed.publish(3)

    assert [reader.get(0), reader.get(0)] == [2, None]
    assert reader.closed


def test_a_closed_feed_lets_its_readers_finish_and_closes_new_ones_at_once() -> None:
    feed: Feed[int] = Feed()
    reader = feed.subscribe(5)
    feed.publish(1)
    feed.close()
    feed.publish(2)

    assert [reader.get(), reader.get()] == [1, None]
    assert feed.subscribe().get() is None


def test_a_reader_that_is_nudged_returns_once_without_an_item() -> None:
    feed: Feed[int] = Feed()
    reader = feed.subscribe()
    reader.nudge()
    assert reader.get() is None
    feed.publish(1)
    reader.nudge()
    assert reader.get() == 1
    assert not reader.closed


def test_a_waiting_thread_is_woken_by_an_item_and_by_the_end() -> None:
    feed: Feed[int] = Feed()
    reader = feed.subscribe(4)
    got: list[int | None] = []
    thread = threading.Thread(target=lambda: got.extend((reader.get(10), reader.get(10))))
    thread.start()

    feed.publish(7)
    feed.close()
    thread.join(10)

    assert got == [7, None]


async def test_a_waiting_task_is_woken_from_another_thread_and_by_the_end() -> None:
    feed: Feed[int] = Feed()
    reader = feed.subscribe(4)
    waiting = asyncio.create_task(reader.next())
    await asyncio.sleep(0)

    await asyncio.to_thread(feed.publish, 7)
    assert await waiting == 7

    waiting = asyncio.create_task(reader.next())
    await asyncio.sleep(0)
    await asyncio.to_thread(feed.close)
    assert await waiting is None


async def test_a_cancelled_wait_loses_nothing() -> None:
    feed: Feed[int] = Feed()
    reader = feed.subscribe(4)
    waiting = asyncio.create_task(reader.next())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    feed.publish(7)

    assert await reader.next() == 7


def test_publishing_to_a_reader_whose_loop_has_ended_harms_nobody() -> None:
    feed: Feed[int] = Feed()
    reader = feed.subscribe()
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(reader.next())
    loop.run_until_complete(asyncio.sleep(0))
    waiting.cancel()
    loop.run_until_complete(asyncio.wait([waiting]))
    loop.close()

    feed.publish(7)

    assert reader.get(0) == 7
