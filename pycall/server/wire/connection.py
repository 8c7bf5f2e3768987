"""One client's websocket: what it may send, whether it still answers, and its end."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import deque
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, Protocol

from aiohttp import WSCloseCode

from pycall.limits import Limits
from pycall.server.monitoring.figures import Figures
from pycall.server.refusal import Refusal
from pycall.server.wire.causes import (
    CLIENT_DISCONNECT,
    CLOSED_ON_PURPOSE,
    CONNECTION_LOST,
    NEVER_CONNECTED,
    NEVER_JOINED,
    NO_ANSWER,
    REFUSED_TOO_OFTEN,
    UNREADABLE,
)
from pycall.server.wire.frames import (
    FrameError,
    FrameReader,
    Opcode,
    close_code_of,
    close_frame,
    frame,
    text_of,
)
from pycall.server.wire.outflow import Outflow


class PacketType(StrEnum):
    """The first character of every Engine.IO packet; ``BINARY`` is binary data as base64 text."""

    OPEN = "0"
    CLOSE = "1"
    PING = "2"
    PONG = "3"
    MESSAGE = "4"
    NOOP = "6"
    BINARY = "b"


FULL_INBOX: Final = 64
"""From so many packets that wait to be handled on, no more is read."""


class Stage(IntEnum):
    """How far a client has come."""

    OPEN = 0
    CONNECTED = 1
    SETTLED = 2


@dataclass(frozen=True, slots=True)
class Ending:
    """That a client ends its connection, in its place behind what it said before."""

    cause: str
    code: WSCloseCode = WSCloseCode.OK


class Owner(Protocol):
    """Who hears what happens to a connection."""

    def arrived(self, connection: Connection) -> None:
        """Something is in its inbox."""

    def over(self, connection: Connection) -> None:
        """It has a cause now."""

    def gone(self, connection: Connection) -> None:
        """Its transport is closed."""


class Connection(Outflow):
    """One websocket: bounded ways in and out, and one way to be over.

    ``cause`` never changes once it is set. A connection that is over takes and sends nothing more, at once,
    however long its websocket needs to close.
    """

    __slots__ = (
        "_farewell", "_frames", "_has_hung_up", "_heard_at", "_inbox", "_is_answered", "_is_held_back",
        "_is_pinged", "_next_look", "_opened_at", "_owner", "_ping_end", "_refused", "_spent_until", "_stage",
        "id", "is_attended", "is_over_budget", "source", "strikes", "task",
    )  # fmt: skip

    def __init__(
        self,
        owner: Owner,
        transport: asyncio.Transport,
        source: int | None,
        limits: Limits,
        figures: Figures,
    ) -> None:
        """``source`` is what its client is counted by among those of its address."""
        super().__init__(transport, limits, figures)
        self.id = generate_id()
        self.source = source
        self.strikes = 0
        self.is_over_budget = False
        """Whether what is being handled is more than the client may send."""

        self.is_attended = False
        """Whether what comes, or its end, is being handled."""

        self.task: asyncio.Task[None] | None = None
        """What does so, if it has to wait for something."""

        self._owner = owner
        self._opened_at = self._heard_at = self._loop.time()
        self._next_look = self._opened_at + limits.ping_interval_s
        self._stage = Stage.OPEN
        self._is_pinged = self._is_answered = False
        self._ping_end = 0
        """What was posted up to the last ping."""

        self._frames: FrameReader | None = FrameReader(limits.frame_bytes)
        self._inbox: deque[tuple[str | Ending, bool]] | None = None
        self._spent_until = 0.0
        self._refused: set[str] | None = None
        self._is_held_back = self._has_hung_up = False
        self._farewell: asyncio.TimerHandle | None = None

    # --- in ---------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take apart what came: part of asyncio's protocol."""
        if self._frames is None:
            return
        self._heard_at = self._loop.time()
        try:
            for opcode, payload in self._frames.feed(data):
                self._take(opcode, payload)
                if self._frames is None:
                    return
        except FrameError as broken:
            self._frames = None
            self._arrive(Ending(UNREADABLE, broken.code), is_over_budget=False)
        if self._inbox is not None:
            self._owner.arrived(self)

    @property
    def has_next(self) -> bool:
        """Whether there is more to handle."""
        return bool(self._inbox)

    def next(self) -> tuple[str | Ending, bool] | None:
        """The next packet to handle, or the end, and whether it is more than the client may send."""
        if not self._inbox:
            return None
        item = self._inbox.popleft()
        if not self._inbox:
            self._inbox = None
            if self._is_held_back:
                self._is_held_back = False
                self._transport.resume_reading()
        return item

    def _take(self, opcode: Opcode, payload: bytes) -> None:
        is_over_budget = self._spend()
        if self._frames is None:
            return
        if self.cause:
            if opcode is Opcode.CLOSE:
                self._transport.close()
            return
        match opcode:
            case Opcode.TEXT:
                self._figures.received_bytes += len(payload)
                packet = text_of(payload)
                if packet[:1] == PacketType.PONG:  # it matters now, and to nobody else
                    self._is_answered = self._is_answered or self.has_left(self._ping_end)
                else:
                    self._arrive(packet, is_over_budget=is_over_budget)
            case Opcode.PING:
                self.write(frame(Opcode.PONG, payload))
            case Opcode.CLOSE:
                is_on_purpose = close_code_of(payload) in CLOSED_ON_PURPOSE
                self._has_hung_up = True
                cause = CLIENT_DISCONNECT if is_on_purpose else CONNECTION_LOST
                self._arrive(Ending(cause), is_over_budget=False)
            case _:
                pass  # part of a message, or binary: nothing announces one

    def _arrive(self, item: str | Ending, *, is_over_budget: bool) -> None:
        if self.cause:
            return
        if self._inbox is None:
            self._inbox = deque()
        self._inbox.append((item, is_over_budget))
        if len(self._inbox) >= FULL_INBOX and not self._is_held_back and not self._transport.is_closing():
            self._is_held_back = True
            self._transport.pause_reading()

    def _spend(self) -> bool:
        """Count a frame against what the client may send, and end it far beyond; tells whether it is more."""
        rate, burst = self._limits.events_per_s, self._limits.event_burst
        if rate is None:
            return False
        now = self._loop.time()
        self._spent_until = max(now, self._spent_until) + 1 / rate
        spent = (self._spent_until - now) * rate - 0.5  # a half, for sums are not exact
        if spent > 2 * burst:
            self._frames = None
            refusal = Refusal.TOO_MANY_EVENTS
            self.end(f"{refusal.code}: {REFUSED_TOO_OFTEN}", WSCloseCode.POLICY_VIOLATION)
        return spent > burst

    def is_first_refusal(self, code: str) -> bool:
        """Whether the client is refused something with this code for the first time."""
        refused = self._refused = self._refused or set()
        is_first = code not in refused
        refused.add(code)
        return is_first

    # --- time -------------------------------------------------------------------------------------

    @property
    def next_look(self) -> float:
        """When to :meth:`turn` next."""
        return min(self._next_look, self._deadline)

    def welcome(self) -> None:
        """The client has connected in earnest."""
        self._stage = max(self._stage, Stage.CONNECTED)

    def settle(self) -> None:
        """The client has asked for a seat; it may now stay as long as it answers pings."""
        self._stage = Stage.SETTLED

    def turn(self, until: float) -> float | None:
        """Ping, or see whether the last ping was answered, or whether the client was idle too long."""
        if self.cause:
            return None
        if until > self._deadline:
            if self._stage is Stage.OPEN:
                self.cut_off(NEVER_CONNECTED)
            else:
                self.end(NEVER_JOINED, WSCloseCode.POLICY_VIOLATION)
            return None
        if until > self._next_look:
            if not self._is_pinged:
                self.post(PacketType.PING)
                self._ping_end = self._posted
                self._next_look = until + self._limits.ping_timeout_s
            elif self._is_answered:
                self._next_look = until + self._limits.ping_interval_s - self._limits.ping_timeout_s
            else:
                self.cut_off(NO_ANSWER)
                return None
            self._is_pinged, self._is_answered = not self._is_pinged, False
        return self.next_look

    @property
    def silent_s(self) -> float:
        """For how long it has been silent; 0 for one that ended otherwise than by that."""
        return self._loop.time() - self._heard_at if self.cause == NO_ANSWER else 0.0

    @property
    def _deadline(self) -> float:
        """When the client must have come further than it has."""
        if self._stage is Stage.SETTLED:
            return math.inf
        connect_s, join_s = (
            self._limits.connect_timeout_s or math.inf,
            self._limits.join_timeout_s or math.inf,
        )
        return self._opened_at + (min(connect_s, join_s) if self._stage is Stage.OPEN else join_s)

    # --- the end ----------------------------------------------------------------------------------

    def end(self, cause: str, code: WSCloseCode = WSCloseCode.OK) -> None:
        """Be over; what was posted before is still sent, within ``farewell_s``."""
        if self.cause:
            return
        self.cause = cause
        self._inbox = None
        if not self._transport.is_closing():
            self._farewell = self._loop.call_later(self._limits.farewell_s, self._transport.abort)
            if self._is_held_back:
                self._transport.resume_reading()
            self.write(close_frame(code, cause))
            if self._has_hung_up:
                self._transport.close()
        self._owner.over(self)

    def cut_off(self, cause: str) -> None:
        """Be over without a word: the TCP connection is reset."""
        self._frames = None
        self._transport.abort()
        self.end(cause)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  how it broke is all the same
        """Nothing comes and goes any more: part of asyncio's protocol."""
        self._frames = None
        for timer in (self._stall, self._farewell):
            if timer is not None:
                timer.cancel()
        self._arrive(Ending(CONNECTION_LOST), is_over_budget=False)
        if self._inbox is not None:
            self._owner.arrived(self)
        self._owner.gone(self)


def generate_id() -> str:
    """An id nobody can guess, of letters, digits, ``-`` and ``_``."""
    return secrets.token_urlsafe(15)
