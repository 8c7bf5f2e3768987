"""The page's seat.js: what a page knows of its seat after a reload."""

from __future__ import annotations

from typing import Final

import pytest

from tests.browser.guests import Guest, Guests

TOKEN: Final = "an-owner-of-a-seat-shows-this"

SAY: Final = "import('/static/seat.js').then(seat => [seat.seatToken(), seat.nextNumber()])"
KEEP: Final = f"import('/static/seat.js').then(seat => seat.keepSeatToken('{TOKEN}'))"


@pytest.fixture
async def guest(guests: Guests) -> Guest:
    """Who was given a seat and has said two things on it."""
    guest = await guests.come("/")
    assert [await guest.call(SAY) for _ in range(2)] == [["", 1], ["", 2]]
    await guest.call(KEEP)
    return guest


async def test_a_reloaded_page_numbers_on_whatever_the_clock_says(guest: Guest) -> None:
    await guest.page.add_init_script("Date.now = () => 0")
    await guest.page.reload()
    assert [await guest.call(SAY) for _ in range(2)] == [[TOKEN, 3], [TOKEN, 4]]


async def test_a_page_that_was_not_reloaded_has_a_seat_of_its_own(guest: Guest) -> None:
    await guest.page.goto(guest.origin + "/")
    assert await guest.call(SAY) == ["", 1]


async def test_a_number_that_is_none_is_not_gone_on_from(guest: Guest) -> None:
    await guest.call("sessionStorage.setItem('pycall-said', 'many')")
    await guest.page.reload()
    assert await guest.call(SAY) == [TOKEN, 1]
