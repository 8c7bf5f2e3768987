from __future__ import annotations

import asyncio

from pycall.server.wire.wheel import AT_ONCE, Wheel

TICK_S = 0.01


class Item:
    """Writes down when it was looked at, and wants to be looked at again at ``again``."""

    def __init__(self, *again: float) -> None:
        self.again = list(again)
        self.seen: list[float] = []
        self.done = asyncio.Event()

    def turn(self, until: float) -> float | None:
        self.seen.append(until)
        if self.again:
            return self.again.pop(0)
        self.done.set()
        return None


async def test_everything_is_looked_at_in_its_tick_and_as_often_as_it_wants() -> None:
    wheel, now = Wheel(TICK_S), asyncio.get_running_loop().time()
    once, thrice = Item(), Item(now + 0.08, now + 0.04)
    wheel.add(thrice, now + 0.05)
    wheel.add(once, now + 0.02)
    await once.done.wait()
    await thrice.done.wait()
    for item, times in ((once, [0.02]), (thrice, [0.05, 0.08, 0.08])):
        assert len(item.seen) == len(times)
        for until, at in zip(item.seen, times, strict=True):
            assert until >= now + at
    assert now + 0.02 <= once.seen[0]
    assert once.seen[0] < thrice.seen[0] < thrice.seen[1] < thrice.seen[2]


async def test_a_time_that_is_over_is_the_next_tick() -> None:
    wheel, item = Wheel(TICK_S), Item()
    wheel.add(item, 0.0)
    await item.done.wait()
    late = Item(0.0)
    wheel.add(late, 0.0)
    await late.done.wait()
    assert len(late.seen) == 2


async def test_of_many_others_get_their_turn_in_between() -> None:
    wheel, loop = Wheel(TICK_S), asyncio.get_running_loop()
    items = [Item() for _ in range(5 * AT_ONCE)]
    between: list[int] = []

    def look() -> None:
        between.append(sum(len(item.seen) for item in items))
        if between[-1] < len(items):
            loop.call_soon(look)

    now = loop.time()
    for item in items:
        wheel.add(item, now + 0.02)
    look()
    for item in items:
        await item.done.wait()
    assert {AT_ONCE, 2 * AT_ONCE, 3 * AT_ONCE, 4 * AT_ONCE} <= set(between)
    assert all(len(item.seen) == 1 for item in items)


async def test_a_wheel_that_is_stopped_looks_at_nothing() -> None:
    wheel, item, other = Wheel(TICK_S), Item(), Item()
    wheel.add(item, asyncio.get_running_loop().time())
    wheel.stop()
    later = Wheel(TICK_S)
    later.add(other, asyncio.get_running_loop().time() + 0.03)
    await other.done.wait()
    assert item.seen == []
    wheel.stop()


class Broken(Item):
    """Fails when it is looked at."""

    def turn(self, until: float) -> float | None:
        super().turn(until)
        raise ZeroDivisionError


async def test_a_bug_in_one_item_keeps_no_other_from_being_looked_at() -> None:
    bugs: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: bugs.append(context["exception"]))
    wheel, now = Wheel(TICK_S), asyncio.get_running_loop().time()
    items = [Item(now + 0.02), Broken(), Item(now + 0.02), Broken(), Item()]
    for item in items:
        wheel.add(item, now)
    for item in items:
        await item.done.wait()
    assert [len(item.seen) for item in items] == [2, 1, 2, 1, 1]
    assert [type(bug) for bug in bugs] == [ZeroDivisionError, ZeroDivisionError]
