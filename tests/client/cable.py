"""A wire between a client and a server that breaks at the client's end first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Cable:
    """Passes TCP connections on to ``port``; ``cut`` breaks them, and the server does not notice.

    While it is frozen nothing passes and nobody is told: what is said waits, as packets do that are
    sent again and again.
    """

    def __init__(self, port: int) -> None:
        self.url = ""
        self.laid = 0
        """Connections of clients so far."""
        self._port = port
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._left: int | None = None
        """Bytes that pass still, in whichever direction, before it is cut."""

        self._near: list[asyncio.StreamWriter] = []
        self._far: list[asyncio.StreamWriter] = []
        self._passing: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Reset every connection of clients; those to the server stay, silent for ever."""
        for passing in self._passing:
            passing.cancel()
        for writer in self._near:
            writer.transport.abort()
        self._near.clear()

    def cut_after(self, size: int) -> None:
        """Cut it when so many more bytes have passed, which may be inside of anything."""
        self._left = size

    @property
    def is_about_to_break(self) -> bool:
        """Whether a cut that was ordered is still to come."""
        return self._left is not None

    def freeze(self) -> None:
        """Let nothing pass any more, of old connections and new ones."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let everything pass again, also what waited."""
        self._flowing.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect one client to the server."""
        self.laid += 1
        self._near.append(writer)
        far_reader, far = await asyncio.open_connection("127.0.0.1", self._port)
        self._far.append(far)
        for source, target in ((reader, far), (far_reader, writer)):
            passing = asyncio.create_task(self._pass_on(source, target))
            self._passing.add(passing)
            passing.add_done_callback(self._passing.discard)

    async def close(self) -> None:
        """Break everything."""
        passing = list(self._passing)
        self.cut()
        await asyncio.gather(*passing, return_exceptions=True)
        for writer in self._far:
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                await self._flowing.wait()
                is_last = self._left is not None and len(data) >= self._left
                writer.write(data[: self._left] if is_last else data)
                await writer.drain()
                if is_last:
                    self._left = None
                    self.cut()
                elif self._left is not None:
                    self._left -= len(data)
        await self._flowing.wait()
        writer.close()


@contextlib.asynccontextmanager
async def cable(port: int) -> AsyncIterator[Cable]:
    """A cable to the server at ``port`` of this machine."""
    laid = Cable(port)
    server = await asyncio.start_server(laid.carry, "127.0.0.1", 0)
    laid.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield laid
    finally:
        server.close()
        await laid.close()
