"""A real server, and a cable to it that can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pycall.server.app import SignallingServer
from tests.client.cable import Cable, cable
from tests.client.signalling_rig import serving


@pytest.fixture
async def server() -> AsyncIterator[SignallingServer]:
    async with serving() as server:
        yield server


@pytest.fixture
async def wire(server: SignallingServer) -> AsyncIterator[Cable]:
    async with cable(server.port) as wire:
        yield wire
