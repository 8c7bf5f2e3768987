from __future__ import annotations

import pytest

from pycall.server.admission.guesses import KNOWN_S, Guesses
from tests.server.settable import Clock

MOST, WINDOW_S = 3, 100.0


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def guesses(clock: Clock) -> Guesses:
    return Guesses(MOST, WINDOW_S, clock=clock)


def guess(guesses: Guesses, network: int, room: str = "kitchen", *, tries: int = 100) -> int:
    """Guess wrongly again and again; how many were looked at."""
    looked_at = 0
    for _ in range(tries):
        if guesses.may(network, room):
            guesses.wrong(network, room)
            looked_at += 1
    return looked_at


def test_an_address_has_a_budget_for_all_rooms(guesses: Guesses) -> None:
    assert sum(guess(guesses, 1, f"room-{n}", tries=1) for n in range(100)) == MOST
    assert not guesses.may(1, "elsewhere")
    assert guesses.may(2, "room-1")


def test_a_room_has_a_budget_for_all_addresses(guesses: Guesses) -> None:
    assert sum(guess(guesses, n, tries=1) for n in range(100)) == MOST
    assert not guesses.may(200, "kitchen")
    assert guesses.may(200, "bathroom")


def test_it_is_forgotten_after_its_time_however_much_is_tried_meanwhile(
    guesses: Guesses, clock: Clock
) -> None:
    assert guess(guesses, 1) == MOST
    clock.now = WINDOW_S - 1
    assert guess(guesses, 1) == 0
    clock.now = WINDOW_S
    assert guess(guesses, 1) == MOST


def test_who_knew_the_password_is_not_kept_out_by_others(guesses: Guesses, clock: Clock) -> None:
    guesses.right(7)
    guess(guesses, 1001)
    assert not guesses.may(8, "kitchen")
    assert guesses.may(7, "kitchen")
    assert guess(guesses, 7) == MOST
    clock.now = KNOWN_S + 1
    guess(guesses, 1001)
    assert not guesses.may(7, "kitchen")


def test_memory_is_bounded_and_the_oldest_windows_go_first(clock: Clock) -> None:
    guesses = Guesses(1, WINDOW_S, capacity=10, clock=clock)
    for number in range(100):
        clock.now = number / 1000
        guesses.wrong(number, f"room-{number}")
        guesses.right(number + 1000)
    assert len(guesses._windows) == len(guesses._known) == 10
    assert guesses.may(1, "room-1")
    assert not guesses.may(99, "elsewhere")


def test_without_limits_everything_is_looked_at(clock: Clock) -> None:
    assert guess(Guesses(None, WINDOW_S, clock=clock), 1) == 100
