"""One client's websocket: what waits to be sent, whether it still answers, and its end."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from enum import StrEnum
from typing import Final

from aiohttp import WSCloseCode, web

from pycall.limits import Limits
from pycall.server.figures import Figures, size_of

CLIENT_DISCONNECT: Final = "client disconnect"
"""The cause when the client said that it goes; every other cause is a loss."""

SEAT_RESUMED: Final = "seat resumed"
"""The cause when the same client is here again, on a newer connection."""

CONNECTION_LOST: Final = "connection lost"
NO_ANSWER: Final = "no answer to a ping"
TOO_SLOW: Final = "too slow a reader"
SERVER_ERROR: Final = "server error"
SERVER_STOPPING: Final = "server stopping"
NEVER_CONNECTED: Final = "never connected"
UNREADABLE: Final = "unreadable frame"
MALFORMED: Final = "bad-message"
"""This one is followed by a colon and what is wrong."""

CAUSES: Final = (
    CLIENT_DISCONNECT, SEAT_RESUMED, CONNECTION_LOST, NO_ANSWER, TOO_SLOW, SERVER_ERROR, SERVER_STOPPING,
    NEVER_CONNECTED, UNREADABLE, MALFORMED,
)  # fmt: skip
"""All causes but refusals that came too often, which begin with the code of the last one."""

BROKEN: Final = frozenset({CONNECTION_LOST, NO_ANSWER, TOO_SLOW, SERVER_ERROR})
"""Causes that are nobody's will and nobody's fault: the same client may soon be here again."""


class PacketType(StrEnum):
    """The first character of every Engine.IO packet; ``BINARY`` is binary data as base64 text."""

    OPEN = "0"
    CLOSE = "1"
    PING = "2"
    PONG = "3"
    MESSAGE = "4"
    NOOP = "6"
    BINARY = "b"


class Connection:
    """One websocket: a bounded queue out, and one way to be over.

    ``cause`` is empty while it lives and never changes afterwards. A connection that is over takes
    and sends nothing more, at once, however long its websocket needs to close.
    """

    __slots__ = (
        "_close_code", "_figures", "_heartbeat", "_limits", "_loop", "_outgoing", "_patience", "_pinged",
        "_queued", "_socket", "_transport", "_writer", "cause", "id", "strikes",
    )  # fmt: skip

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        limits: Limits,
        figures: Figures,
    ) -> None:
        self.id = generate_id()
        self.cause = ""
        self.strikes = 0
        self._socket = socket
        self._transport = transport
        self._limits = limits
        self._figures = figures
        self._loop = asyncio.get_running_loop()
        self._outgoing: deque[str] = deque()
        self._queued = 0
        self._writer: asyncio.Task[None] | None = None
        self._close_code = WSCloseCode.OK
        self._pinged = False
        self._heartbeat = self._loop.call_later(limits.ping_interval_s, self._beat)
        self._patience = (
            None
            if limits.connect_timeout_s is None
            else self._loop.call_later(limits.connect_timeout_s, self.cut_off, NEVER_CONNECTED)
        )

    def post(self, packet: str) -> None:
        """Send ``packet`` after what waits already; a reader too slow for it is cut off."""
        if self.cause:
            return
        self._queued += len(packet)
        if self._limits.queue_bytes is not None and self._queued > self._limits.queue_bytes:
            self.cut_off(TOO_SLOW)
            return
        self._outgoing.append(packet)
        if self._writer is None:
            self._writer = self._loop.create_task(self._write())

    def welcome(self) -> None:
        """The client has connected in earnest; it may now stay as long as it answers pings."""
        if self._patience is not None:
            self._patience.cancel()

    def answered(self) -> None:
        """The client answered the last ping."""
        self._pinged = False

    def end(self, cause: str, code: WSCloseCode = WSCloseCode.OK) -> None:
        """Be over; what was posted before is still sent by :meth:`farewell`."""
        if not self.cause:
            self.cause = cause
            self._close_code = code
            self._heartbeat.cancel()
            self.welcome()

    def cut_off(self, cause: str) -> None:
        """Be over without a word: the TCP connection is reset, which also wakes its reader."""
        self.end(cause, WSCloseCode.ABNORMAL_CLOSURE)
        self._outgoing.clear()
        self._transport.abort()

    async def farewell(self) -> None:
        """Close the websocket of a connection that is over, within ``farewell_s``."""
        try:
            async with asyncio.timeout(self._limits.farewell_s):
                if self._writer is not None:
                    await self._writer
                await self._socket.close(code=self._close_code, message=self.cause.encode()[:120])
        except TimeoutError:
            self._transport.abort()
        else:  # closing a transport waits for a reader of its last bytes, for ever
            self._loop.call_later(self._limits.farewell_s, self._transport.abort)

    async def _write(self) -> None:
        try:
            while self._outgoing:
                packet = self._outgoing.popleft()
                async with asyncio.timeout(self._limits.stall_s):
                    await self._socket.send_str(packet)
                self._queued -= len(packet)
                self._figures.sent_bytes += size_of(packet)
        except TimeoutError:
            self.cut_off(TOO_SLOW)
        except ConnectionError:
            self.cut_off(CONNECTION_LOST)
        finally:
            self._writer = None

    def _beat(self) -> None:
        if self._pinged:
            self.cut_off(NO_ANSWER)
            return
        self.post(PacketType.PING)
        self._pinged = True
        self._heartbeat = self._loop.call_later(self._limits.ping_timeout_s, self._check)

    def _check(self) -> None:
        if self._pinged:
            self._beat()
        else:
            rest = self._limits.ping_interval_s - self._limits.ping_timeout_s
            self._heartbeat = self._loop.call_later(rest, self._beat)


def generate_id() -> str:
    """An id nobody can guess, of letters, digits, ``-`` and ``_``."""
    return secrets.token_urlsafe(15)
