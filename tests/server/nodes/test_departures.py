"""Told to a Redis that notes what it is told, and during which somebody may go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pycall.core import room
from pycall.core.seats import Member
from pycall.server.nodes.departures import Departures
from pycall.server.store import StoreUnavailable

LOST = room.ConnectionLost("a")
LOST_LATER = room.ConnectionLost("a", 2.0)
LEFT = room.MemberGone("a", "left")
ASKED = room.JoinAsked("a", Member("a"))


class Told:
    """What was done, in its order; ``meanwhile`` happens during the first of it."""

    def __init__(self) -> None:
        self.done: list[room.Input] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.is_away = False
        self.departures = Departures(self._do, self._do)

    async def _do(self, _name: str, input_: room.Input) -> None:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        if self.is_away:
            raise StoreUnavailable("It is away.")
        self.done.append(input_)

    def goes(self, input_: room.Input) -> None:
        """As the rooms do while Redis is there."""
        if self.departures.may_be_overtaken("kitchen", input_):
            self.departures.note("kitchen", input_)


def nobody() -> list[tuple[str, room.JoinAsked]]:
    return []


def there() -> list[tuple[str, room.JoinAsked]]:
    return [("kitchen", ASKED)]


@pytest.fixture
def told() -> Told:
    return Told()


async def test_who_goes_is_gone_once(told: Told) -> None:
    for input_ in (room.LeaveAsked("a"), LOST, ASKED, room.RenewAsked("b", 1), room.Expired()):
        told.departures.note("kitchen", input_)
    assert ("kitchen", "a") in told.departures
    assert ("kitchen", "b") not in told.departures
    await told.departures.make_up(nobody)
    assert not told.departures
    await told.departures.make_up(nobody)
    assert told.done == [LOST]


async def test_who_leaves_is_told_already_that_it_did(told: Told) -> None:
    told.departures.note("kitchen", room.LeaveAsked("a"))
    await told.departures.make_up(nobody)
    assert told.done == [LEFT]


async def test_who_is_there_all_the_same_is_seated_again(told: Told) -> None:
    told.departures.note("kitchen", LOST)
    await told.departures.make_up(there)
    assert told.done == [ASKED]
    assert not told.departures
    told.goes(LOST)
    assert not told.departures


@pytest.mark.parametrize(("goes", "noted"), [(LOST_LATER, LOST_LATER), (room.LeaveAsked("a"), LEFT)])
async def test_who_goes_while_it_is_seated_again_is_gone_after_it(
    told: Told, goes: room.Input, noted: room.Input
) -> None:
    told.departures.note("kitchen", LOST)
    told.meanwhile = lambda: told.goes(goes)
    await told.departures.make_up(there)
    assert told.done == [ASKED, noted]
    assert not told.departures


async def test_who_goes_before_its_turn_is_not_seated_again(told: Told) -> None:
    told.departures.note("garden", room.ConnectionLost("b"))
    told.departures.note("kitchen", LOST)
    told.meanwhile = lambda: told.goes(LOST_LATER)
    await told.departures.make_up(there)
    assert told.done == [room.ConnectionLost("b"), LOST_LATER]
    assert not told.departures


async def test_what_cannot_be_told_stays_noted(told: Told) -> None:
    told.departures.note("kitchen", LOST)
    told.is_away = True
    told.meanwhile = lambda: told.goes(room.LeaveAsked("a"))
    with pytest.raises(StoreUnavailable):
        await told.departures.make_up(there)
    told.goes(LOST_LATER)  # which overtakes nothing any more
    told.is_away = False
    await told.departures.make_up(nobody)
    assert told.done == [LEFT]


def test_time_overtakes_nobody(told: Told) -> None:
    assert not told.departures.may_be_overtaken("kitchen", room.Expired())
