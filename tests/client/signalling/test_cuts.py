"""A connection cut inside of anything: its owner has its seat again, and nothing is lost or comes twice."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator

import pytest

from pycall.core import inputs
from pycall.core.messages import Candidate
from pycall.server.app import SignallingServer
from tests.client.cable import Cable
from tests.client.pair import until
from tests.client.signalling_rig import Caller

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CUTS = int(os.environ.get("CUTS", "20"))
BACK_S = 5.0
MOST_BYTES = 3_000
"""Between two cuts: joining and coming back are some 1,500 bytes, each message 150."""


class Resident(Caller):
    """Asks for its seat on every connection, as a call does."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(url, name)
        self.heard: list[str | None] = []
        self.seated = asyncio.Event()
        self.absences: list[float] = []
        """How long each lasted, in seconds."""

        self._lost_at = 0.0
        self._joining: set[asyncio.Task[None]] = set()
        self.client._post = self.note

    def note(self, happened: inputs.Input) -> None:
        self.posted.append(happened)
        match happened:
            case inputs.SignallingOpened():
                joining = asyncio.create_task(self.client.join("kitchen"))
                self._joining.add(joining)
                joining.add_done_callback(self._joining.discard)
            case inputs.JoinedRoom():
                if self._lost_at:
                    self.absences.append(time.monotonic() - self._lost_at)
                self.seated.set()
            case inputs.SignallingLost():
                self._lost_at = time.monotonic()
                self.seated.clear()
            case inputs.MessageReceived(Candidate(candidate=line)):
                self.heard.append(line)
            case _:
                pass

    @property
    def seats(self) -> set[str]:
        """The ids under which it was seated."""
        return {joined.id for joined in self.said(inputs.JoinedRoom)}


@pytest.fixture
async def residents(server: SignallingServer, wire: Cable) -> AsyncIterator[tuple[Resident, Resident]]:
    """Alice at the end of the cable, and Bob."""
    alice, bob = Resident(wire.url, "Alice"), Resident(f"http://127.0.0.1:{server.port}", "Bob")
    for each in (alice, bob):
        await each.client.open()
        await each.seated.wait()
    await until(lambda: alice.said(inputs.OtherJoined))
    yield alice, bob
    for each in (alice, bob):
        await each.client.close()


async def test_of_all_cuts_none_costs_the_seat_or_a_message(
    residents: tuple[Resident, Resident], wire: Cable
) -> None:
    alice, bob = residents
    [came] = alice.said(inputs.OtherJoined)
    chance, said = random.Random(13), list[str | None]()
    while len(alice.absences) < CUTS:
        wire.cut_after(chance.randrange(1, MOST_BYTES))
        while wire.is_about_to_break:
            await alice.seated.wait()  # what waits for the server is bounded
            said.append(f"candidate:{len(said)}")
            for each in residents:
                await each.client.send(Candidate(said[-1], "0", 0, came.epoch))
            await asyncio.sleep(0.001)
        if chance.random() < 0.3:  # and again, in the midst of coming back
            wire.cut_after(chance.randrange(1, 1_500))
        await until(lambda: not alice.seated.is_set() or len(alice.heard) >= len(said))
        await alice.seated.wait()
    await until(lambda: len(alice.heard) >= len(said) and len(bob.heard) >= len(said))
    took = alice.absences
    in_time = sum(each <= BACK_S for each in took)
    print(f"{len(took)} cuts: {in_time} times back within {BACK_S:g} s, the slowest after {max(took):.2f} s;")
    print(f"{len(said)} messages each way, {len(alice.heard)} and {len(bob.heard)} arrived")
    assert alice.heard == bob.heard == said
    assert len(alice.seats) == 1
    assert not bob.said(inputs.OtherLeft)
    assert not bob.said(inputs.OtherJoined)
    assert in_time >= 0.99 * len(took) or CUTS < 100
