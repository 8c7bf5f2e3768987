from __future__ import annotations

from pycall.server.admission.spending import MemorySpending


class Wall:
    """Unix seconds, which stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_an_invite_is_the_first_ones_who_shows_it_as_often_as_it_likes() -> None:
    wall = Wall()
    spending = MemorySpending(wall)
    assert await spending.spend("one", "ann", wall.now + 60)
    assert not await spending.spend("one", "eve", wall.now + 60)
    assert await spending.spend("one", "ann", wall.now + 60)
    assert await spending.spend("other", "eve", wall.now + 60)


async def test_it_is_remembered_until_its_time_and_no_longer() -> None:
    wall = Wall()
    spending = MemorySpending(wall)
    for number in range(100):
        assert await spending.spend(str(number), "ann", wall.now + number + 1)
    wall.now += 50
    assert not await spending.spend("99", "eve", wall.now + 60)
    assert len(spending._owners) == len(spending._ends) == 50


async def test_when_memory_is_full_no_other_one_is_taken() -> None:
    wall = Wall()
    spending = MemorySpending(wall, most=2)
    assert await spending.spend("one", "ann", wall.now + 60)
    assert await spending.spend("two", "bob", wall.now + 90)
    assert not await spending.spend("three", "eve", wall.now + 60)
    assert await spending.spend("two", "bob", wall.now + 90)
    wall.now += 60
    assert await spending.spend("three", "eve", wall.now + 60)
