"""Plain clients must not notice that everybody was seated again: they know of nothing but coming and going.

When rooms can be changed again after they could not, each seat is asked for anew, and the other one may take
a moment longer to ask, or be gone. So what follows is compared with what a plain client knows, and it is
told only what is new to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from pycall.core import room
from pycall.core.seats import Member
from pycall.server.clients import Client
from pycall.server.events import Told

MISSING_S: Final = 10.0
"""For so long the other one may be missing before a plain client is told that it is gone."""

Miss: TypeAlias = Callable[[str, room.SendBye], None]
"""Tells a client of this room that the other one is gone."""


class Reseating:
    """What is new to plain clients, and who of their others is missing; by their connections."""

    def __init__(self, miss: Miss) -> None:
        self._miss = miss
        self._missing: dict[str, tuple[str, asyncio.TimerHandle]] = {}

    def news(self, name: str, output: Told, client: Client) -> list[Told]:
        """What of an order it did not ask for is new to ``client``, a plain one."""
        missing = self.forget(output.to)
        known = missing or client.peer
        match output:
            case room.SendJoined(to, _, _, None) if known is not None:
                self._wait_for(known, name, to)
                return []
            case room.SendJoined(peer=None):
                return []
            case room.SendJoined(to, _, epoch, Member() as peer):
                return _instead(to, known, room.SendOtherJoined(to, peer, epoch))
            case room.SendOtherJoined(to) if missing is not None:
                return _instead(to, missing, output)
            case room.SendFull(to) if known is not None:
                return [room.SendBye(to, known, "lost"), output]
            case _:
                return [output]

    def forget(self, id_: str) -> str | None:
        """Wait no more for the other one of this connection; returns who it was."""
        missing, timer = self._missing.pop(id_, (None, None))
        if timer is not None:
            timer.cancel()
        return missing

    def stop(self) -> None:
        """Wait for nobody any more."""
        for id_ in list(self._missing):
            self.forget(id_)

    def _wait_for(self, peer: str, name: str, id_: str) -> None:
        timer = asyncio.get_running_loop().call_later(MISSING_S, self._is_gone, name, id_)
        self._missing[id_] = peer, timer

    def _is_gone(self, name: str, id_: str) -> None:
        missing = self.forget(id_)
        if missing is not None:
            self._miss(name, room.SendBye(id_, missing, "lost"))


def _instead(to: str, known: str | None, came: room.SendOtherJoined) -> list[Told]:
    """``came`` is there, in place of whom the client knows, if that is somebody else."""
    if came.other.id == known:
        return []
    return [room.SendBye(to, known, "lost"), came] if known is not None else [came]
