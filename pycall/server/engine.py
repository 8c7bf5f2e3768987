"""Engine.IO for the signalling server: websockets only, everything bounded.

python-socketio's own engine keeps an unbounded queue and three tasks for each client, measures
silence with the wall clock and closes without closing. This one speaks the same protocol
(Engine.IO protocol revision 4, websocket transport) with one deque and one timer per client, and its
kick kicks. It knows nothing of Socket.IO packets: it hands their texts on.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from aiohttp import WSCloseCode, WSMsgType, web

from pycall.limits import Limits
from pycall.server.addresses import Visitor
from pycall.server.connection import (
    CAUSES,
    CLIENT_DISCONNECT,
    CONNECTION_LOST,
    MALFORMED,
    SEAT_RESUMED,
    SERVER_ERROR,
    SERVER_STOPPING,
    UNREADABLE,
    Connection,
    PacketType,
    generate_id,
)
from pycall.server.entrance import Entrance
from pycall.server.figures import Figures, code_of, size_of
from pycall.server.logs import Private, tell

Handler = Callable[..., Awaitable[None]]
HandlerName = Literal["connect", "message", "disconnect"]

_CLOSED_ON_PURPOSE: Final = frozenset({0, WSCloseCode.OK, WSCloseCode.GOING_AWAY})
"""Codes of a client's close frame; 0 is a frame without code."""

_UNREMARKABLE: Final = frozenset({CLIENT_DISCONNECT, SEAT_RESUMED, CONNECTION_LOST, SERVER_STOPPING})

log = logging.getLogger(__name__)


class MalformedPacketError(ValueError):
    """A client sent what no client of this protocol sends; its connection ends."""


class Engine:
    """All connections, and what python-socketio's server expects of the engine below it."""

    async_mode = "aiohttp"

    def __init__(self, *, limits: Limits, figures: Figures, entrance: Entrance, **_options: object) -> None:
        self.connections: dict[str, Connection] = {}
        self._limits = limits
        self._figures = figures
        self._entrance = entrance
        figures.ended.update({code_of(cause): 0 for cause in CAUSES})
        self._handlers: dict[str, Handler] = {}
        self._stopping = False

    def on(self, event: HandlerName, handler: Handler) -> None:
        """Set what is called with the connection's id (and the text of a message, or a reason)."""
        self._handlers[event] = handler

    def generate_id(self) -> str:
        """An id nobody can guess."""
        return generate_id()

    async def send(self, id_: str, data: str) -> None:
        """Send a message; a connection that is gone is not an error."""
        self.post(id_, data)

    def post(self, id_: str, data: str) -> None:
        """Send a message without suspending."""
        connection = self.connections.get(id_)
        if connection is not None:
            connection.post(PacketType.MESSAGE + data)

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        """Serve one websocket from its handshake to its end."""
        visitor = self._entrance.visitor(request)
        refusal = self._entrance.refusal(request, visitor, is_stopping=self._stopping)
        if refusal is not None:
            return refusal.answer()
        try:
            socket = web.WebSocketResponse(
                compress=False,
                max_msg_size=self._limits.frame_bytes or 0,
                timeout=self._limits.farewell_s / 2,
            )
            await socket.prepare(request)
            transport = request.transport
            if transport is not None:  # it may be gone during the handshake
                connection = Connection(socket, transport, self._limits, self._figures)
                await self._serve(connection, socket, visitor)
        finally:
            self._entrance.admission.closed(visitor.source)
        return socket

    async def _serve(self, connection: Connection, socket: web.WebSocketResponse, visitor: Visitor) -> None:
        self.connections[connection.id] = connection
        self._figures.opened += 1
        tell(
            *(log, logging.DEBUG, "connected", "connection %(connection)s from %(address)s"),
            connection=connection.id,
            address=Private(visitor.address),
        )
        try:
            await self._handlers["connect"](connection.id, {"pycall.visitor": visitor})
            connection.post(PacketType.OPEN + self._greeting(connection))
            await self._listen(connection, socket)
        finally:
            connection.end(CONNECTION_LOST)
            self._note_end(connection)
            try:
                await self._handlers["disconnect"](connection.id, connection.cause)
            finally:
                del self.connections[connection.id]
                await connection.farewell()

    async def stop(self) -> None:
        """Close every connection, each within ``farewell_s``, and take no new ones."""
        self._stopping = True
        connections = list(self.connections.values())
        for connection in connections:
            connection.end(SERVER_STOPPING, WSCloseCode.GOING_AWAY)
        await asyncio.gather(*(connection.farewell() for connection in connections))

    async def shutdown(self) -> None:
        """Part of python-socketio's expectations; see :meth:`stop`."""
        await self.stop()

    def _note_end(self, connection: Connection) -> None:
        code = code_of(connection.cause)
        self._figures.ended[code] += 1
        tell(
            log,
            logging.DEBUG if connection.cause in _UNREMARKABLE else logging.INFO,
            "disconnected",
            "connection %(connection)s ended: %(cause)s",
            connection=connection.id,
            code=code,
            cause=connection.cause,
        )

    def _greeting(self, connection: Connection) -> str:
        return json.dumps(
            {
                "sid": connection.id,
                "upgrades": [],
                "pingInterval": int(self._limits.ping_interval_s * 1000),
                "pingTimeout": int(self._limits.ping_timeout_s * 1000),
                "maxPayload": self._limits.frame_bytes or 0,
            }
        )

    async def _listen(self, connection: Connection, socket: web.WebSocketResponse) -> None:
        while not connection.cause:
            frame = await socket.receive()
            if connection.cause:
                return
            match frame.type:
                case WSMsgType.TEXT:
                    self._figures.received_bytes += size_of(frame.data)
                    await self._take(connection, frame.data)
                case WSMsgType.BINARY:
                    pass  # nothing announces one: Socket.IO packets with attachments are refused
                case WSMsgType.CLOSE if frame.data in _CLOSED_ON_PURPOSE:
                    connection.end(CLIENT_DISCONNECT)
                case WSMsgType.ERROR:
                    connection.end(UNREADABLE, WSCloseCode.PROTOCOL_ERROR)
                case _:
                    return
            await asyncio.sleep(0)  # a client that sends without pause must not have the loop to itself

    async def _take(self, connection: Connection, packet: str) -> None:
        match packet[:1]:
            case PacketType.MESSAGE:
                await self._deliver(connection, packet[1:])
            case PacketType.PONG:
                connection.answered()
            case PacketType.CLOSE:
                connection.end(CLIENT_DISCONNECT)
            case PacketType.NOOP | PacketType.BINARY:
                pass
            case _:
                connection.end(f"{MALFORMED}: malformed packet", WSCloseCode.PROTOCOL_ERROR)

    async def _deliver(self, connection: Connection, text: str) -> None:
        try:
            await self._handlers["message"](connection.id, text)
        except MalformedPacketError as malformed:
            connection.end(f"{MALFORMED}: {malformed}", WSCloseCode.PROTOCOL_ERROR)
        except Exception as bug:  # noqa: BLE001  whatever it is, one connection ends and not the server
            self._figures.bugs += 1
            sentence = "connection %(connection)s: a bug in the server"
            tell(log, logging.ERROR, "bug", sentence, error=bug, connection=connection.id)
            connection.end(SERVER_ERROR, WSCloseCode.INTERNAL_ERROR)
