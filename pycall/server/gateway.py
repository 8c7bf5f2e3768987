"""Between the wire and the rooms: Socket.IO events become room inputs, room outputs become events.

A client that connected with ``{"pycall": 1}`` is told more than a plain one, in further arguments and
events; both may meet in one room.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, assert_never

from pycall.core import room
from pycall.core.names import check_room_name
from pycall.core.seats import Member
from pycall.limits import Limits
from pycall.server.access import Access
from pycall.server.addresses import UNKNOWN, Visitor
from pycall.server.admission import Admission
from pycall.server.clients import MAX_NUMBER, Client, read_client
from pycall.server.connection import BROKEN, CLIENT_DISCONNECT
from pycall.server.logs import Private, tell
from pycall.server.refusal import Refusal
from pycall.server.store import RoomStore
from pycall.server.transport import Ack, SocketServer

log = logging.getLogger(__name__)

SLACK_S: Final = 0.1
"""What is held may be given up this much too late, to set the timer seldom."""

IceServersFor: TypeAlias = Callable[[str, str], list[dict[str, object]]]
"""The ``RTCIceServer`` objects for a member's id and the host name by which it reached this server.

The host name may be empty: not known.
"""

_Told: TypeAlias = (
    room.SendJoined | room.SendOtherJoined | room.SendRenewed | room.SendFull | room.SendLeft | room.SendBye
)
"""Orders that are events, but for the relay's."""

_OK: Ack = {"ok": True}


