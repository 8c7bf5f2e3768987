"""The page and `pycall call` on networks that break: both renew their connection, judged by what arrives."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from pycall.media.testsignals.wallclock import unix_time
from tests.browser.guests import PATIENCE_S, Guest
from tests.browser.known import film_and_whistle
from tests.browser.test_interop import (
    ROOM,
    Caller,
    arrived_card,
    films,
    hears_the_melody,
    recorded_the_film,
    same_words,
    sees_the_card,
)
from tests.browser.test_reconnect import WITNESS, at_host, gap, states
from tests.browser.test_resume import events_of, said
from tests.client.pair import until
from tests.netlab.conftest import Laboratories, _can_be_built, laboratory
from tests.netlab.laboratory import Laboratory
from tests.netlab.talk import named
from tests.program import Program

__all__ = ["_can_be_built", "laboratory"]

CUT_S: Final = 5.0
WATCHED_S: Final = 4.0
"""What is recorded of the time after, so that both tones and many pictures are in it."""


@dataclass
class Scene:
    """Ann's pycall on side a, where the link can be cut, in a call with Bob's page on side b."""

    lab: Laboratory
    server: Program
    ann: Caller
    bob: Guest
    told_bob: list[str]
    """What the server says to Bob."""
    record: Path
    """What comes to Ann."""

    @property
    def ann_is_back(self) -> list[dict[str, Any]]:
        """How often Ann was connected again."""
        return named("reconnected", self.ann.program.events)


@pytest.fixture
async def scene(
    request: pytest.FixtureRequest, laboratory: Laboratories, tmp_path: Path
) -> AsyncIterator[Scene]:
    """Either one was there first, and offers."""
    lab = laboratory(a="cone", b="cone")
    server = lab.server()
    record = tmp_path / "call.mp4"
    film = film_and_whistle(tmp_path)

    def call() -> Caller:
        return Caller(lab.caller("a", ROOM, "--record", str(record), "--record-layout", "remote", name="Ann"))

    async with at_host(lab, "b", tmp_path, films(film)) as guests:
        guests.strict = False  # the browser itself tells of connections that broke
        bob = await guests.come(f"/r/{ROOM}?name=Bob", script=WITNESS)
        told_bob = events_of(bob)
        if request.param == "page":
            await bob.join()
            await bob.reads("waiting")
            ann = call()
        else:
            ann = call()
            await ann.event("joined")
            await bob.join()
        await bob.reads("connected", "Ann")
        await ann.event("connected")
        await ann.count("first_frame", 2)
        await sees_the_card(bob)
        yield Scene(lab, server, ann, bob, told_bob, record)


async def a_cut_of_some_seconds(scene: Scene) -> None:
    scene.lab.link.cut(CUT_S)
    await scene.bob.reads("reconnecting", "Reconnecting to Ann")
    await scene.ann.event("reconnecting")


async def another_address_of_pycall(scene: Scene) -> None:
    scene.lab.a.change_address()


async def another_address_of_the_page(scene: Scene) -> None:
    scene.lab.b.change_address()


async def another_server_and_then_another_address(scene: Scene) -> None:
    scene.told_bob.clear()
    scene.server.send_signal(signal.SIGKILL)
    scene.server.wait()
    await scene.ann.event("notice", code="signalling-lost")
    await sees_the_card(scene.bob)
    scene.lab.server()
    met = (said(scene.told_bob, '"other_joined"'), said(scene.told_bob, '"peer":{'))
    await until(lambda: any(each() for each in met), PATIENCE_S)
    await sees_the_card(scene.bob)
    assert not scene.ann_is_back
    assert "reconnecting" not in await states(scene.bob)
    scene.lab.a.change_address()


@pytest.mark.parametrize(
    ("scene", "happens"),
    [
        ("page", a_cut_of_some_seconds),
        ("pycall", another_address_of_pycall),
        ("page", another_address_of_the_page),
        ("pycall", another_address_of_the_page),
        ("pycall", another_server_and_then_another_address),
    ],
    indirect=["scene"],
)
async def test_page_and_pycall_outlive(
    scene: Scene, happens: Callable[[Scene], Awaitable[None]], record_property: Callable[[str, object], None]
) -> None:
    ann, bob = scene.ann, scene.bob
    began = unix_time()

    await happens(scene)
    await until(lambda: scene.ann_is_back, 2 * PATIENCE_S)
    await bob.until("states.some(([state]) => state === 'reconnecting')")
    await bob.reads("connected", "Ann")

    back = unix_time()
    async with asyncio.timeout(PATIENCE_S):
        while (await arrived_card(bob)).time_ms < 1000 * back:
            pass
    await hears_the_melody(bob)
    await until(lambda: unix_time() > back + WATCHED_S, 2 * WATCHED_S)
    assert await bob.call("connections.filter(each => each.signalingState !== 'closed').length") == 1
    assert await bob.call("opened") == 1
    assert len(named("words", ann.program.events)) == 1
    assert await same_words(bob, ann)
    record_property("gaps", f"page {await gap(bob):.2f} s, pycall {scene.ann_is_back[-1]['gap_s']:.2f} s")
    record_property("back after", f"{scene.ann_is_back[-1]['time'] - began:.2f} s")

    await bob.page.click("#hangup")
    assert await asyncio.to_thread(ann.program.wait) == 0
    assert (await ann.event("ended"))["reason"] == "peer-hangup"
    assert len(named("connected", ann.program.events)) == 1
    begun = named("recording", ann.program.events)[0]["time"]
    await asyncio.to_thread(recorded_the_film, scene.record, back - begun)
