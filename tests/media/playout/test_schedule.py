from __future__ import annotations

import asyncio
import time

from pycall.media.playout.schedule import MOST, SOON_S, Schedule

Shown = list[tuple[int, float]]


def made() -> tuple[Schedule[int], Shown]:
    shown: Shown = []
    return Schedule(lambda number: shown.append((number, time.monotonic()))), shown


async def until(shown: Shown, count: int) -> None:
    async with asyncio.timeout(10):
        while len(shown) < count:
            await asyncio.sleep(0.001)


async def test_what_is_due_is_shown_before_add_returns() -> None:
    schedule, shown = made()
    schedule.add(1, time.monotonic() - 5)
    schedule.add(2, time.monotonic())
    assert [number for number, _ in shown] == [1, 2]


async def test_the_others_are_shown_at_their_time_and_in_order() -> None:
    schedule, shown = made()
    due = [time.monotonic() + wait for wait in (0.01, 0.03, 0.05)]
    for number, at in enumerate(due):
        schedule.add(number, at)
    assert shown == []
    await until(shown, 3)
    assert [number for number, _ in shown] == [0, 1, 2]
    assert all(at - SOON_S <= shown_at for (_, shown_at), at in zip(shown, due, strict=True))


async def test_a_newer_one_that_is_due_no_later_takes_the_place_of_those_that_wait() -> None:
    schedule, shown = made()
    now = time.monotonic()
    schedule.add(1, now + 5)
    schedule.add(2, now + 6)
    schedule.add(3, now)
    assert [number for number, _ in shown] == [3]
    schedule.add(4, now + 0.01)
    await until(shown, 2)
    assert [number for number, _ in shown] == [3, 4]


async def test_of_several_that_are_due_together_only_the_newest_is_shown() -> None:
    schedule, shown = made()
    now = time.monotonic()
    schedule.add(1, now + 0.01)
    schedule.add(2, now + 0.02)
    time.sleep(0.05)  # the event loop is busy elsewhere
    await until(shown, 1)
    assert [number for number, _ in shown] == [2]


async def test_only_a_few_wait_and_none_is_lost_for_that() -> None:
    schedule, shown = made()
    later = time.monotonic() + 60
    for number in range(MOST + 5):
        schedule.add(number, later + number)
    assert [number for number, _ in shown] == [0, 1, 2, 3, 4]
    schedule.clear()


async def test_what_is_cleared_is_not_shown() -> None:
    schedule, shown = made()
    schedule.add(1, time.monotonic() + 0.01)
    schedule.clear()
    schedule.add(2, time.monotonic() + 0.03)
    await until(shown, 1)
    assert [number for number, _ in shown] == [2]
