"""Somebody guesses secrets at a real `pycall serve`, from one address and from a hundred.

What is said is compared byte by byte, and the times by their medians: GUESSES=100000 measures it at length.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import aiohttp
import pytest

from pycall.cli.scrape import scrape
from tests.cli.serving import serve
from tests.program import Programs
from tests.server.closed import KEY, PASSWORD, invite
from tests.server.raw import Clients, RawClient

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]

GUESSES = int(os.environ.get("GUESSES", "1500"))
AT_A_TIME = 10
"""Joins of a connection, with one secret."""

MOST_DIFFERENCE_S = 0.001
INSIDE = "127.0.0.1"
FULL, ABSENT = "kitchen", "nobody-is-there"
TRIES = ((FULL, "wrong secret, full room"), (ABSENT, "wrong secret, nobody there"))


@dataclass
class Answers:
    """What was said to who got no seat, and how long it took."""

    said: set[str] = field(default_factory=set)
    took_s: dict[str, list[float]] = field(default_factory=dict)

    async def ask(self, client: RawClient, room: str, why: str) -> None:
        """Try to join, and note the answer."""
        before = time.perf_counter()
        await client.send("427" + json.dumps(["join", room]))
        error, ack = await client.packet(), await client.packet()
        self.took_s.setdefault(why, []).append(time.perf_counter() - before)
        self.said.add(f"{error}\n{ack}")


@asynccontextmanager
async def people(port: int, addresses: Sequence[str]) -> AsyncIterator[list[Clients]]:
    """Openers of connections from each of these addresses of this machine."""
    async with AsyncExitStack() as stack:
        openers = []
        for address in addresses:
            connector = aiohttp.TCPConnector(local_addr=(address, 0))
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
            openers.append(Clients(session, port))
        yield openers
        for each in openers:
            each.cut()


async def guess(
    answers: Answers, guessers: list[Clients], inside: Clients, right: dict[str, str], wrong: dict[str, str]
) -> AsyncIterator[int]:
    """Guess from all these addresses in turn; now and then who knows asks for a seat that is taken."""
    for turn in range(GUESSES // AT_A_TIME):
        secret = {name: each + secrets.token_hex(2) for name, each in wrong.items()}
        async with connected(guessers[turn % len(guessers)], secret) as client:
            for number in range(AT_A_TIME):
                await answers.ask(client, *TRIES[(turn + number) % 2])
        if turn % 4 == 0:
            async with connected(inside, right) as client:
                for _ in range(AT_A_TIME):
                    await answers.ask(client, FULL, "right secret, full room")
        yield turn


@asynccontextmanager
async def connected(opener: Clients, auth: dict[str, str]) -> AsyncIterator[RawClient]:
    client = await opener(auth)
    yield client
    client.cut()
    opener._opened.remove(client)


async def measured(port: int, right: dict[str, str], wrong: dict[str, str], origins: int = 1) -> Answers:
    """The answers to all guesses, from so many addresses, while two talk inside."""
    answers = Answers()
    elsewhere = [f"127.0.1.{number + 1}" for number in range(origins)]
    async with people(port, [INSIDE]) as [inside], people(port, elsewhere) as guessers:
        ann, bob = [await inside(right) for _ in range(2)]
        for each in (ann, bob):
            assert await each.call("join", FULL) == {"ok": True}
        async for turn in guess(answers, guessers, inside, right, wrong):
            if turn % 50 == 0:  # who is not read from answers no pings
                await ann.heard()
                await bob.call("message", turn)
                assert await ann.event() == ["message", turn]
    return answers


def counted(port: int) -> dict[str, float]:
    return scrape(f"http://127.0.0.1:{port}").by_label("pycall_credentials_total", "outcome")


def judge(answers: Answers) -> None:
    """The same bytes, and as good as the same time."""
    medians = {why: median(times) for why, times in answers.took_s.items()}
    for why, times in answers.took_s.items():
        print(f"{why}: {1e6 * medians[why]:.0f} µs, median of {len(times)}")
    assert len(answers.said) == 1
    assert max(medians.values()) - min(medians.values()) < MOST_DIFFERENCE_S


def password_file(folder: Path) -> Path:
    path = folder / "password"
    path.write_text(PASSWORD)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("origins", [1, 100])
async def test_of_any_number_of_guesses_ten_are_looked_at_for_each_room(
    start_pycall: Programs, tmp_path: Path, origins: int
) -> None:
    _, port = serve(start_pycall, "--password-file", password_file(tmp_path))
    answers = await measured(port, {"password": PASSWORD}, {"password": "open barley "}, origins)
    judge(answers)
    outcomes = await asyncio.to_thread(counted, port)
    assert outcomes["wrong-password"] == (10 if origins == 1 else 20)
    assert outcomes["not-checked"] == GUESSES - outcomes["wrong-password"]


async def test_nor_does_the_time_tell_anything_where_every_guess_is_looked_at(
    start_pycall: Programs, tmp_path: Path
) -> None:
    _, port = serve(start_pycall, "--password-file", password_file(tmp_path), "--no-limits")
    judge(await measured(port, {"password": PASSWORD}, {"password": "open barley "}))
    assert (await asyncio.to_thread(counted, port))["wrong-password"] == GUESSES


async def test_nor_where_invites_are_guessed(start_pycall: Programs, tmp_path: Path) -> None:
    key = tmp_path / "invite.key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    _, port = serve(start_pycall, "--require-invite", "--invite-key-file", key)
    forged = invite(FULL)[:-4]
    judge(await measured(port, {"invite": invite(FULL)}, {"invite": forged}))
    assert (await asyncio.to_thread(counted, port))["wrong-invite"] == GUESSES
