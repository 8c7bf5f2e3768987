"""Names become addresses without the event loop, or anybody, waiting for a name server."""

from __future__ import annotations

import socket
import threading

import pytest

from pycall.client import resolving
from pycall.client.resolving import resolve
from tests.client.pair import until


@pytest.mark.parametrize(("text", "address"), [("192.0.2.1", "192.0.2.1"), ("2001:DB8::1", "2001:db8::1")])
async def test_an_address_is_its_own_answer(text: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "getaddrinfo")
    assert await resolve(text) == [address]


async def test_a_name_has_addresses() -> None:
    assert "127.0.0.1" in await resolve("localhost")


async def test_an_unknown_name_has_none() -> None:
    assert await resolve("no-such-host.invalid") == []


async def test_a_name_that_cannot_be_one_has_none() -> None:
    assert await resolve("a" * 64 + ".example") == []


async def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def slow(*_: object, **__: object) -> list[object]:
        answered.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(resolving, "RESOLVE_S", 0.05)
    assert await resolve("example.org") == []
    answered.set()
    await until(lambda: all(thread.name != "pycall-resolve" for thread in threading.enumerate()))
