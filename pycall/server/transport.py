"""Socket.IO as the signalling server needs it: python-socketio's server on our own engine.

The only module that touches private names of python-socketio; ``tests/server/test_transport.py``
holds a contract test for each. It decides what of the wire reaches the gateway's handlers: only the
events they were registered for, as plain JSON, of bounded size, from clients in the default
namespace, one after the other for each connection.
"""

from __future__ import annotations

import json
import logging
import math
import time
from typing import Any, Final, NoReturn, TypedDict

import socketio
from aiohttp import WSCloseCode
from socketio import packet

from pycall.limits import Limits
from pycall.server.connection import CLIENT_DISCONNECT, SEAT_RESUMED
from pycall.server.engine import Engine, MalformedPacketError
from pycall.server.entrance import Entrance
from pycall.server.figures import Figures, size_of
from pycall.server.logs import tell
from pycall.server.refusal import Refusal

RESERVED_EVENTS: Final = frozenset({"connect", "disconnect", "connect_error", "*"})
"""Names by which libraries report their own events: from the wire they are never events."""

NAMESPACE: Final = "/"
"""The only namespace there is."""

log = logging.getLogger(__name__)


class Ack(TypedDict, total=False):
    """The acknowledgement of a client's event; ``code`` and ``message`` come with ``ok`` false."""

    ok: bool
    code: str
    message: str


class StrictJson:
    """JSON that every other client can read: no ``NaN``, no ``Infinity``, no lone surrogates raw."""

    @staticmethod
    def loads(text: str) -> Any:
        """Parse ``text``; raises ValueError for what JSON has not, whatever Python would accept."""
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)

    @staticmethod
    def dumps(value: object, **options: Any) -> str:
        """``value`` as text of about the size it came in."""
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, **options)
        try:
            text.encode()
        except UnicodeEncodeError:
            return json.dumps(value, allow_nan=False, **options)
        return text


class PlainPacket(packet.Packet):  # type: ignore[misc]  # untyped library
    """A Socket.IO packet that never has attachments."""

    uses_binary_events = False
    json = StrictJson


