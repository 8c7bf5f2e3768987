"""Browser calls on networks that break: what people see, and that the call goes on.

Where it matters how the network breaks, each browser runs on a host of the laboratory.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Route

import pycall.server
from pycall.server.app import SignallingServer
from tests.browser.guests import CHROMIUM, DEVICES, Guest, Guests, at_the_page
from tests.browser.test_resume import events_of, said
from tests.client.cable import cable
from tests.client.pair import until
from tests.netlab.addresses import Side
from tests.netlab.conftest import Laboratories, _can_be_built, laboratory
from tests.netlab.host import Host
from tests.netlab.laboratory import Laboratory
from tests.netlab.namespaces import run
from tests.program import Program

__all__ = ["_can_be_built", "laboratory"]

PATIENCE: Final = Path(pycall.server.__file__).with_name("static") / "patience.js"

WITNESS: Final = """
  globalThis.connections = [];
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...how) { super(...how); connections.push(this); }
  };
  globalThis.opened = 0;
  const open = MediaDevices.prototype.getUserMedia;
  MediaDevices.prototype.getUserMedia = function (...what) { opened += 1; return open.apply(this, what); };
  globalThis.states = [];
  addEventListener("DOMContentLoaded", () => {
    const status = document.querySelector("#status");
    const note = () => states.push([status.dataset.state, performance.now()]);
    if (status) new MutationObserver(note).observe(status, { attributeFilter: ["data-state"] });
  });
"""
"""Knows the page's connections, how often it opened devices, and each state with the time it began."""


KEYS: Final = """
  connections.map(({ localDescription, currentLocalDescription }) =>
    (currentLocalDescription ?? localDescription).sdp.match(/a=fingerprint:.*/)[0])
"""
"""What each of the page's connections shows."""


async def states(guest: Guest) -> list[str]:
    told: list[str] = await guest.call("states.map(([state]) => state)")
    return told


async def gap(guest: Guest) -> float:
    """For how long the page has read `reconnecting`, in seconds, the last time."""
    ms: float = await guest.call(
        "(() => { const at = states.findLastIndex(([state]) => state === 'reconnecting');"
        " return states[at + 1][1] - states[at][1]; })()"
    )
    return ms / 1000


async def pair(ann: Guests, bob: Guests) -> tuple[Guest, Guest]:
    """Two in a call, each at their own browser; Ann was there first."""
    return await meet(
        await ann.come("/r/kitchen?name=Ann", script=WITNESS),
        await bob.come("/r/kitchen?name=Bob", script=WITNESS),
    )


async def meet(ann: Guest, bob: Guest) -> tuple[Guest, Guest]:
    """Ann joins, and then Bob; both see each other."""
    await ann.join()
    await ann.reads("waiting")
    await bob.join()
    await ann.reads("connected", "Bob")
    await bob.reads("connected", "Ann")
    await ann.sees_somebody_move()
    await bob.sees_somebody_move()
    return ann, bob


async def go_on(ann: Guest, bob: Guest) -> None:
    """Both are connected by one connection each, see each other, and have opened no device again."""
    for guest in (ann, bob):
        await guest.reads("connected")
        await guest.sees_somebody_move()
        await guest.sees_somebody_move("#local")
        await guest.until("connections.filter(each => each.signalingState !== 'closed').length === 1")
        assert await guest.call("opened") == 1


# On one machine


async def test_a_changed_network_is_answered_with_another_connection(
    guests: Guests,
) -> None:
    ann, bob = await pair(guests, guests)
    stream = await ann.page.evaluate_handle("document.querySelector('#remote').srcObject")
    words = await ann.words()

    for changed in (ann, bob):
        before = await changed.call("connections.length")
        await changed.call("dispatchEvent(new Event('online'))")
        await changed.until(f"connections.length > {before}")
        await go_on(ann, bob)

    assert await ann.call("connections.length") == await bob.call("connections.length") == 3
    assert await ann.page.evaluate("stream => document.querySelector('#remote').srcObject === stream", stream)
    assert await bob.loudest() > 0.05
    assert [await ann.words(), await bob.words()] == [words, words]
    for guest in (ann, bob):
        assert len(set(await guest.call(KEYS))) == 1


