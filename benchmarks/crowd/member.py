"""One client of a crowd: a plain Socket.IO client in a room, as cheap as it can be."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final, cast

from crowd.wire import CLOSE, END_OF_HEAD, UPGRADE, UPGRADED, event, frame, messages

CONNECT: Final = frame("40")
PONG: Final = frame("3")


@dataclass
class Notes:
    """What a crowd's members saw."""

    message: bytes
    """The packet with the message they send each other, as it is to arrive."""
    joined: int = 0
    pings: int = 0
    arrived: int = 0
    other_joined: int = 0
    told: int = 0
    """Members that the server told that they are disconnected."""
    ended: int = 0
    """Connections that are over."""
    relay_s: list[float] = field(default_factory=list)
    """From when a message was to be sent until it arrived."""
    surprises: Counter[str] = field(default_factory=Counter)
    """What should not happen: messages that are not as they were sent, refusals, ends of connections."""
    ping_interval_s: float = 0.0


class Member(asyncio.Protocol):
    """Connects, joins ``room``, answers pings and takes the time of messages; ``inside`` is done then."""

    __slots__ = ("_host", "_notes", "_rest", "_room", "_transport", "_upgraded", "due", "inside", "wanted")

    def __init__(self, notes: Notes, room: str, host: bytes) -> None:
        self._notes = notes
        self._room = room
        self._host = host
        self._rest = b""
        self._upgraded = False
        self._transport: asyncio.Transport | None = None
        self.due: deque[float] = deque()
        """When the messages that are on their way to this member were to be sent."""
        self.inside: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()
        self.wanted = True
        """Whether an end of the connection would be a surprise."""

    def say(self, message: bytes) -> None:
        """Send one frame."""
        if self._transport is not None:
            self._transport.write(message)

    def leave(self) -> None:
        """End the connection, which surprises nobody."""
        self.wanted = False
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a websocket."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are like it, and no subclass
        self._transport.write(UPGRADE % self._host)

    def connection_lost(self, _reason: Exception | None) -> None:
        """Note it; whoever waits for this member to be inside waits no longer."""
        self._transport = None
        self._notes.ended += 1
        if self.wanted:
            self._notes.surprises["connection ended"] += 1
        if self.inside is not None and not self.inside.done():
            self.inside.set_exception(ConnectionError("the server ended a connection"))

    def data_received(self, data: bytes) -> None:
        """Take what the server sent."""
        if self._rest:
            data = self._rest + data
        if not self._upgraded:
            head, end, data = data.partition(END_OF_HEAD)
            if not end:
                self._rest = head
                return
            if not head.startswith(UPGRADED):
                raise ConnectionError(f"no websocket: {head[:60]!r}")
            self._upgraded = True
        found, self._rest = messages(data)
        for each in found:
            self._take(each)

    def _take(self, packet: bytes) -> None:
        if not packet:
            self.say(CLOSE)
            if self.wanted:
                self._notes.surprises["close frame"] += 1
        elif packet.startswith(b'42["message",'):
            self._take_message(packet)
        elif packet == b"2":
            self._notes.pings += 1
            self.say(PONG)
        elif packet.startswith(b"0"):
            interval = packet.partition(b'"pingInterval":')[2].partition(b",")[0]
            self._notes.ping_interval_s = int(interval.strip(b" }")) / 1000
            self.say(CONNECT)
        elif packet.startswith(b"40"):
            self.say(frame(event("join", self._room)))
        elif packet.startswith(b'42["joined",'):
            self._notes.joined += 1
            if self.inside is not None and not self.inside.done():
                self.inside.set_result(None)
            self.inside = None
        elif packet.startswith(b'42["other_joined",'):
            self._notes.other_joined += 1
        elif packet == b"41" and not self.wanted:
            self._notes.told += 1
        elif self.wanted:
            self._notes.surprises[packet.partition(b",")[0].decode(errors="replace")] += 1

    def _take_message(self, packet: bytes) -> None:
        notes = self._notes
        if not self.due or packet != notes.message:
            notes.surprises["changed message"] += 1
        else:
            notes.relay_s.append(time.monotonic() - self.due.popleft())
            notes.arrived += 1
