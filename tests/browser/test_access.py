"""Closed rooms in a browser: the invite of a link, and a password that is asked for."""

from __future__ import annotations

from typing import Final

import pytest

from tests.browser.guests import DEVICES, Guest, at_the_page
from tests.server.closed import KEY, PASSWORD, WRONG, closed, invite
from tests.server.raw import RawClient

SHOWN: Final = "sessionStorage.getItem('pycall-invite-kitchen')"


WATCH_STATUS: Final = """
() => {
  const status = document.querySelector("#status");
  window.states = [];
  new MutationObserver(() => window.states.push(status.dataset.state)).observe(status, { attributes: true });
}
"""
"""What the page says of itself may be over before it is looked at: joining takes milliseconds."""


async def is_refused(guest: Guest, words: str) -> None:
    """Wait until the page says so, and is ready for another try."""
    await guest.reads("refused", words)
    await guest.page.wait_for_selector("#join", state="visible")


async def talk(one: Guest, other: Guest) -> None:
    for each in (one, other):
        await each.reads("connected")
        await each.sees_somebody_move()


async def test_a_link_with_an_invite_lets_in_and_shows_it_to_nobody() -> None:
    async with (
        closed(invite_key=KEY) as (_, server),
        at_the_page(f"http://127.0.0.1:{server.port}", *DEVICES) as guests,
    ):
        shown = invite()
        ann = await guests.come(f"/r/kitchen?name=Ann#invite={shown}")
        assert await ann.call("location.href") == f"{guests.origin}/r/kitchen?name=Ann"
        await ann.join()
        await ann.reads("waiting")
        link = await ann.page.input_value("#link")
        assert link == f"{guests.origin}/r/kitchen#invite={shown}"
        bob = await guests.come(link.removeprefix(guests.origin))
        await bob.join()
        await talk(ann, bob)
        assert not any(shown in url for guest in (ann, bob) for url in guest.requests if "#" not in url)

        await bob.page.click("#hangup")
        await ann.reads("waiting")
        await bob.page.reload()
        await bob.reads("ready")
        await bob.join()
        await talk(ann, bob)


async def test_an_invite_for_one_is_not_passed_on_and_comes_back_after_a_reload() -> None:
    async with (
        closed(invite_key=KEY) as (clients, server),
        at_the_page(f"http://127.0.0.1:{server.port}", *DEVICES) as guests,
    ):
        shown = invite(for_one=True)
        ann = await guests.come(f"/r/kitchen#invite={shown}")
        for _ in range(2):
            await ann.join()
            await ann.reads("waiting")
            assert await ann.page.input_value("#link") == f"{guests.origin}/r/kitchen"
            await ann.page.reload()
            await ann.reads("ready")
        assert not (await (await clients({"invite": shown})).call("join", "kitchen"))["ok"]


@pytest.mark.parametrize("link", ["/r/kitchen", "/r/kitchen#invite=mAAA"])
async def test_without_an_invite_the_page_says_so_and_takes_another_link(link: str) -> None:
    async with (
        closed(invite_key=KEY) as (_, server),
        at_the_page(f"http://127.0.0.1:{server.port}", *DEVICES) as guests,
    ):
        ann = await guests.come(link)
        await ann.join()
        await is_refused(ann, "The invite is missing, wrong, used or expired, or the room is full.")
        assert await ann.page.is_hidden("#password")
        await ann.call(f"location.hash = '#invite={invite()}'")
        await ann.until("location.hash === ''")
        await ann.join()
        await ann.reads("waiting")


async def test_a_password_is_asked_for_typed_again_and_kept_for_the_tab() -> None:
    async with (
        closed(password=PASSWORD) as (clients, server),
        at_the_page(f"http://127.0.0.1:{server.port}", *DEVICES) as guests,
    ):
        ann = await guests.come("/r/kitchen?name=Ann")
        assert await ann.page.is_hidden("#password")
        await ann.join()
        await is_refused(ann, "The password is missing or wrong, or the room is full.")
        await ann.page.evaluate(WATCH_STATUS)
        await ann.page.fill("#password", WRONG)
        await ann.page.press("#password", "Enter")
        await ann.until("window.states.includes('joining')")
        await is_refused(ann, "The password is missing or wrong")
        await ann.until("document.activeElement.id === 'password'")
        await ann.page.keyboard.type(PASSWORD)  # over what is selected
        await ann.join()
        await ann.reads("waiting")
        await ann.page.reload()
        await ann.reads("ready")
        assert await ann.page.input_value("#password") == PASSWORD
        await ann.join()
        await ann.reads("waiting")
        kept = await ann.call("JSON.stringify([{...localStorage}, document.cookie, location.href])")
        assert PASSWORD not in kept

        for _ in range(2):
            await join(await clients({"password": PASSWORD}))
        bob = await guests.come("/r/kitchen?name=Bob")
        assert await bob.page.input_value("#password") == ""


async def join(client: RawClient) -> None:
    await client.emit("join", "kitchen")
