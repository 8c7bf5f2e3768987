"""What stands between a node and Redis, and can hold what is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Holder:
    """Passes everything on, but for what it ``holds`` until it is released."""

    def __init__(self, url: str) -> None:
        self.port = 0
        self.holding = asyncio.Event()
        """Set when something is held."""

        self.delay_s = 0.0
        """How long everything takes on its way."""

        self._to = urlsplit(url)
        self._holds: Callable[[bytes], bool] = _nothing
        self._free = asyncio.Event()
        self._free.set()
        self._pumps: set[asyncio.Task[None]] = set()

    def hold(self, holds: Callable[[bytes], bool]) -> None:
        """Hold what this says, and all that follows it on that connection, from now on."""
        self._holds = holds
        self._free.clear()

    def release(self) -> None:
        """Pass on what was held, and everything after it."""
        self._holds = _nothing
        self._free.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        there, to = await asyncio.open_connection(self._to.hostname, self._to.port)
        for source, sink in ((reader, to), (there, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                if self._holds(data):
                    self.holding.set()
                    await self._free.wait()
                await asyncio.sleep(self.delay_s)
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()

    async def stop(self) -> None:
        """End all connections."""
        pumps = list(self._pumps)
        for each in pumps:
            each.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


@asynccontextmanager
async def holder(url: str) -> AsyncIterator[Holder]:
    """One before the Redis at ``url``, while the context lasts."""
    made = Holder(url)
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.stop()
        await server.wait_closed()


def _nothing(_data: bytes) -> bool:
    return False
