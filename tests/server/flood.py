"""One stranger who sends as much as the server takes, from a process of its own: PORT ADDRESS [--tls].

It keeps so many connections as an address may have, in pairs. On some it sends all it can until it is turned
out, and comes again; on the others as many and as large messages as it may. It goes on until it is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

from tests.server.raw import trusting

HANDSHAKE = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "X-Forwarded-For: {}\r\n\r\n"
)
TLS = trusting() if "--tls" in sys.argv else None
RUSHING = 10
STEADY = 8
PAUSE_S = 0.5


def frame(text: str) -> bytes:
    """A text frame under a mask of zeros."""
    data = text.encode()
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + data


async def connection(port: int, address: str, room: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A member of ``room``, or one who was not let in, and then its end is read soon."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=TLS)
    writer.write(HANDSHAKE.format(address).encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame("40") + frame(f'42["join","{room}"]'))
    return reader, writer


async def rush(port: int, address: str, nth: int) -> None:
    """Send without pause until turned out."""
    events = (
        frame('420["message",0]') + frame("3") + frame('421["nonsense"]') + b"\x89\x80" + bytes(4)
    ) * 1000
    reader, writer = await connection(port, address, f"rush-{nth // 2}")
    try:
        while True:
            writer.write(events)
            await writer.drain()
            await reader.read(2**20)
            if reader.at_eof():
                return
    finally:
        writer.transport.abort()


async def go_on(port: int, address: str, nth: int) -> None:
    """Send large messages as often as is allowed, and read none."""
    message = frame('42["message","' + "x" * 60_000 + '"]')
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
