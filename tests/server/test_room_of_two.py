"""A room holds two at most, whatever happens, and exactly those whom one can reach."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pycall.core.room import Input
from pycall.core.seats import SEATS
from pycall.limits import Limits
from pycall.server.app import SignallingServer
from pycall.server.store import MemoryRoomStore
from tests.server.fuzzing import Wire, text_frame
from tests.server.raw import PATIENCE_S, RawClient, raw_clients
from tests.server.seating import auth
from tests.server.settable import Clock

pytestmark = [pytest.mark.integration, pytest.mark.parallel]

ROUNDS = int(os.environ.get("JOIN_ROUNDS", "40"))
CROWD = 50

PATIENT = Limits(ping_interval_s=120, ping_timeout_s=60).off()
"""On a machine that has no time for the test nobody is given up for it."""

T = TypeVar("T")

TOKENS = {name: f"{name}-{'x' * 22}" for name in ("ann", "bob", "carl")}
HANDSETS = st.sampled_from([f"{name} {number}" for name in (*TOKENS, "plain") for number in range(2)])
"""Ann, Bob and Carl can connect twice each; of a plain client each connection is another one."""


class Guests(RuleBasedStateMachine):
    """A real server, and after each step everybody says something: who hears it is in the room."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.store = MemoryRoomStore(clock=self.clock)
        self.server = SignallingServer("127.0.0.1", 0, store=self.store, limits=PATIENT)
        self.open: dict[str, RawClient] = {}
        self.told: dict[str, bool] = {}
        """Whether the last thing a handset heard of the room is that it is in it."""

        self.words = itertools.count()
        self.stack = AsyncExitStack()
        self.run(self.server.start())
        self.clients = self.run(self.stack.enter_async_context(raw_clients(self.server.port)))

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(step)

    def teardown(self) -> None:
        self.run(self.server.stop())
        self.run(self.stack.aclose())
        self.run(self.loop.shutdown_asyncgens())
        self.loop.close()

    # What they do

    @rule(handset=HANDSETS)
    def connects(self, handset: str) -> None:
        if handset not in self.open:
            token = TOKENS.get(handset.split(maxsplit=1)[0])
            self.open[handset] = self.run(self.clients(token and auth(token, received=0)))
            self.told[handset] = False

    @rule(handset=HANDSETS)
    def joins(self, handset: str) -> None:
        if client := self.open.get(handset):
            answer = self.run(client.call("join", "kitchen"))
            assert answer["ok"] or answer["code"] == "full"
            self.told[handset] = answer["ok"]

    @rule(handset=HANDSETS, room=st.sampled_from(["kitchen", "garden"]))
    def leaves(self, handset: str, room: str) -> None:
        if client := self.open.get(handset):
            self.run(client.call("leave", room))
            self.told[handset] = self.told[handset] and room != "kitchen"

    @rule(handset=HANDSETS)
    def joins_another_room(self, handset: str) -> None:
        if client := self.open.get(handset):
            assert self.run(client.call("join", handset.replace(" ", "-"))) == {"ok": True}
            self.told[handset] = False

    @rule(handset=HANDSETS, event=st.sampled_from(["disconnect", "connect", "connect_error", "*", "kick"]))
    def says_what_only_libraries_say(self, handset: str, event: str) -> None:
        if client := self.open.get(handset):
            assert not self.run(client.call(event, "server disconnect"))["ok"]

    @rule(handset=HANDSETS, farewell=st.sampled_from(["41", "1", "close", "9", "4nonsense", "cut", "cut"]))
    def ends(self, handset: str, farewell: str) -> None:
        """By a goodbye, by what turns it out, or by breaking."""
        if client := self.open.pop(handset, None):
            self.run(self._end(client, farewell))

    @rule(seconds=st.sampled_from([1.0, 16.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds
        self.run(self.server._gateway._expire())

    # What must be so

    @invariant()
    def two_at_most_and_they_reach_each_other_and_nobody_else(self) -> None:
        said, heard = self.run(self._everybody_speaks())
        seats = self.store._rooms["kitchen"].seats if "kitchen" in self.store._rooms else []
        present = {seat.connection for seat in seats if seat.connection}
        members = {handset for handset, client in self.open.items() if client.id in present}
        assert len(seats) <= SEATS
        assert len(members) == len(present), "somebody who is gone has a seat as if it were here"
        assert all(self.told[handset] for handset in members)
        for handset, word in said.items():
            others = members - {handset} if handset in members else set()
            assert {listener for listener, words in heard.items() if word in words} == others

    async def _everybody_speaks(self) -> tuple[dict[str, int], dict[str, list[object]]]:
        """What each said, and what each heard; who was ended because its seat moved on is taken off."""
        said: dict[str, int] = {}
        heard: dict[str, list[object]] = {}
        for handset, client in list(self.open.items()):
            try:
                await client.call("message", word := next(self.words))
            except (AssertionError, ConnectionError):
                assert handset.split()[0] in TOKENS
                del self.open[handset]
            else:
                said[handset] = word
        for handset, client in self.open.items():
            heard[handset] = [event[1] for event in await client.heard() if event[0] == "message"]
        return said, heard

    async def _end(self, client: RawClient, farewell: str) -> None:
        before = self.server.connections
        if farewell == "cut":
            client.cut()
        elif farewell == "close":
            await client.socket.close()
        else:
            await client.send(farewell)
        async with asyncio.timeout(PATIENCE_S):
            while self.server.connections >= before:
                await asyncio.sleep(0.001)


Guests.TestCase.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
TestGuests = Guests.TestCase


# All at once


class FarStore(MemoryRoomStore):
    """A store that takes its time before and after, as one elsewhere does."""

    is_instant = False

    async def apply(self, name: str, input_: Input) -> bool:
        await asyncio.sleep(0)
        is_seated = await super().apply(name, input_)
        await asyncio.sleep(0)
        return is_seated


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("store", [MemoryRoomStore, FarStore])
async def test_of_fifty_who_join_at_once_two_are_in(store: type[MemoryRoomStore]) -> None:
    server = SignallingServer("127.0.0.1", 0, store=store(), limits=PATIENT)
    await server.start()
    crowd = [await Wire.open(server.port) for _ in range(CROWD)]
    for wire in crowd:
        wire.send(text_frame("40"))
    rounds: list[int] = []
    for number in range(ROUNDS):
        for wire in crowd:
            wire.send(text_frame(f'42{number}["join","room-{number}"]'))
        answers = await asyncio.gather(*(_ack(wire, number) for wire in crowd))
        rounds.append(sum('"ok":true' in answer for answer in answers))
        assert sum('"full"' in answer for answer in answers) == CROWD - SEATS
    occupancy = await server._store.occupancy()
    for wire in crowd:
        wire.cut()
    await server.stop()
    print(f"{len(rounds)} rounds of {CROWD}: {max(rounds)} in at most, {min(rounds)} at least")
    assert set(rounds) == {SEATS}
    assert occupancy.members <= CROWD


async def _ack(wire: Wire, number: int) -> str:
    while True:
        text = await wire.text()
        assert text is not None
        if text.startswith(f"43{number}["):
            return text
