"""The addresses of names, by the system's own resolver."""

from __future__ import annotations

import asyncio
import socket

import pytest

from pycall.client.signalling.lookup import Lookup
from tests.client.pair import until


async def test_this_computer_is_known_by_its_name() -> None:
    lookup = Lookup()
    found = await lookup.resolve("localhost", 8080)
    assert {each["host"] for each in found} & {"127.0.0.1", "::1"}
    assert {each["port"] for each in found} == {8080}
    assert {each["family"] for each in found} <= {socket.AF_INET, socket.AF_INET6}
    only = await lookup.resolve("127.0.0.1", 1, socket.AF_INET)
    assert [each["host"] for each in only] == ["127.0.0.1"]
    await lookup.close()


async def test_what_is_known_is_not_waited_for_and_asked_again_one_at_a_time() -> None:
    lookup = Lookup()
    lookup._known = "no-such-host.invalid", ["192.0.2.1"]
    first = await lookup.resolve("no-such-host.invalid", 80)
    asking = lookup._asking
    assert asking is not None
    assert not asking.done()
    assert await lookup.resolve("no-such-host.invalid", 80) == first
    assert lookup._asking is asking
    assert [each["host"] for each in first] == ["192.0.2.1"]
    await lookup.close()


async def test_an_answer_replaces_what_was_known() -> None:
    lookup = Lookup()
    lookup._known = "localhost", ["192.0.2.1"]
    await lookup.resolve("localhost", 80)
    await until(lambda: lookup._known != ("localhost", ["192.0.2.1"]))
    await lookup.close()


@pytest.mark.parametrize("name", ["no-such-host.invalid", "x" * 300, ".."])
async def test_an_unknown_name_has_no_addresses(name: str) -> None:
    lookup = Lookup()
    with pytest.raises(OSError, match="unknown name"):
        await lookup.resolve(name, 80)
    await lookup.close()


async def test_who_gives_up_waiting_does_not_end_the_lookup_of_others() -> None:
    lookup = Lookup()
    one, other = (asyncio.create_task(lookup.resolve("localhost", 80)) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    assert await other
    await asyncio.gather(one, return_exceptions=True)
    await lookup.close()