class Gateway:
    """Answers the events of all clients of one server."""

    def __init__(
        self,
        wire: SocketServer,
        store: RoomStore,
        *,
        ice_servers: IceServersFor | None = None,
        admission: Admission | None = None,
        access: Access | None = None,
    ) -> None:
        self._wire = wire
        self._admission = admission or Admission(Limits().off())
        self._store = store
        self._access = access or Access()
        self._ice_servers = ice_servers or _no_ice_servers
        self._clients: dict[str, Client] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._expiring: asyncio.Task[None] | None = None
        self._stopping = False
        wire.on("connect", self._connected)
        wire.on("disconnect", self._disconnected)
        wire.on("join", self._join)
        wire.on("leave", self._leave)
        wire.on("message", self._message)
        wire.on("renew", self._renew)

    def announce_stop(self) -> None:
        """Tell the clients that understand it why they are about to be disconnected; end what waits."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        for id_, client in self._clients.items():
            if client.extended:
                self._wire.refuse(id_, Refusal.SERVER_STOPPING)

    # --- what clients say -------------------------------------------------------------------------

    async def _connected(self, id_: str, environ: Mapping[str, Visitor], auth: object) -> None:
        visitor = environ["pycall.visitor"]
        network = UNKNOWN if self._access.refusal is None else visitor.network
        self._clients[id_] = read_client(id_, auth, visitor.host, source=visitor.source, network=network)

    async def _disconnected(self, id_: str, reason: str) -> None:
        client = self._clients.pop(id_)
        if client.room is None:
            return
        is_held = reason in BROKEN and client.extended
        self._admission.leave(client.source, client.room, is_held=is_held)
        if reason in BROKEN:
            await self._apply(client.room, room.ConnectionLost(id_, self._wire.silence_of(id_)))
        else:
            why: room.ByeReason = "left" if reason == CLIENT_DISCONNECT else "lost"
            await self._apply(client.room, room.MemberGone(id_, why))

    async def _join(self, id_: str, *arguments: object) -> Ack:
        name = _room_name(arguments)
        if name is None:
            return self._wire.refuse(id_, Refusal.BAD_ROOM)
        self._wire.settle(id_)
        client = self._clients[id_]
        admitted = await self._access.admits(
            client.shown, name, owner=client.member.id, network=client.network
        )
        is_elsewhere = client.room != name
        if is_elsewhere and not self._admission.enter(client.source, name, leaving=client.room):
            closed = None if admitted else self._access.refusal
            return self._wire.refuse(id_, closed or Refusal.TOO_MANY_ROOMS)
        asked = room.JoinAsked(id_, client.member, client.received, admitted)
        outputs = await self._store.apply(name, asked)
        if room.SendFull(id_) in outputs:
            if is_elsewhere:
                self._admission.leave(client.source, name)
            if self._access.refusal is not None:  # the same to everybody, whatever the reason
                return self._wire.refuse(id_, self._access.refusal)
            self._send(name, outputs)
            return self._wire.no(id_, Refusal.FULL)
        if is_elsewhere:
            await self._vacate(id_, client)
        client.room = name
        self._note_join(id_, name, client)
        self._send(name, outputs)
        return _OK

    def _note_join(self, id_: str, name: str, client: Client) -> None:
        self._wire.figures.joins += 1
        tell(
            *(log, logging.DEBUG, "joined", "connection %(connection)s joined %(room)s as %(name)s"),
            connection=self._wire.connection_of(id_),
            room=Private(name),
            name=Private(client.member.name),
        )

    async def _leave(self, id_: str, *arguments: object) -> Ack:
        name = _room_name(arguments)
        if name is None:
            return self._wire.refuse(id_, Refusal.BAD_ROOM)
        client = self._clients[id_]
        if client.room == name:
            await self._vacate(id_, client)
        return _OK

    async def _message(self, id_: str, *arguments: object) -> Ack:
        client = self._clients[id_]
        match arguments:
            case (str(payload),):
                number = 0
            case (str(payload), int(number)) if client.extended and _is_number(number):
                pass
            case _:
                return self._wire.refuse(id_, Refusal.BAD_MESSAGE)
        if client.room is None:
            return self._wire.refuse(id_, Refusal.NOT_IN_ROOM)
        await self._apply(client.room, room.MessageSent(id_, payload, number))
        return _OK

    async def _renew(self, id_: str, *arguments: object) -> Ack:
        name = _room_name(arguments)
        if name is None:
            return self._wire.refuse(id_, Refusal.BAD_ROOM)
        match arguments[1:]:
            case (int(epoch),) if self._clients[id_].room == name:
                await self._apply(name, room.RenewAsked(id_, epoch))
            case _:
                pass  # as out of date as an epoch that is over
        return _OK

    async def _vacate(self, id_: str, client: Client) -> None:
        """Give up the client's seat, and say so to it and the other one."""
        if client.room is not None:
            name, client.room = client.room, None
            self._admission.leave(client.source, name)
            await self._apply(name, room.LeaveAsked(id_))

    # --- what rooms order -------------------------------------------------------------------------

    async def _apply(self, name: str, input_: room.Input) -> None:
        self._send(name, await self._store.apply(name, input_))

    def _send(self, name: str, outputs: list[room.Output]) -> None:
        """Send what a room ordered; never suspends, so that orders leave in the order they were given."""
        for output in outputs:
            if isinstance(output, room.Dismiss):
                self._dismiss(output.to)
            elif output.to in self._clients:
                to = self._clients[output.to]
                if isinstance(output, room.Relay):
                    self._wire.figures.relayed += 1
                    self._wire.relay(output.to, output.payload, output.number if to.extended else None)
                else:
                    event, *arguments = self._event(name, output, to)
                    self._wire.tell(output.to, str(event), *arguments)
        self._set_timer()

    def _dismiss(self, id_: str) -> None:
        """End a connection whose seat another one has now."""
        client = self._clients.get(id_)
        if client is not None:
            if client.room is not None:
                self._admission.leave(client.source, client.room)
            client.room = None
            self._wire.dismiss(id_)

    def _event(self, name: str, output: _Told, to: Client) -> tuple[object, ...]:
        """The event and its arguments; see docs/protocol.md."""
        match output:
            case room.SendJoined():
                joined = ("joined", name, output.id)
                return (*joined, self._about_joined(output, to)) if to.extended else joined
            case room.SendOtherJoined(_, other, epoch):
                about, more = ("other_joined", name, other.id), {"epoch": epoch, **_about(other)}
                return (*about, more | self._fresh(to)) if to.extended else about
            case room.SendRenewed(_, epoch):
                return ("renewed", name, {"epoch": epoch, **self._fresh(to)})
            case room.SendFull():
                return ("full", name)
            case room.SendLeft(_, left):
                return ("left", name, left)
            case room.SendBye(_, gone, reason):
                return ("bye", name, gone, {"reason": reason})
            case _:
                assert_never(output)

    def _about_joined(self, joined: room.SendJoined, to: Client) -> dict[str, object]:
        peer = joined.peer
        return {
            "epoch": joined.epoch,
            "peer": None if peer is None else {"id": peer.id, **_about(peer)},
            "offers": joined.offers,
            **self._fresh(to),
            "resume": to.token,
            "resumed": joined.resumed,
        }

    def _fresh(self, client: Client) -> dict[str, object]:
        """ICE servers with credentials as of now: those told when one began to wait may have expired."""
        return {"ice_servers": self._ice_servers(client.member.id, client.host)}

    # --- time -------------------------------------------------------------------------------------

    def _set_timer(self) -> None:
        """Come back when the store has something to give up; there is one timer for all rooms."""
        due_s = self._store.due_in()
        if due_s is None or self._stopping:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + due_s
        if self._timer is not None:
            if self._timer.when() <= when + SLACK_S:
                return
            self._timer.cancel()
        self._timer = loop.call_at(when, self._time_has_come)

    def _time_has_come(self) -> None:
        self._timer = None
        self._expiring = asyncio.create_task(self._expire(), name="pycall-seats")

    async def _expire(self) -> None:
        for name, outputs in await self._store.expire():
            self._send(name, outputs)
        self._set_timer()


def _about(member: Member) -> dict[str, object]:
    return {"name": member.name, "pycall": int(member.extended)}


def _no_ice_servers(_member_id: str, _host: str) -> list[dict[str, object]]:
    return []


def _is_number(number: int) -> bool:
    return type(number) is int and 1 <= number <= MAX_NUMBER


def _room_name(arguments: tuple[object, ...]) -> str | None:
    """The room an event is about; None when its first argument is no room name."""
    match arguments:
        case (str(text), *_):
            try:
                return check_room_name(text)
            except ValueError:
                return None
        case _:
            return None
