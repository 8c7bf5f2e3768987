"""Between the wire and the rooms: Socket.IO events become room inputs, room outputs become events.

A client that connected with ``{"pycall": 1}`` is told more than a plain one, in further arguments;
both may meet in one room.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from pycall.core import room
from pycall.core.names import check_room_name, clean_display_name
from pycall.server.connection import CLIENT_DISCONNECT
from pycall.server.refusal import Refusal
from pycall.server.store import RoomStore
from pycall.server.transport import Ack, SocketServer

log = logging.getLogger(__name__)

TOKEN_BYTES: Final = 16
MAX_TOKEN: Final = 64
"""Characters of a token given back that are looked at."""

_Told: TypeAlias = (
    room.SendJoined | room.SendOtherJoined | room.SendFull | room.SendLeft | room.SendBye | room.Relay
)
"""Orders that are events."""

_OK: Ack = {"ok": True}


@dataclass(slots=True)
class Client:
    """A connection; ``room`` is the one it has a seat in."""

    member: room.Member
    extended: bool
    """Whether it asked for what pycall adds to the protocol."""

    resume: str = field(default="", repr=False)
    """The token of a seat it had on an earlier connection; whatever it gives."""

    room: str | None = None


class Gateway:
    """Answers the events of all clients of one server."""

    def __init__(self, wire: SocketServer, store: RoomStore) -> None:
        self._wire = wire
        self._store = store
        self._clients: dict[str, Client] = {}
        wire.on("connect", self._connected)
        wire.on("disconnect", self._disconnected)
        wire.on("join", self._join)
        wire.on("leave", self._leave)
        wire.on("message", self._message)

    def announce_stop(self) -> None:
        """Tell the clients that understand it why they are about to be disconnected."""
        for id_, client in self._clients.items():
            if client.extended:
                self._wire.refuse(id_, Refusal.SERVER_STOPPING)

    async def _connected(self, id_: str, _environ: object, auth: object) -> None:
        asked = auth if isinstance(auth, dict) else {}
        if not (type(asked.get("pycall")) is int and asked["pycall"] >= 1):
            self._clients[id_] = Client(room.Member(id_), extended=False)
            return
        name = asked.get("name")
        member = room.Member(id_, clean_display_name(name) if isinstance(name, str) else "")
        self._clients[id_] = Client(member, extended=True, resume=_token(asked.get("resume")))

    async def _disconnected(self, id_: str, reason: str) -> None:
        client = self._clients.pop(id_)
        if client.room is not None:
            why: room.ByeReason = "left" if reason == CLIENT_DISCONNECT else "lost"
            self._send(client.room, await self._store.apply(client.room, room.MemberGone(id_, why)))

    async def _join(self, id_: str, *arguments: object) -> Ack:
        try:
            name = check_room_name(_only_text(arguments))
        except ValueError:
            return self._wire.refuse(id_, Refusal.BAD_ROOM)
        client = self._clients[id_]
        token = secrets.token_urlsafe(TOKEN_BYTES) if client.extended else ""
        asked = room.JoinAsked(client.member, token, client.resume)
        outputs = await self._store.apply(name, asked)
        if room.SendFull(id_) in outputs:
            self._send(name, outputs)
            return {"ok": False, "code": Refusal.FULL.code, "message": Refusal.FULL.sentence}
        if client.room not in {None, name}:
            await self._vacate(id_, client)
        client.room = name
        self._send(name, outputs)
        return _OK

    async def _leave(self, id_: str, *arguments: object) -> Ack:
        client = self._clients[id_]
        try:
            name = check_room_name(_only_text(arguments))
        except ValueError:
            return self._wire.refuse(id_, Refusal.BAD_ROOM)
        if client.room == name:
            await self._vacate(id_, client)
        return _OK

    async def _message(self, id_: str, *arguments: object) -> Ack:
        client = self._clients[id_]
        if len(arguments) != 1:
            return self._wire.refuse(id_, Refusal.BAD_MESSAGE)
        if client.room is None:
            return self._wire.refuse(id_, Refusal.NOT_IN_ROOM)
        self._send(client.room, await self._store.apply(client.room, room.MessageSent(id_, arguments[0])))
        return _OK

    async def _vacate(self, id_: str, client: Client) -> None:
        """Give up the client's seat, and say so to it and the other one."""
        if client.room is not None:
            name, client.room = client.room, None
            self._send(name, await self._store.apply(name, room.LeaveAsked(id_)))

    def _send(self, name: str, outputs: list[room.Output]) -> None:
        """Send what a room ordered; never suspends, so that orders leave in the order they were given."""
        for output in outputs:
            if isinstance(output, room.Dismiss):
                self._dismiss(output.to)
            else:
                event, *arguments = self._event(name, output)
                self._wire.tell(output.to, str(event), *arguments)

    def _dismiss(self, id_: str) -> None:
        """End a connection whose seat another one has now."""
        client = self._clients.get(id_)
        if client is not None:
            client.room = None
            self._wire.dismiss(id_)

    def _event(self, name: str, output: _Told) -> tuple[object, ...]:
        """The event and its arguments; see docs/protocol.md."""
        client = self._clients.get(output.to)
        extended = client is not None and client.extended
        match output:
            case room.SendJoined():
                joined = ("joined", name, output.id)
                return (*joined, _more(output)) if extended else joined
            case room.SendOtherJoined(_, other, epoch):
                about = ("other_joined", name, other.id)
                return (*about, {"epoch": epoch, "name": other.name}) if extended else about
            case room.SendFull():
                return ("full", name)
            case room.SendLeft(_, left):
                return ("left", name, left)
            case room.SendBye(_, gone, reason):
                return ("bye", name, gone, {"reason": reason})
            case room.Relay(_, payload):
                return ("message", payload)
            case _:
                assert_never(output)


def _more(joined: room.SendJoined) -> dict[str, object]:
    peer = joined.peer
    return {
        "epoch": joined.epoch,
        "peer": None if peer is None else {"id": peer.id, "name": peer.name},
        "ice_servers": [],
        "resume": joined.token,
        "resumed": joined.resumed,
    }


def _token(given: object) -> str:
    """What may be a token; nothing, that of no seat, for what is certainly none."""
    return given if isinstance(given, str) and given.isascii() and len(given) <= MAX_TOKEN else ""


def _only_text(arguments: tuple[object, ...]) -> str:
    match arguments:
        case (str(text), *_):
            return text
        case _:
            raise ValueError("not a room name")
