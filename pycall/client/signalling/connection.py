"""One connection to a signalling server: dialled once, and never again when it broke."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

import aiohttp
import socketio
import socketio.exceptions

from pycall.client.signalling.lookup import Lookup
from pycall.client.signalling.unreachable import refusal, unreachable

logger = logging.getLogger(__name__)

ANSWER_S: Final = 1.0
LONGEST_ANSWER_S: Final = 5.0
"""How long the server may take to answer, at least and at most: three times what it took when dialled."""

CLOSE_S: Final = 1.0
"""For saying goodbye to a server that may be silent."""

SETTLE_S: Final = 1.0
"""For what waits for a socket to notice that it is shut; a matter of milliseconds."""

MAX_RECEIVED: Final = 256 * 1024
"""Bytes of a websocket message that are read; the server passes on at most 64 kB."""

Hear: TypeAlias = Callable[..., Awaitable[None]]
"""Takes an event's arguments, whatever they are."""


class Server:
    """A signalling server at ``url`` (http or https).

    Over https its certificate is verified as usual, or, with ``cert_sha256`` (hexadecimal, colons
    allowed), it must be the one with this SHA-256, whoever vouches for it.
    """

    def __init__(self, url: str, cert_sha256: str = "") -> None:
        self.url = url
        self.trusted = (
            aiohttp.Fingerprint(bytes.fromhex(cert_sha256.replace(":", ""))) if cert_sha256 else True
        )
        self.lookup = Lookup()


class Connection:
    """A Socket.IO connection to ``server`` over a socket of its own.

    What the server says goes to ``hear``, by the event's name, as long as the connection stands;
    ``ended`` is called when it does not any more, whoever ended it.
    """

    def __init__(self, server: Server, hear: Mapping[str, Hear], ended: Callable[[], None]) -> None:
        self.standing = False
        self.round_trip_s = 0.0
        self._url = server.url
        self._ended = ended
        self._proof = asyncio.Event()
        self._refusals: list[str] = []
        self._dialling: asyncio.Task[None] | None = None
        self._sockets: list[socket.socket] = []
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=server.trusted, resolver=server.lookup, socket_factory=self._make_socket
            )
        )
        self._socket = socketio.AsyncClient(
            reconnection=False,  # who dials again wants another connection
            handle_sigint=False,
            http_session=self._session,
            websocket_extra_options={"max_msg_size": MAX_RECEIVED},
        )
        for event, handle in hear.items():
            self._socket.on(event, self._while_standing(handle))
        self._socket.on("connect_error", lambda *said: self._refusals.append(refusal(said)))
        self._socket.on("disconnect", lambda *_: self._broke())

    async def dial(self, auth: Callable[[], dict[str, Any]], timeout_s: float) -> None:
        """Connect, once, presenting what ``auth`` gives when it comes to that.

        Raises:
            ServerUnreachable: within ``timeout_s``; nothing is left open.
        """
        loop = asyncio.get_running_loop()
        asked = loop.time()

        def present() -> dict[str, Any]:
            nonlocal asked
            asked = loop.time()
            return auth()

        self._dialling = asyncio.create_task(
            self._socket.connect(self._url, auth=present, transports=["websocket"], wait_timeout=timeout_s),
            name="pycall-dial-server",
        )
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self._dialling)  # the library leaves its websocket open when cancelled
            if not self._socket.connected:
                raise ConnectionResetError("The server hung up at once.")  # noqa: TRY301
        except Exception as error:
            await self.drop()
            raise unreachable(self._url, error, self._refusals, timeout_s) from error
        except BaseException:
            await self.drop()
            raise
        self.round_trip_s = loop.time() - asked
        self.standing = True

    async def emit(
        self, event: str, *arguments: object, answered: Callable[[object], None] | None = None
    ) -> bool:
        """Whether it was handed to a standing connection; ``answered`` gets what the server says to it."""
        if not self.standing:
            return False
        callback = None if answered is None else lambda *said: answered(said[0] if said else None)
        try:
            await self._socket.emit(event, arguments, callback=callback)
        except socketio.exceptions.SocketIOError as error:
            logger.info("The signalling server is not there: %s was not sent (%s).", event, error)
            return False
        return True

    @property
    def uprooted(self) -> bool:
        """Whether this computer no longer has the address it speaks from: nothing can come back."""
        return any(not _is_ours(each) for each in self._sockets if each.fileno() >= 0)

    async def answers(self, event: str, *arguments: object) -> bool:
        """Whether the server confirms this event in time; to be asked by one at a time."""
        proof = self._proof = asyncio.Event()
        if await self.emit(event, *arguments, answered=lambda _: proof.set()):
            patience_s = min(max(ANSWER_S, 3 * self.round_trip_s), LONGEST_ANSWER_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await proof.wait()
        return self.standing and proof.is_set()

    async def close(self) -> None:
        """Say goodbye, which gives the seat up, and end, within little more than 1 s."""
        with suppress(Exception):  # whatever state the library is in, dropping ends it
            async with asyncio.timeout(CLOSE_S):
                await self._socket.disconnect()
        await self.drop()

    async def drop(self) -> None:
        """End it at once, as a cut cable would: without a word, so that the server keeps the seat."""
        self.standing = False
        for each in self._sockets:
            with suppress(OSError):  # closed, or never connected
                each.shutdown(socket.SHUT_RDWR)
        engine = self._socket.eio
        ending = [self._dialling, engine.read_loop_task, engine.write_loop_task]
        tasks = [task for task in ending if task is not None]
        if tasks:
            in_a_lookup = not self._sockets
            _, stuck = await asyncio.wait(tasks, timeout=0 if in_a_lookup else SETTLE_S)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()

    def _broke(self) -> None:
        self.standing = False
        self._proof.set()
        self._ended()

    def _while_standing(self, handle: Hear) -> Hear:
        async def hear(*arguments: object) -> None:
            if self.standing:
                await handle(*arguments)

        return hear

    def _make_socket(self, address: tuple[Any, ...]) -> socket.socket:
        """As aiohttp would; known here because only a shut socket ends what waits for a silent network."""
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        self._sockets.append(made)
        return made


def _is_ours(connected: socket.socket) -> bool:
    """Whether another socket can be bound to the address of this one."""
    try:
        with socket.socket(connected.family, socket.SOCK_DGRAM) as probe:
            probe.bind((connected.getsockname()[0], 0))
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True
