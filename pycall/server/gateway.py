"""Between the wire and the rooms: Socket.IO events become room inputs, room outputs become events.

A client that connected with ``{"pycall": 1}`` is told more than a plain one, in further arguments and
events; both may meet in one room.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from pycall.core import room
from pycall.core.names import check_room_name
from pycall.server.admission.access import Access
from pycall.server.admission.addresses import Visitor
from pycall.server.admission.quotas import Admission
from pycall.server.clients import MAX_NUMBER, Client, read_client
from pycall.server.events import Events, IceServersFor, Told
from pycall.server.monitoring.logs import Private, tell
from pycall.server.refusal import Refusal
from pycall.server.reseating import Reseating
from pycall.server.store import RoomStore, StoreUnavailable
from pycall.server.wire.causes import BROKEN, CLIENT_DISCONNECT
from pycall.server.wire.transport import Ack, SocketServer

log = logging.getLogger(__name__)

SLACK_S: Final = 0.1
"""What is held may be given up this much too late, to set the timer seldom."""

_OK: Ack = {"ok": True}

_FROM_ELSEWHERE: Final = (room.SendFull, room.SendLeft, room.Dismiss)
"""What a client is told of a room it is not in."""


class Gateway:
    """Answers the events of all clients of one server."""

    def __init__(
        self,
        wire: SocketServer,
        store: RoomStore,
        *,
        ice_servers: IceServersFor,
        admission: Admission,
        access: Access,
    ) -> None:
        self._wire = wire
        self._admission = admission
        self._store = store
        self._access = access
        self._events = Events(ice_servers, access.refusal)
        self._reseating = Reseating(self._carry_out)
        self._clients: dict[str, Client] = {}
        self._joining: dict[str, list[tuple[str, room.Output]]] = {}
        """Who is about to join, and what of it waits until the room before is left."""

        self._here: dict[str, str] | None = None
        """The connections by their members' ids, while rooms cannot be changed."""

        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        """Of the event loop's clock; uvloop's handle does not tell when it is due at once."""

        self._expiring: asyncio.Task[None] | None = None
        self._stopping = False
        store.serve(self._send, self._seated)
        wire.on("connect", self._connected)
        wire.on("disconnect", self._disconnected)
        wire.on("join", self._join)
        wire.on("leave", self._leave)
        wire.on("message", self._message)
        wire.on("renew", self._renew)

    async def stop(self) -> None:
        """Tell the clients that understand it why they are about to be disconnected; end what waits."""
        self._stopping = True
        self._reseating.stop()
        if self._timer is not None:
            self._timer.cancel()
        for id_, client in self._clients.items():
            if client.extended:
                self._wire.refuse(id_, Refusal.SERVER_STOPPING)
        if self._expiring is not None:
            self._expiring.cancel()
            await asyncio.wait({self._expiring})

    # --- what clients say -------------------------------------------------------------------------

    async def _connected(self, id_: str, environ: Mapping[str, Visitor], auth: object) -> None:
        visitor = environ["pycall.visitor"]
        is_closed = self._access.refusal is not None
        self._clients[id_] = read_client(id_, auth, visitor, keeps_shown=is_closed)

    async def _disconnected(self, id_: str, reason: str) -> None:
        client = self._clients.pop(id_)
        self._reseating.forget(id_)
        if client.room is None:
            return
        is_held = reason in BROKEN and client.extended
        self._admission.leave(client.source, client.room, is_held=is_held)
        silent_s = self._wire.silence_of(id_)
        with suppress(StoreUnavailable):  # it is gone as soon as that can be noted
            if reason in BROKEN:
                await self._store.apply(client.room, room.ConnectionLost(id_, silent_s))
            else:
                why: room.ByeReason = "left" if reason == CLIENT_DISCONNECT else "lost"
                await self._store.apply(client.room, room.MemberGone(id_, why))

    async def _join(self, id_: str, *arguments: object) -> Ack:
        name = _room_name(arguments)
        if name is None:
            return self._wire.refuse(id_, Refusal.BAD_ROOM)
        self._wire.settle(id_)
        client = self._clients[id_]
        try:
            admitted = await self._access.admits(
                client.shown, name, owner=client.member.id, network=client.network
            )
        except StoreUnavailable:
            return self._wire.refuse(id_, Refusal.STORE_UNAVAILABLE)
        is_elsewhere = client.room != name
        if is_elsewhere and not self._admission.enter(client.source, name, leaving=client.room):
            closed = None if admitted else self._access.refusal
            return self._wire.refuse(id_, closed or Refusal.TOO_MANY_ROOMS)
        waiting = self._joining[id_] = list[tuple[str, room.Output]]()
        refusal, is_seated = None, False
        try:
            asked = room.JoinAsked(id_, client.member, client.received, admitted)
            if not await self._store.apply(name, asked):
                refusal = self._access.refusal or Refusal.FULL
            else:
                if is_elsewhere:
                    await self._vacate(id_, client)
                    self._note_join(id_, name, client)
                client.room, is_seated = name, True
                self._wire.figures.joins += 1
        except StoreUnavailable:
            refusal = Refusal.STORE_UNAVAILABLE
            waiting[:] = [(each, output) for each, output in waiting if each != name]
            self._wire.tell(id_, "error", refusal.code, refusal.sentence)
        finally:
            if is_elsewhere and not is_seated:
                self._admission.leave(client.source, name)
            del self._joining[id_]
            for each, output in waiting:
                self._carry_out(each, output, is_asked_for=True)
        return _OK if refusal is None else self._wire.no(id_, refusal)

    def _note_join(self, id_: str, name: str, client: Client) -> None:
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
        try:
            await self._store.apply(client.room, room.MessageSent(id_, payload, number))
        except StoreUnavailable:
            return self._pass_on_here(id_, client, payload)
        self._here = None
        return _OK

    async def _renew(self, id_: str, *arguments: object) -> Ack:
        name = _room_name(arguments)
        if name is None:
            return self._wire.refuse(id_, Refusal.BAD_ROOM)
        match arguments[1:]:
            case (int(epoch),) if self._clients[id_].room == name:
                try:
                    await self._store.apply(name, room.RenewAsked(id_, epoch))
                except StoreUnavailable:
                    return self._wire.no(id_, Refusal.STORE_UNAVAILABLE)
            case _:
                pass  # as out of date as an epoch that is over
        return _OK

    async def _vacate(self, id_: str, client: Client) -> None:
        """Give up the client's seat, and say so to it and the other one."""
        if client.room is not None:
            name, client.room = client.room, None
            self._admission.leave(client.source, name)
            try:
                await self._store.apply(name, room.LeaveAsked(id_))
            except StoreUnavailable:  # it is out as soon as that can be noted
                self._send(name, [room.SendLeft(id_, client.member.id)])

    # --- while rooms cannot be changed --------------------------------------------------------------

    def _seated(self) -> list[tuple[str, room.JoinAsked]]:
        """Everybody who has a seat, as it would ask for it if its connection had been broken."""
        return [
            (client.room, room.JoinAsked(id_, client.member, client.told))
            for id_, client in self._clients.items()
            if client.room is not None
        ]

    def _pass_on_here(self, id_: str, client: Client, payload: str) -> Ack:
        """Hand a message to the other one if it is connected here, too; the store has the numbers."""
        if self._here is None:
            self._here = {each.member.id: other for other, each in self._clients.items() if each.room}
        to = self._here.get(client.peer or "")
        other = self._clients.get(to or "")
        if (
            to is not None
            and other is not None
            and (other.room, other.peer) == (client.room, client.member.id)
        ):
            self._send(other.room or "", [room.Relay(to, payload)])
            return _OK
        if client.extended:  # it says it again when it is told that it is joined
            return self._wire.no(id_, Refusal.STORE_UNAVAILABLE)
        return self._wire.refuse(id_, Refusal.STORE_UNAVAILABLE)

    # --- what rooms order -------------------------------------------------------------------------

    def _send(self, name: str, outputs: list[room.Output]) -> None:
        """Send what a room ordered; never suspends, so that orders leave in the order they were given."""
        for output in outputs:
            waiting = self._joining.get(output.to)
            if waiting is None or isinstance(output, room.SendLeft | room.Dismiss):
                self._carry_out(name, output)
            else:
                waiting.append((name, output))
        self._set_timer()

    def _carry_out(self, name: str, output: room.Output, *, is_asked_for: bool = False) -> None:
        """Send one order to the client it is for; ``is_asked_for`` is what follows from its own `join`."""
        client = self._clients.get(output.to)
        if client is None or (client.room != name and not isinstance(output, _FROM_ELSEWHERE)):
            return
        if isinstance(output, room.Relay):
            self._wire.figures.relayed += 1
            self._wire.relay(output.to, output.payload, output.number or None)
            client.told = output.number or client.told
            return
        if isinstance(output, room.Dismiss):
            if client.room is not None:
                self._admission.leave(client.source, client.room)
            client.room = None
            self._wire.dismiss(output.to)
            return
        if isinstance(output, room.SendJoined) and output.resumed:
            self._admission.came_back(client.source, name)
        if isinstance(output, room.SendFull) and client.room == name:  # others came before it could ask again
            self._admission.leave(client.source, name)
            client.room = None
        news: list[Told] = [output]
        if not (client.extended or is_asked_for):
            news = self._reseating.news(name, output, client)
        client.note(output)
        for each in news:
            event, arguments = self._events.of(name, each, client)
            self._wire.tell(output.to, event, *arguments)

    # --- time -------------------------------------------------------------------------------------

    def _set_timer(self) -> None:
        """Come back when the store has something to give up; there is one timer for all rooms."""
        due_s = self._store.due_in()
        if due_s is None or self._stopping:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + due_s
        if self._timer is not None:
            if self._timer_at <= when + SLACK_S:
                return
            self._timer.cancel()
        self._timer, self._timer_at = loop.call_at(when, self._time_has_come), when

    def _time_has_come(self) -> None:
        self._timer = None
        self._expiring = asyncio.create_task(self._expire(), name="pycall-seats")

    async def _expire(self) -> None:
        await self._store.expire()
        self._set_timer()


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
