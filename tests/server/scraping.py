"""What a server in the test's own event loop answers about itself."""

from __future__ import annotations

import aiohttp

from pycall.cli.scrape import Reading
from pycall.server.app import SignallingServer


async def answered(server: SignallingServer, path: str, **headers: str) -> tuple[int, str]:
    """Status and text of the answer to a GET."""
    url = f"http://127.0.0.1:{server.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, await response.text()


async def scraped(server: SignallingServer) -> Reading:
    """Its figures."""
    status, text = await answered(server, "/metrics")
    assert status == 200, text
    return Reading(text)
