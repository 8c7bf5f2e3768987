"""Engine.IO for the signalling server: websockets only, everything bounded.

python-socketio's own engine keeps an unbounded queue and three tasks for each client, measures
silence with the wall clock and closes without closing. This one speaks the same protocol
(Engine.IO protocol revision 4, websocket transport) without any task or timer for a client that is
silent, and its kick kicks. It knows nothing of Socket.IO packets: it hands their texts on.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, Literal

from aiohttp import WSCloseCode, web

from pycall.limits import Limits
from pycall.server.admission.entrance import Entrance, NoConnection
from pycall.server.monitoring.figures import Figures, code_of
from pycall.server.monitoring.logs import Private, tell
from pycall.server.wire.causes import (
    CAUSES,
    CLIENT_DISCONNECT,
    CONNECTION_LOST,
    MALFORMED,
    SEAT_RESUMED,
    SERVER_ERROR,
    SERVER_STOPPING,
)
from pycall.server.wire.connection import Connection, Ending, PacketType, generate_id
from pycall.server.wire.firststep import run_at_once
from pycall.server.wire.upgrade import answer_to, asks_for_websocket, last_answer, take_over
from pycall.server.wire.wheel import Wheel

Handler = Callable[..., Coroutine[Any, Any, None]]
HandlerName = Literal["connect", "message", "disconnect"]

TICK_S: Final = 0.1
"""How exact pings and deadlines are; a quarter of the shortest time is enough, too."""

MOST_BYTES: Final = 2**53 - 1
"""What is said to be the largest message where there is none."""

_UNREMARKABLE: Final = frozenset({CLIENT_DISCONNECT, SEAT_RESUMED, CONNECTION_LOST, SERVER_STOPPING})

log = logging.getLogger(__name__)


class MalformedPacketError(ValueError):
    """A client sent what no client of this protocol sends; its connection ends."""


class Engine:
    """All connections, and what python-socketio's server expects of the engine below it."""

    async_mode = "aiohttp"

    def __init__(
        self,
        *,
        limits: Limits,
        figures: Figures,
        entrance: Entrance,
        is_instant: bool,
        **_options: object,
    ) -> None:
        """``is_instant`` says that handlers hardly ever wait for anything; then no task is made for them."""
        self.connections: dict[str, Connection] = {}
        self.prefix = ""
        self._limits = limits
        self._figures = figures
        self._entrance = entrance
        self._is_instant = is_instant
        figures.ended.update({code_of(cause): 0 for cause in CAUSES})
        self._handlers: dict[str, Handler] = {}
        self._greeting = _greeting(limits)
        times = (
            limits.ping_interval_s,
            limits.ping_timeout_s,
            limits.connect_timeout_s,
            limits.join_timeout_s,
        )
        self._wheel = Wheel(min(TICK_S, *(each / 4 for each in times if each is not None)))
        self._stopping = False
        self._unfinished = 0
        """Connections of which the transport is open, and those of which the end is not told, together."""

        self._all_finished = asyncio.Event()
        self._all_finished.set()

    def on(self, event: HandlerName, handler: Handler) -> None:
        """Set what is called with the connection's id (and the text of a message, or a reason)."""
        self._handlers[event] = handler

    def generate_id(self) -> str:
        """An id of a connection, which nobody can guess."""
        return self.prefix + generate_id()

    async def send(self, id_: str, data: str) -> None:
        """Send a message; a connection that is gone is not an error."""
        self.post(id_, data)

    def post(self, id_: str, data: str) -> None:
        """Send a message without suspending."""
        connection = self.connections.get(id_)
        if connection is not None:
            connection.post(PacketType.MESSAGE + data)

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        """Make a connection of a handshake that aiohttp has read, or say why not."""
        transport = request.transport
        if transport is None or transport.is_closing():  # gone during the handshake
            return web.Response()
        opened = self._open(request, transport, is_handshake=asks_for_websocket(request))
        return opened.answer() if isinstance(opened, NoConnection) else take_over(request, transport, opened)

    def open_websocket(self, request: web.BaseRequest, transport: asyncio.Transport) -> Connection | None:
        """Make a connection of what is a handshake, or say why not and end it."""
        opened = self._open(request, transport, is_handshake=True)
        if isinstance(opened, NoConnection):
            transport.write(last_answer(opened.answer()))
            transport.close()
            return None
        return opened

    def _open(
        self, request: web.BaseRequest, transport: asyncio.Transport, *, is_handshake: bool
    ) -> Connection | NoConnection:
        """Answer a request with a connection, which does not have the transport yet."""
        visitor = self._entrance.visitor(request)
        refusal = self._entrance.refusal(
            request, visitor, asks_for_websocket=is_handshake, is_stopping=self._stopping
        )
        if refusal is not None:
            return refusal
        connection = Connection(self, transport, visitor.source, self._limits, self._figures)
        connection.id = self.generate_id()
        self.connections[connection.id] = connection
        self._figures.opened += 1
        self._unfinished += 2
        self._all_finished.clear()
        tell(
            *(log, logging.DEBUG, "connected", "connection %(connection)s from %(address)s"),
            connection=connection.id,
            address=Private(visitor.address),
        )
        run_at_once(self._handlers["connect"](connection.id, {"pycall.visitor": visitor}))  # it never waits
        connection.begin(answer_to(request), self._greeting % connection.id)
        self._wheel.add(connection, connection.next_look)
        return connection

    async def stop(self) -> None:
        """Close every connection, each within ``farewell_s``, and take no new ones."""
        self._stopping = True
        for connection in list(self.connections.values()):
            connection.end(SERVER_STOPPING, WSCloseCode.GOING_AWAY)
        await self._all_finished.wait()
        self._wheel.stop()

    async def shutdown(self) -> None:
        """Part of python-socketio's expectations; see :meth:`stop`."""
        await self.stop()

    # --- what connections tell --------------------------------------------------------------------

    def arrived(self, connection: Connection) -> None:
        """Handle what has come, one after the other."""
        if connection.is_attended:
            return
        connection.is_attended = True
        attending = self._attend(connection)
        if self._is_instant:
            connection.task = run_at_once(attending)
        else:
            connection.task = asyncio.create_task(attending)

    def over(self, connection: Connection) -> None:
        """Tell of the end once what is being handled is done: it may be what ends this one."""
        if not connection.is_attended:
            connection.is_attended = True
            connection.task = asyncio.create_task(self._attend(connection))

    def gone(self, connection: Connection) -> None:
        """Give back its place, and its part of what is waited for at the stop."""
        self._entrance.admission.closed(connection.source)
        self._finish_one()

    async def _attend(self, connection: Connection) -> None:
        while item := connection.next():
            packet, connection.is_over_budget = item
            if isinstance(packet, Ending):
                connection.end(packet.cause, packet.code)
            else:
                await self._take(connection, packet)
            if connection.has_next:  # a client that sends without pause must not have the loop to itself
                await asyncio.sleep(0)
        if connection.cause:
            await self._see_off(connection)
        connection.is_attended = False
        connection.task = None

    async def _see_off(self, connection: Connection) -> None:
        self._note_end(connection)
        try:
            await self._handlers["disconnect"](connection.id, connection.cause)
        except Exception as bug:  # noqa: BLE001  as below
            self._note_bug(connection, bug)
        finally:
            del self.connections[connection.id]
            self._finish_one()

    def _finish_one(self) -> None:
        self._unfinished -= 1
        if self._unfinished == 0:
            self._all_finished.set()

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

    def _note_bug(self, connection: Connection, bug: Exception) -> None:
        self._figures.bugs += 1
        sentence = "connection %(connection)s: a bug in the server"
        tell(log, logging.ERROR, "bug", sentence, error=bug, connection=connection.id)

    async def _take(self, connection: Connection, packet: str) -> None:
        match packet[:1]:
            case PacketType.MESSAGE:
                await self._deliver(connection, packet[1:])
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
            self._note_bug(connection, bug)
            connection.end(SERVER_ERROR, WSCloseCode.INTERNAL_ERROR)


def _greeting(limits: Limits) -> str:
    """The first packet, but for the connection's id."""
    said = {
        "sid": "%s",
        "upgrades": [],
        "pingInterval": int(limits.ping_interval_s * 1000),
        "pingTimeout": int(limits.ping_timeout_s * 1000),
        "maxPayload": limits.frame_bytes or MOST_BYTES,
    }
    return PacketType.OPEN + json.dumps(said)
