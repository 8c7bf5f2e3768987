"""A slow path, a silent one, and one that moves."""

from __future__ import annotations

import asyncio

import pytest

from pycall.client.compat import watching
from tests.client.compat.ice import meet, speak, through_nat
from tests.client.pair import until

pytestmark = [pytest.mark.integration, pytest.mark.parallel]


async def test_a_nat_that_gives_another_address_is_followed() -> None:
    async with through_nat() as (inside, outside, nat):
        await meet(inside, outside)
        await speak(inside, outside)
        for _ in range(2):
            await nat.rebind()
            await until(lambda: outside.chosen is not None and outside.chosen.remote_addr == nat.far)
            await speak(inside, outside)


async def test_the_one_who_controls_follows_too() -> None:
    async with through_nat() as (inside, outside, nat):
        inside.ice_controlling, outside.ice_controlling = False, True
        await meet(inside, outside)
        await nat.rebind()
        await until(lambda: outside.chosen is not None and outside.chosen.remote_addr == nat.far)
        await speak(inside, outside)


async def test_a_round_trip_of_more_than_a_second_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "CONSENT_INTERVAL_S", 0.5)
    async with through_nat() as (inside, outside, nat):
        nat.delay_s = 0.6
        await meet(inside, outside)
        chosen = inside.chosen
        assert chosen is not None
        first = chosen.answered_at
        await until(lambda: chosen.answered_at > first + 1.5)
        await speak(inside, outside)


async def test_without_consent_nothing_is_sent_until_it_is_given_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "CONSENT_S", 2.0)
    async with through_nat() as (inside, outside, nat):
        await meet(inside, outside)
        nat.blocked = True
        chosen = inside.chosen
        assert chosen is not None
        await until(lambda: not inside._watch.may_send(chosen))
        seen = nat.payload
        for _ in range(10):
            await inside.send(b"\x80media")
        await asyncio.sleep(0.1)
        assert nat.payload == seen
        nat.blocked = False
        await until(lambda: inside._watch.may_send(chosen))
        await speak(inside, outside)
