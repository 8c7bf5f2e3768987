"""docs/protocol.md is enough to write a client from: the page in docs/ was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from playwright.async_api import expect

from pycall.media.testsignals.wallclock import unix_time
from tests.browser.guests import PATIENCE_S, Guest, Guests, at_the_page
from tests.browser.test_interop import (
    ROOM,
    Caller,
    arrived_card,
    caller,
    film,
    films,
    hears_the_melody,
    origin,
    recorded_the_film,
    sees_the_card,
)
from tests.browser.test_reconnect import WITNESS, at_host
from tests.client.pair import until
from tests.netlab.conftest import Laboratories, _can_be_built, laboratory
from tests.netlab.talk import named

__all__ = ["_can_be_built", "caller", "film", "laboratory", "origin"]

PAGE = Path(__file__).parents[2] / "docs" / "minimal.html"


PUT_IN = "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets"
"""A page that Playwright puts in came from no address, so that Chromium would keep it from local ones."""


@pytest.fixture
async def filming(origin: str, film: tuple[Path, Path]) -> AsyncIterator[Guests]:
    """As for the call page, and pages may be put in."""
    async with at_the_page(origin, *films(film), PUT_IN) as guests:
        yield guests


@pytest.mark.parametrize("first", ["page", "pycall"])
async def test_the_minimal_page_calls_pycall(
    first: str, filming: Guests, caller: Callable[..., Caller], tmp_path: Path
) -> None:
    record = tmp_path / "call.mp4"
    options = ("--record", record, "--record-layout", "remote")
    ann = None
    if first == "pycall":
        ann = caller(*options)
        await ann.event("joined")
    guest = await opened(filming)
    if ann is None:
        await reads(guest, "waiting")
        ann = caller(*options)

    await reads(guest, "connected")
    assert (await ann.event("peer_joined"))["name"] == "Minimal"
    await ann.event("notice", code="no-words")
    await sees_the_card(guest)
    await hears_the_melody(guest)
    await guest.page.close(run_before_unload=True)
    await ann.event("peer_left")
    assert await asyncio.to_thread(ann.program.wait) == 0
    await asyncio.to_thread(recorded_the_film, record)
    assert guest.errors == []


@pytest.mark.parametrize("first", ["page", "pycall"])
async def test_it_renews_the_connection_in_its_role_when_pycall_asks(
    first: str, laboratory: Laboratories, film: tuple[Path, Path], tmp_path: Path
) -> None:
    lab = laboratory(a="cone", b="cone")
    lab.server()
    async with at_host(lab, "b", tmp_path, (*films(film), PUT_IN)) as guests:
        ann = None
        if first == "pycall":
            ann = Caller(lab.caller("a", ROOM, name="Ann"))
            await ann.event("joined")
        guest = await opened(guests)
        if ann is None:
            await reads(guest, "waiting")
            ann = Caller(lab.caller("a", ROOM, name="Ann"))
        await reads(guest, "connected")
        await sees_the_card(guest)

        lab.link.cut(4.0)
        await until(lambda: named("reconnected", ann.program.events), 2 * PATIENCE_S)
        back = unix_time()
        await guest.until("connections.length === 2")
        await reads(guest, "connected")
        async with asyncio.timeout(PATIENCE_S):
            while (await arrived_card(guest)).time_ms < 1000 * back:
                pass
        await hears_the_melody(guest)
        assert await guest.call("connections[0].signalingState") == "closed"
        role = "offer" if first == "page" else "answer"
        assert await guest.call("connections.map(each => each.localDescription.type)") == [role, role]
        await guest.page.close(run_before_unload=True)
        assert await asyncio.to_thread(ann.program.wait) == 0
        assert guest.errors == []


def test_it_is_short() -> None:
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) < 150


async def opened(guests: Guests) -> Guest:
    """The page, as if it came from the server: a browser's page must."""
    profile = await guests._browser.new_context()
    await profile.add_init_script(WITNESS)
    await profile.route("**/minimal.html*", lambda route: route.fulfill(path=PAGE))
    guest = Guest(await profile.new_page(), guests.origin)
    await guest.visit(f"/minimal.html?{ROOM}")
    return guest


async def reads(guest: Guest, words: str) -> None:
    await expect(guest.page.locator("#status")).to_have_text(words, timeout=1000 * PATIENCE_S)
