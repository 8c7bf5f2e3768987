"""The control channel: a data channel on which the two ends say what they do.

Whoever offers opens it, the other takes it over (RFC 8832). Each end pings once a second, which
tells the round trip and how far the two wall clocks are apart.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiortc import InvalidStateError, RTCDataChannel

from pycall.client.latency import ClockOffset
from pycall.core.messages import Bye, Control, Ping, Pong, Sending, State, dump_control, parse_control

logger = logging.getLogger(__name__)

PING_INTERVAL_S: Final = 1.0

HEARD_INTERVAL_S: Final = 0.25
"""How often a new state, and a ping, is heard; between two, only the newest state counts."""

MAX_BUFFERED: Final = 64_000
"""Bytes waiting to be sent; more is a peer that takes nothing, and what is said is dropped."""

BYE_S: Final = 0.2
"""How long closing waits for the goodbye to be on its way."""


class ControlChannel:
    """What is said to and by the other end. ``heard`` gets state and bye, and nothing after a bye.

    ``sending`` says once a second where our part of the delay is.
    """

    def __init__(
        self, heard: Callable[[Control], None], sending: Callable[[], Sending] | None = None
    ) -> None:
        self._heard = heard
        self._sending = sending
        self._channel: RTCDataChannel | None = None
        self._state: State | None = None
        self._pinging: asyncio.Task[None] | None = None
        self._pinged: float | None = None
        self._over = False
        self._heard_state: State | None = None
        self._state_timer: asyncio.TimerHandle | None = None
        self._answered_at = -math.inf
        self.clock = ClockOffset()
        self.told: Sending | None = None
        """What the other end said last of its part; ``None`` if it never did."""

    @property
    def attached(self) -> bool:
        """Whether there is a channel already."""
        return self._channel is not None

    def attach(self, channel: RTCDataChannel) -> None:
        """Use ``channel``, which may not be open yet."""
        self._channel = channel
        channel.on("message", self._received)
        if channel.readyState == "open":
            self._opened()
        else:
            channel.on("open", self._opened)

    def send(self, control: Control) -> None:
        """Say something; a :class:`State` said before the channel is open is said when it opens."""
        if isinstance(control, State):
            self._state = control
        channel = self._channel
        if channel is None or channel.readyState != "open" or channel.bufferedAmount > MAX_BUFFERED:
            return
        try:
            channel.send(dump_control(control))
        except (InvalidStateError, ConnectionError):
            logger.debug("The control channel closed while sending.")

    async def say_bye(self) -> None:
        """Say that the connection ends on purpose; waits a moment for it to leave."""
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return
        sent = asyncio.Event()
        channel.on("bufferedamountlow", sent.set)
        self.send(Bye())
        with suppress(TimeoutError):
            async with asyncio.timeout(BYE_S):
                await sent.wait()

    async def close(self) -> None:
        """Stop pinging and hearing."""
        self._end()
        if self._pinging is not None:
            self._pinging.cancel()
            await asyncio.gather(self._pinging, return_exceptions=True)

    def _opened(self) -> None:
        if self._pinging is None and not self._over:
            self._pinging = asyncio.create_task(self._ping(), name="pycall-ping")
        if self._state is not None:
            self.send(self._state)

    async def _ping(self) -> None:
        while True:
            self._pinged = time.time()  # noqa: TID251  the two wall clocks are what is compared
            self.send(Ping(self._pinged))
            if self._sending is not None:
                self.send(self._sending())
            await asyncio.sleep(PING_INTERVAL_S)

    def _received(self, text: object) -> None:
        if self._over:
            return
        now = time.time()  # noqa: TID251  as in _ping
        try:
            control = parse_control(text)
        except ValueError as error:
            logger.debug("Dropped what came on the control channel: %s", error)
            return
        match control:
            case Ping(asked):
                if time.monotonic() - self._answered_at >= HEARD_INTERVAL_S:
                    self._answered_at = time.monotonic()
                    self.send(Pong(asked, now))
            case Pong(asked, clock):
                if asked == self._pinged:
                    self._pinged = None  # once
                    self.clock.add(asked, clock, now)
            case Sending():
                self.told = control
            case State():
                self._heard_state = control
                if self._state_timer is None:
                    self._hear_state()
            case Bye():
                self._end()
                self._heard(control)

    def _hear_state(self) -> None:
        """Tell the newest state, if there is one, and the next one only after a while."""
        state, self._heard_state, self._state_timer = self._heard_state, None, None
        if state is not None:
            loop = asyncio.get_running_loop()
            self._state_timer = loop.call_later(HEARD_INTERVAL_S, self._hear_state)
            self._heard(state)

    def _end(self) -> None:
        self._over = True
        if self._state_timer is not None:
            self._state_timer.cancel()
