"""A real server, and a real browser with cameras and microphones that are made up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pycall.server.app import SignallingServer
from tests.browser.guests import CHROMIUM, DEVICES, Guests, at_the_page
from tests.server.conftest import server

__all__ = ["server"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder drive browsers."""
    missing = pytest.mark.skip(reason=f"{CHROMIUM} is missing (on Debian: apt install chromium)")
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.integration)
            if not Path(CHROMIUM).exists():
                item.add_marker(missing)


@pytest.fixture
async def guests(server: SignallingServer) -> AsyncIterator[Guests]:
    """People with camera and microphone: ``await guests.come("/r/kitchen")``."""
    async with at_the_page(f"http://127.0.0.1:{server.port}", *DEVICES) as guests:
        yield guests
