"""The figures of several processes on one port: whichever is asked for them asks the others.

Each listens on a socket in Linux's abstract namespace, which needs no file and vanishes with the process.
Only processes of the same user are answered, and believed.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from pycall.errors import ListenFailed

PATIENCE_S: Final = 2.0
"""For one of the others to tell: who scrapes waits 5 s at least."""

_FAMILY: Final = re.compile(r"^(?=# HELP )", re.MULTILINE)
_CREDENTIALS: Final = struct.Struct("3i")
_LENGTH: Final = struct.Struct("!I")
"""Goes before a text, which may break off in the middle when its process is killed."""


class Siblings:
    """This process and the others on its port, by the names of their nodes."""

    def __init__(self, own: str, addresses: Mapping[str, str]) -> None:
        """``addresses`` are where each of them tells its figures, ``own`` included."""
        self._own = own
        self._addresses = addresses
        self._server: asyncio.Server | None = None

    async def start(self, figures: Callable[[], Awaitable[bytes]]) -> None:
        """Tell the others this process' ``figures`` whenever they ask.

        Raises:
            ListenFailed: it cannot.
        """

        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                if _is_of_this_user(writer.get_extra_info("socket")):
                    text = await figures()
                    writer.write(_LENGTH.pack(len(text)) + text)
                    await asyncio.wait_for(writer.drain(), PATIENCE_S)
            except OSError:  # it does not want to know any more, or does not read
                writer.transport.abort()
            finally:
                writer.close()

        try:
            self._server = await asyncio.start_unix_server(answer, f"\0{self._addresses[self._own]}")
        except OSError as error:
            raise ListenFailed(
                f"The workers cannot tell each other their figures: {error.strerror or error}.",
                "Let pycall use Unix sockets: AF_UNIX in RestrictAddressFamilies of a systemd unit.",
            ) from error

    async def stop(self) -> None:
        """Tell them nothing more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def all(self, own: bytes) -> dict[str, bytes]:
        """``own`` figures and what the others tell, by node; empty for one that does not tell all in time."""
        others = [name for name in self._addresses if name != self._own]
        told = await asyncio.gather(*(_told(self._addresses[name]) for name in others))
        figures = {self._own: own, **dict(zip(others, told, strict=True))}
        return {name: figures[name] for name in self._addresses}


def joined(texts: Iterable[bytes]) -> bytes:
    """One text in Prometheus' format of several, with the samples of a metric together."""
    samples: dict[str, str] = {}
    for text in texts:
        for family in _FAMILY.split(text.decode()):
            about, kind, *lines = family.splitlines(keepends=True) or ("", "")
            head = about + kind
            samples[head] = samples.get(head, "") + "".join(lines)
    return "".join(head + lines for head, lines in samples.items()).encode()


async def _told(address: str) -> bytes:
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_unix_connection(sock=_connected(address))
            try:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                return await reader.readexactly(length)
            finally:
                writer.close()
    except (OSError, asyncio.IncompleteReadError):  # TimeoutError is an OSError
        return b""


def _connected(address: str) -> socket.socket:
    """A connection to the process there, if it is one of ours; uvloop does not know such addresses.

    Raises:
        OSError: there is none.
    """
    end = socket.socket(socket.AF_UNIX)
    try:
        end.setblocking(False)
        end.connect(f"\0{address}")  # at once, or not at all
        if not _is_of_this_user(end):
            raise PermissionError
    except OSError:
        end.close()
        raise
    return end


def _is_of_this_user(end: socket.socket) -> bool:
    """Whether the process at the other end runs as the same user as this one."""
    packed = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(packed)
    return bool(user == os.getuid())