class ClientRegister(socketio.AsyncManager):  # type: ignore[misc]  # untyped library
    """Which client is on which connection.

    Rooms are the gateway's business, so a client is in none of Socket.IO's but its own. The stock manager
    looks through those of everybody at each disconnect, which for all at once takes the square of time.
    """

    def basic_disconnect(self, sid: str, namespace: str, **_options: object) -> None:
        """Forget a client."""
        for room in (sid, None):
            self.basic_leave_room(sid, namespace, room)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]  # untyped library
    """What the gateway talks through.

    Handlers are registered with :meth:`on`; each gets the client's id and the event's arguments, and
    returns the acknowledgement.
    """

    def __init__(
        self, limits: Limits, figures: Figures | None = None, entrance: Entrance | None = None
    ) -> None:
        self.figures = figures or Figures()
        self._limits = limits
        super().__init__(
            client_manager=ClientRegister(),
            serializer=PlainPacket,
            async_handlers=False,  # a client's events are handled in the order they were sent
            logger=_silent(),
            limits=limits,
            figures=self.figures,
            entrance=entrance or Entrance(limits, self.figures),
        )

    @property
    def engine(self) -> Engine:
        """The connections below."""
        engine: Engine = self.eio
        return engine

    def tell(self, client: str, event: str, *arguments: object) -> None:
        """Send an event without suspending; a client that is gone is not an error."""
        connection = self.connection_of(client)
        if connection is not None:
            self._post(connection, packet.EVENT, data=[event, *arguments])

    def connection_of(self, client: str) -> str | None:
        """The id of the connection a client is on; None if it is gone."""
        connection: str | None = self.manager.eio_sid_from_sid(client, NAMESPACE)
        return connection

    def refuse(self, client: str, refusal: Refusal) -> Ack:
        """Tell a client what it did wrong; returns the acknowledgement that says the same."""
        self.tell(client, "error", refusal.code, refusal.sentence)
        return self.no(client, refusal)

    def no(self, client: str, refusal: Refusal) -> Ack:
        """The acknowledgement that says what a client did wrong."""
        self.figures.refusals[refusal.code] += 1
        sentence = "connection %(connection)s was refused something: %(code)s"
        connection = self.connection_of(client)
        tell(log, logging.DEBUG, "refused", sentence, connection=connection, code=refusal.code)
        return {"ok": False, "code": refusal.code, "message": refusal.sentence}

    def dismiss(self, client: str) -> None:
        """End the connection of a client without a word; one that is gone is not an error."""
        connection = self.engine.connections.get(self.connection_of(client) or "")
        if connection is not None:
            connection.cut_off(SEAT_RESUMED)

    async def close(self) -> None:
        """Tell every client that it is disconnected, and close all connections."""
        for connection in list(self.engine.connections):
            self._post(connection, packet.DISCONNECT)
        await self.engine.stop()

    # --- what python-socketio calls ---------------------------------------------------------------

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    async def _handle_eio_message(self, connection: str, text: str) -> None:
        """Take one Socket.IO packet; raises MalformedPacketError when it is none."""
        arrived = time.perf_counter()
        received = self._parse(connection, text)
        match received.packet_type:
            case packet.CONNECT:
                await self._handle_connect(connection, received.namespace, received.data)
                if self._client(connection) is not None:
                    self.engine.connections[connection].welcome()
            case packet.DISCONNECT if (received.namespace or NAMESPACE) == NAMESPACE:
                self.engine.connections[connection].end(CLIENT_DISCONNECT)
            case packet.EVENT | packet.BINARY_EVENT:
                await self._take_event(connection, received, size_of(text), arrived)
            case packet.DISCONNECT | packet.ACK | packet.BINARY_ACK:
                pass  # of another namespace, or never asked for
            case _:
                self._malformed(connection, "unexpected packet")

    # --- our own ----------------------------------------------------------------------------------

    def _parse(self, connection: str, text: str) -> PlainPacket:
        try:
            received = PlainPacket(encoded_packet=text)
        except (ValueError, RecursionError):
            self._malformed(connection, "malformed packet")
        if _deeper(received.data, self._limits.json_depth):
            self._malformed(connection, "too deeply nested")
        return received

    async def _take_event(self, connection: str, received: PlainPacket, size: int, arrived: float) -> None:
        client = self._client(connection)
        if client is None or (received.namespace or NAMESPACE) != NAMESPACE:
            return
        data = received.data
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            self._malformed(connection, "malformed event")
        refusal = self._refusal(received, data[0], size)
        if refusal is None:
            await self._handle_event(connection, NAMESPACE, received.id, data)
            self.figures.handled(data[0], time.perf_counter() - arrived)
            return
        ack = self.refuse(client, refusal)
        if received.id is not None:
            self._post(connection, packet.ACK, id=received.id, data=[ack])
        if refusal is not Refusal.MESSAGE_TOO_LARGE:
            self._strike(connection, refusal)

    def _refusal(self, received: PlainPacket, event: str, size: int) -> Refusal | None:
        """Why an event does not reach a handler."""
        if received.packet_type == packet.BINARY_EVENT:
            return Refusal.BAD_MESSAGE
        if self._limits.message_bytes is not None and size > self._limits.message_bytes:
            return Refusal.MESSAGE_TOO_LARGE
        if event in RESERVED_EVENTS:
            return Refusal.RESERVED_EVENT
        if event not in self.handlers[NAMESPACE]:
            return Refusal.UNKNOWN_EVENT
        return None

    def _strike(self, connection: str, refusal: Refusal) -> None:
        offender = self.engine.connections[connection]
        offender.strikes += 1
        if self._limits.strikes is not None and offender.strikes >= self._limits.strikes:
            offender.end(f"{refusal.code}: refused too often", WSCloseCode.POLICY_VIOLATION)

    def _malformed(self, connection: str, what: str) -> NoReturn:
        client = self._client(connection)
        if client is not None:
            self.refuse(client, Refusal.BAD_MESSAGE)
        raise MalformedPacketError(what)

    def _client(self, connection: str) -> str | None:
        """The id of the client on a connection; None before its CONNECT."""
        client: str | None = self.manager.sid_from_eio_sid(connection, NAMESPACE)
        return client

    def _post(self, connection: str, kind: int, **fields: Any) -> None:
        self.engine.post(connection, self.packet_class(packet_type=kind, **fields).encode())


def _silent() -> logging.Logger:
    """For python-socketio, which logs what clients send as it is, terminal sequences included."""
    silent = logging.getLogger(f"{__name__}.socketio")
    silent.disabled = True
    return silent


def _deeper(value: object, depth: int) -> bool:
    """Whether lists and objects in ``value`` are nested deeper than ``depth``."""
    if not isinstance(value, (list, dict)):
        return False
    if depth == 0:
        return True
    return any(_deeper(child, depth - 1) for child in (value.values() if isinstance(value, dict) else value))


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("too large a number")
    return number


def _refuse_constant(name: str) -> float:
    raise ValueError(f"not JSON: {name}")
