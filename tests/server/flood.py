"""One stranger who sends as much as the server takes, from a process of its own: PORT ADDRESS [--tls].

It keeps so many connections as an address may have, in pairs. On some it sends all it can until it is turned
out, and comes again; on the others as many and as large messages as it may. It goes on until it is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

from tests.server.fuzzing import PING, frame, text_frame
from tests.server.raw import trusting
from tests.server.wire.handshake import CONNECT, handshake

TLS = trusting() if "--tls" in sys.argv else None
RUSHING = 10
STEADY = 8
PAUSE_S = 0.5


async def connection(port: int, address: str, room: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A member of ``room``, or one who was not let in, and then its end is read soon."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=TLS)
    writer.write(handshake(X_Forwarded_For=address))
    await reader.readuntil(b"\r\n\r\n")
    writer.write(CONNECT + text_frame(f'42["join","{room}"]'))
    return reader, writer


async def rush(port: int, address: str, nth: int) -> None:
    """Send without pause until turned out."""
    events = [text_frame(text) for text in ('420["message",0]', "3", '421["nonsense"]')]
    burst = b"".join([*events, frame(PING, b"")] * 1000)
    reader, writer = await connection(port, address, f"rush-{nth // 2}")
    try:
        while True:
            writer.write(burst)
            await writer.drain()
            await reader.read(2**20)
            if reader.at_eof():
                return
    finally:
        writer.transport.abort()


async def go_on(port: int, address: str, nth: int) -> None:
    """Send large messages as often as is allowed, and read none."""
    message = text_frame('42["message","' + "x" * 60_000 + '"]')
    _, writer = await connection(port, address, f"steady-{nth // 2}")
    try:
        while not writer.transport.is_closing():
            writer.write(message)
            await writer.drain()
            await asyncio.sleep(0.011)
    finally:
        writer.transport.abort()


async def again(port: int, address: str, nth: int) -> None:
    """One connection after the other."""
    while True:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await (rush if nth < RUSHING else go_on)(port, address, nth)
        await asyncio.sleep(PAUSE_S)


async def main() -> None:
    """Attack for ever."""
    port, address = int(sys.argv[1]), sys.argv[2]
    await asyncio.gather(*(again(port, address, nth) for nth in range(RUSHING + STEADY)))


if __name__ == "__main__":
    asyncio.run(main())
