"""The events by which clients are told what their room ordered; see docs/protocol.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, assert_never

from pycall.core import room
from pycall.core.seats import Member
from pycall.server.clients import Client
from pycall.server.refusal import Refusal

IceServersFor: TypeAlias = Callable[[str, str], list[dict[str, object]]]
"""The ``RTCIceServer`` objects for a member's id and the host name by which it reached this server.

The host name may be empty: not known.
"""

Told: TypeAlias = (
    room.SendJoined | room.SendOtherJoined | room.SendRenewed | room.SendFull | room.SendLeft | room.SendBye
)
"""Orders that are events, but for the relay's, whose text is passed on as it came."""


class Events:
    """Makes an event of each order, for a client that understands pycall's additions or a plain one.

    ``closed`` is what everybody without a seat is told where rooms are closed, whatever the reason.
    """

    def __init__(self, ice_servers: IceServersFor, closed: Refusal | None) -> None:
        self._ice_servers = ice_servers
        self._closed = closed

    def of(self, name: str, output: Told, to: Client) -> tuple[str, tuple[object, ...]]:
        """The event for ``output`` of the room ``name`` and its arguments."""
        match output:
            case room.SendJoined():
                more = (self._about_joined(output, to),) if to.extended else ()
                return "joined", (name, output.id, *more)
            case room.SendOtherJoined(_, other, epoch):
                more = ({"epoch": epoch, **_about(other), **self._fresh(to)},) if to.extended else ()
                return "other_joined", (name, other.id, *more)
            case room.SendRenewed(_, epoch):
                return "renewed", (name, {"epoch": epoch, **self._fresh(to)})
            case room.SendFull() if self._closed is not None:
                return "error", (self._closed.code, self._closed.sentence)
            case room.SendFull():
                return "full", (name,)
            case room.SendLeft(_, left):
                return "left", (name, left)
            case room.SendBye(_, gone, reason):
                return "bye", (name, gone, {"reason": reason})
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


def _about(member: Member) -> dict[str, object]:
    return {"name": member.name, "pycall": int(member.extended)}