async def test_what_is_said_while_the_connection_to_the_server_is_broken_arrives_once(
    server: SignallingServer, guests: Guests
) -> None:
    guests.strict = False  # the browser itself tells of a connection that broke
    async with cable(server.port) as wire:
        ann = await guests.come("/r/kitchen?name=Ann", script=WITNESS, origin=wire.url)
        bob = await guests.come("/r/kitchen?name=Bob", script=WITNESS)
        told_ann, told_bob = events_of(ann), events_of(bob)
        await meet(ann, bob)
        sockets = wire.laid

        wire.freeze()
        await ann.call("dispatchEvent(new Event('online'))")  # it asks for another connection, and dials
        await until(lambda: wire.laid > sockets)
        wire.cut()
        wire.thaw()
        await until(said(told_ann, '"resumed":true'))
        await until(said(told_bob, '"renewed"'))
        await go_on(ann, bob)

        assert sum('"type":"offer"' in event for event in told_bob) == 2
        for told in (told_ann, told_bob):
            numbers = [event.rpartition(",")[2] for event in told if '"message"' in event]
            assert len(numbers) == len(set(numbers)) > 0
        assert not said(told_bob, '"bye"')()
        assert await bob.call("connections.length") == 2


async def test_a_page_that_broke_down_has_its_seat_again_after_a_reload(
    server: SignallingServer, guests: Guests
) -> None:
    guests.strict = False  # as above
    async with cable(server.port) as wire:
        ann = await guests.come("/r/kitchen?name=Ann", script=WITNESS)
        bob = await guests.come("/r/kitchen?name=Bob", script=WITNESS, origin=wire.url)
        told_ann = events_of(ann)
        await meet(ann, bob)
        words = await ann.words()
        told_ann.clear()

        await bob.call("void (RTCDataChannel.prototype.send = () => {})")
        wire.freeze()
        await bob.page.goto("about:blank")
        await ann.reads("reconnecting", "Reconnecting to Bob")
        wire.cut()  # what the browser said for it at the end is lost
        wire.thaw()
        await bob.visit("/r/kitchen?name=Bob")
        await bob.page.reload()
        await bob.reads("ready")
        await bob.join()
        await bob.reads("connected", "Ann")
        await ann.reads("connected", "Bob")
        await ann.sees_somebody_move()
        await bob.sees_somebody_move()
        await ann.shows("#comparison[data-state=changed]", "Bob shows another key than before")
        await bob.shows("#comparison[data-state=known]")
        assert await ann.words() == await bob.words() != words

        assert not said(told_ann, '"bye"')()
        assert not said(told_ann, '"other_joined"')()


async def test_a_duplicated_tab_is_somebody_else(guests: Guests) -> None:
    ann, _ = await pair(guests, guests)
    seat = await ann.call("sessionStorage.getItem('pycall-seat')")
    eve = await guests.come("/r/kitchen?name=Eve", script=f"sessionStorage.setItem('pycall-seat', '{seat}')")
    await eve.join()

    await eve.reads("refused", "The room kitchen is full")
    await ann.reads("connected")


# On networks that break


@dataclass
class Scene:
    """Ann and Bob in a call, each on a host of its own; the link to break is Ann's."""

    lab: Laboratory
    server: Program
    ann: Guest
    bob: Guest


@pytest.fixture
async def scene(laboratory: Laboratories, tmp_path: Path) -> AsyncIterator[Scene]:
    lab = laboratory(a="cone", b="cone")
    server = lab.server()
    async with at_host(lab, "a", tmp_path) as near, at_host(lab, "b", tmp_path) as far:
        near.strict = far.strict = False  # the browsers themselves tell of connections that broke
        ann, bob = await pair(near, far)
        yield Scene(lab, server, ann, bob)


@asynccontextmanager
async def at_host(
    lab: Laboratory, side: Side, folder: Path, devices: tuple[str, ...] = DEVICES
) -> AsyncIterator[Guests]:
    """Guests at a browser on a host, to which the server's page is a secure one."""
    host = lab.a if side == "a" else lab.b
    chromium = folder / f"chromium-{side}"
    chromium.write_text(f'#!/bin/sh\nexec {shlex.join(host.namespace.command(CHROMIUM))} "$@"\n')
    chromium.chmod(0o755)
    trusted = f"--unsafely-treat-insecure-origin-as-secure={lab.url}"
    async with at_the_page(lab.url, *devices, trusted, chromium=chromium) as guests:
        yield guests


