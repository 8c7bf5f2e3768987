"""A page whose connection to the server breaks in the middle of a call."""

from __future__ import annotations

from collections.abc import Callable

from playwright.async_api import WebSocket

from pycall.server.app import SignallingServer
from tests.browser.guests import Guest, Guests
from tests.client.cable import cable
from tests.client.pair import until

EVENT = "42"
"""What a packet with an event begins with."""


def events_of(guest: Guest) -> list[str]:
    """What the server says to a guest from now on."""
    heard: list[str] = []

    def take(frame: str | bytes) -> None:
        if isinstance(frame, str) and frame.startswith(EVENT):
            heard.append(frame)

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", take)

    guest.page.on("websocket", listen)
    return heard


def said(events: list[str], words: str) -> Callable[[], bool]:
    return lambda: any(words in event for event in events)


async def test_it_comes_back_to_its_seat_and_the_other_one_hears_nothing(
    server: SignallingServer, guests: Guests
) -> None:
    guests.strict = False  # the browser itself tells of a connection that broke
    async with cable(server.port) as wire:
        ann = await guests.come("/r/kitchen?name=Ann", origin=wire.url)
        bob = await guests.come("/r/kitchen?name=Bob")
        told_ann, told_bob = events_of(ann), events_of(bob)
        await ann.join()
        await ann.reads("waiting")
        await bob.join()
        await ann.reads("connected", "Bob")
        await bob.reads("connected", "Ann")
        assert not said(told_ann, '"resumed":true')()

        told_bob.clear()
        wire.cut()
        await until(said(told_ann, '"resumed":true'))
        await ann.sees_somebody_move()
        assert [event for event in told_bob if '"message"' not in event] == []

        await bob.page.click("#hangup")
        await until(said(told_ann, '"bye"'))
        await ann.reads("waiting")
