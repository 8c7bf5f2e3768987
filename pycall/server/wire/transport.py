"""Socket.IO as the signalling server needs it: python-socketio's server on our own engine.

With :mod:`~pycall.server.wire.register` and :mod:`~pycall.server.wire.packets` the only module that touches
what python-socketio has for itself; their tests hold a contract test for each name. It decides what of the
wire reaches the gateway's handlers: only the events they were registered for, as plain JSON, of bounded size,
from clients in the default namespace, one after the other for each connection.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final, NoReturn, TypedDict

import socketio
from aiohttp import WSCloseCode
from socketio import packet

from pycall.core.outbox import size_of
from pycall.limits import Limits
from pycall.server.admission.entrance import Entrance
from pycall.server.monitoring.figures import Figures
from pycall.server.monitoring.logs import tell
from pycall.server.refusal import Refusal
from pycall.server.store import Register
from pycall.server.wire.causes import CLIENT_DISCONNECT, REFUSED_TOO_OFTEN, SEAT_RESUMED
from pycall.server.wire.engine import Engine, MalformedPacketError
from pycall.server.wire.packets import NAMESPACE, RELAYED, PlainPacket, is_deeper, payload_of
from pycall.server.wire.register import ClientRegister
from pycall.server.wire.strictjson import StrictJson

RESERVED_EVENTS: Final = frozenset({"connect", "disconnect", "connect_error", "*"})
"""Names by which libraries report their own events: from the wire they are never events."""

_COUNTED: Final = frozenset({Refusal.BAD_MESSAGE, Refusal.RESERVED_EVENT, Refusal.UNKNOWN_EVENT})
"""Refusals of what no client of this protocol sends; the others may be a mistake."""

log = logging.getLogger(__name__)


class Ack(TypedDict, total=False):
    """The acknowledgement of a client's event; ``code`` and ``message`` come with ``ok`` false."""

    ok: bool
    code: str
    message: str


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]  # untyped library
    """What the gateway talks through.

    Handlers are registered with :meth:`on`; each gets the client's id and the event's arguments, and
    returns the acknowledgement.
    """

    def __init__(
        self,
        limits: Limits,
        figures: Figures,
        entrance: Entrance,
        *,
        manager: Register | None,
        is_instant: bool,
    ) -> None:
        """``manager`` is who keeps the clients, python-socketio's of several servers included; None: our own.

        ``is_instant`` says that handlers hardly ever wait for anything, and use no :func:`asyncio.timeout`.
        """
        self.figures = figures
        self._limits = limits
        manager = manager or ClientRegister()
        super().__init__(
            client_manager=manager,
            serializer=PlainPacket,
            async_handlers=False,  # a client's events are handled in the order they were sent
            logger=_silent(),
            limits=limits,
            figures=figures,
            entrance=entrance,
            is_instant=is_instant,
        )
        self.engine.prefix = manager.prefix

    @property
    def engine(self) -> Engine:
        """The connections below."""
        engine: Engine = self.eio
        return engine

    def tell(self, client: str, event: str, *arguments: object) -> None:
        """Send an event without suspending; a client that is gone is not an error."""
        connection = self.connection_of(client)
        if connection is not None:
            self.engine.post(connection, f"{packet.EVENT}{StrictJson.dumps([event, *arguments])}")

    def relay(self, client: str, payload: str, number: int | None) -> None:
        """Send a ``message`` whose payload is this JSON, with its number unless None."""
        connection = self.connection_of(client)
        if connection is not None:
            more = "" if number is None else f",{number}"
            self.engine.post(connection, f'{packet.EVENT}["{RELAYED}",{payload}{more}]')

    def settle(self, client: str) -> None:
        """Let a client stay that has asked for a seat; one that is gone is not an error."""
        connection = self.engine.connections.get(self.connection_of(client) or "")
        if connection is not None:
            connection.settle()

    def silence_of(self, client: str) -> float:
        """For how many seconds a client had been silent when its connection ended because of that; else 0."""
        connection = self.engine.connections.get(self.connection_of(client) or "")
        return connection.silent_s if connection is not None else 0.0

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
        id_ = self.connection_of(client) or ""
        connection = self.engine.connections.get(id_)
        # only the first of a kind: whoever likes may be refused often
        if connection is None or connection.is_first_refusal(refusal.code):
            tell(log, logging.DEBUG, "refused", sentence, connection=id_, code=refusal.code)
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
            case packet.EVENT | packet.BINARY_EVENT:
                await self._take_event(connection, received, text, arrived)
            case packet.CONNECT:
                await self._connect(connection, received.namespace or NAMESPACE, received.data)
            case packet.DISCONNECT if (received.namespace or NAMESPACE) == NAMESPACE:
                self.engine.connections[connection].end(CLIENT_DISCONNECT)
            case packet.DISCONNECT | packet.ACK | packet.BINARY_ACK:
                pass  # of another namespace, or never asked for
            case _:
                self._malformed(connection, "unexpected packet")

    async def _handle_eio_disconnect(self, connection: str, reason: str) -> None:
        """Tell the gateway that the client of a connection is gone, if there was one."""
        self.environ.pop(connection, None)
        client = self._client(connection)
        if client is not None:
            self.manager.pre_disconnect(client, NAMESPACE)
            try:
                await self.handlers[NAMESPACE]["disconnect"](client, reason)
            finally:
                await self.manager.disconnect(client, NAMESPACE, ignore_queue=True)

    # --- our own ----------------------------------------------------------------------------------

    def _parse(self, connection: str, text: str) -> PlainPacket:
        try:
            received = PlainPacket(encoded_packet=text)
        except (ValueError, RecursionError):
            self._malformed(connection, "malformed packet")
        depth = self._limits.json_depth
        if text.count("{") + text.count("[") > depth and is_deeper(received.data, depth):
            self._malformed(connection, "too deeply nested")
        return received

    async def _connect(self, connection: str, namespace: str, auth: object) -> None:
        client = await self.manager.pre_connect(connection, namespace) if namespace == NAMESPACE else None
        if client is None:
            self._post(connection, packet.CONNECT_ERROR, data="Unable to connect", namespace=namespace)
            return
        await self.handlers[NAMESPACE]["connect"](client, self.environ.pop(connection), auth or None)
        self._post(connection, packet.CONNECT, data={"sid": client})
        await self.manager.connect(client, NAMESPACE)
        self.engine.connections[connection].welcome()

    async def _take_event(self, connection: str, received: PlainPacket, text: str, arrived: float) -> None:
        client = self._client(connection)
        if client is None or (received.namespace or NAMESPACE) != NAMESPACE:
            return
        data = received.data
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            self._malformed(connection, "malformed event")
        event, *arguments = data
        refusal = self._refusal(connection, received, event, size_of(text))
        if refusal is None:
            if event == RELAYED and arguments:
                arguments[0] = payload_of(text, arguments)
            ack = await self.handlers[NAMESPACE][event](client, *arguments)
            self.figures.handled(event, time.perf_counter() - arrived)
        else:
            ack = self.refuse(client, refusal)
        if received.id is not None:
            self._post(connection, packet.ACK, id=received.id, data=[ack])
        if refusal in _COUNTED:
            self._strike(connection, refusal)

    def _refusal(self, connection: str, received: PlainPacket, event: str, size: int) -> Refusal | None:
        """Why an event does not reach a handler."""
        if self.engine.connections[connection].is_over_budget:
            return Refusal.TOO_MANY_EVENTS
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
            offender.end(f"{refusal.code}: {REFUSED_TOO_OFTEN}", WSCloseCode.POLICY_VIOLATION)

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
