"""Which clients are connected, as python-socketio asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import socketio

from pycall.server.wire.packets import NAMESPACE


class ClientRegister(socketio.AsyncManager):  # type: ignore[misc]  # untyped library
    """Which clients there are: one on each connection that has connected, and of the same id.

    Rooms are the gateway's business, so a client is in none of Socket.IO's but its own. The stock manager
    keeps a room for each client, and looks through those of everybody at each disconnect.
    """

    prefix = ""
    """What the ids of connections, and so of clients, begin with."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Takes what another manager does that it is mixed with."""
        super().__init__(*arguments, **options)
        self._clients: dict[str, bool] = {}
        """Whether each has been told so, and not gone."""

    def get_namespaces(self) -> tuple[str, ...]:
        """The only one."""
        return (NAMESPACE,)

    def get_participants(self, namespace: str, room: str) -> Iterator[tuple[str, str]]:
        """The client whose own room this is, and its connection."""
        if namespace == NAMESPACE and room in self._clients:
            yield room, room

    async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Enter a client; None if there is one on the connection, or in another namespace."""
        if namespace != NAMESPACE or eio_sid in self._clients:
            return None
        self._clients[eio_sid] = False
        return eio_sid

    async def connect(self, sid: str, namespace: str) -> str:  # noqa: ARG002
        """Note that a client has been told that it is connected."""
        self._clients[sid] = True
        return sid

    def is_pre_connected(self, sid: str, namespace: str) -> bool:
        """Whether a client has been entered and not told so."""
        return namespace == NAMESPACE and self._clients.get(sid) is False

    def is_connected(self, sid: str, namespace: str) -> bool:
        """Whether a client has been told so, and not gone."""
        return namespace == NAMESPACE and self._clients.get(sid, False)

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        """The client on a connection."""
        return eio_sid if namespace == NAMESPACE and eio_sid in self._clients else None

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """The connection a client is on."""
        return self.sid_from_eio_sid(sid, namespace)

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        """Note that a client is going; returns its connection."""
        if sid in self._clients:
            self._clients[sid] = False
        return self.eio_sid_from_sid(sid, namespace)

    def basic_disconnect(self, sid: str, namespace: str, **_options: object) -> None:  # noqa: ARG002
        """Forget a client."""
        self._clients.pop(sid, None)