async def test_a_cut_of_some_seconds_is_shown_on_both_screens_and_overcome(
    scene: Scene, record_property: Any
) -> None:
    ann, bob = scene.ann, scene.bob

    scene.lab.link.cut(8.0)
    for guest in (ann, bob):
        await guest.reads("reconnecting", "Reconnecting to ")
        await guest.shows("#interruption", "Reconnecting to ")
    await asyncio.gather(ann.reads("connected"), bob.reads("connected"))
    await go_on(ann, bob)

    for name, guest in (("ann", ann), ("bob", bob)):
        assert not await guest.page.is_visible("#interruption")
        record_property(name, await gap(guest))


async def test_a_browser_that_changes_its_address_goes_on(scene: Scene) -> None:
    scene.lab.a.change_address()
    await scene.bob.until("connections.length > 1")
    await go_on(scene.ann, scene.bob)


async def test_other_ports_at_the_nat_are_answered_with_another_connection(scene: Scene) -> None:
    scene.lab.nat_a.rebind()
    await scene.bob.until("connections.length > 1")
    await go_on(scene.ann, scene.bob)


async def test_the_call_outlives_the_server_and_is_renewed_by_the_next_one(scene: Scene) -> None:
    ann, bob = scene.ann, scene.bob
    told_ann, told_bob = events_of(ann), events_of(bob)

    scene.server.send_signal(signal.SIGKILL)
    scene.server.wait()
    await ann.sees_somebody_move()
    scene.lab.server()
    await until(said(told_ann, '"joined"'))
    await until(said(told_bob, '"joined"'))
    await go_on(ann, bob)
    assert "reconnecting" not in await states(ann) + await states(bob)
    assert await ann.call("connections.length") == 1

    scene.lab.link.cut(3.0)
    await ann.reads("reconnecting")
    await go_on(ann, bob)
    await ann.page.click("#hangup")
    await bob.reads("waiting")


async def test_a_browser_that_is_frozen_for_a_while_is_heard_again(scene: Scene) -> None:
    freeze(scene.lab.b, signal.SIGSTOP)
    try:
        await scene.ann.reads("reconnecting", "Reconnecting to Bob")
        await asyncio.sleep(4)
    finally:
        freeze(scene.lab.b, signal.SIGCONT)
    await go_on(scene.ann, scene.bob)


async def test_who_stays_away_is_lost_and_one_joins_again(laboratory: Laboratories, tmp_path: Path) -> None:
    lab = laboratory(a="cone", b="cone")
    lab.server()
    async with at_host(lab, "a", tmp_path) as near, at_host(lab, "b", tmp_path) as far:
        ann, bob = await near.come("/"), await far.come("/r/kitchen?name=Bob")
        await ann.page.route("**/patience.js", give_up_soon)
        await ann.visit("/r/kitchen?name=Ann")
        await ann.join()
        await ann.reads("waiting")
        await bob.join()
        await ann.sees_somebody_move()
        freeze(lab.b, signal.SIGSTOP)
        try:
            await ann.reads("reconnecting")
            await ann.reads("lost", "The connection to Bob was lost")
            await ann.shows("#join", "Join again")
        finally:
            freeze(lab.b, signal.SIGCONT)
        await bob.reads("waiting")
        await ann.join()
        await ann.sees_somebody_move()
        await bob.sees_somebody_move()


def freeze(host: Host, number: signal.Signals) -> None:
    """Send a signal to every process on a host."""
    for process in run(["ip", "netns", "pids", host.namespace.name]).split():
        os.kill(int(process), number)


async def give_up_soon(route: Route) -> None:
    """Serve the page's patience with 4 s to get the media back."""
    text = PATIENCE.read_text(encoding="utf-8")
    assert "RECONNECT_MS = 60_000" in text
    soon = text.replace("RECONNECT_MS = 60_000", "RECONNECT_MS = 4_000")
    await route.fulfill(content_type="text/javascript", body=soon)
