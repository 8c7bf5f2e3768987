"""What is sent to one client, which must read it: nothing waits for it without bound, or for long.

A connection is one of these, and does not have one: it is not larger for it, and the way out not longer.
"""

from __future__ import annotations

import asyncio

from pycall.limits import Limits
from pycall.server.monitoring.figures import Figures
from pycall.server.wire.causes import TOO_SLOW
from pycall.server.wire.frames import Opcode, frame


class Outflow(asyncio.Protocol):
    """The way out over ``transport``; ``cause`` is why nothing is sent any more, empty while it is."""

    __slots__ = (
        "_figures", "_is_waiting", "_limits", "_loop", "_posted", "_stall", "_stall_end", "_transport",
        "cause",
    )  # fmt: skip

    def __init__(self, transport: asyncio.Transport, limits: Limits, figures: Figures) -> None:
        self.cause = ""
        self._transport = transport
        self._limits = limits
        self._figures = figures
        self._loop = asyncio.get_running_loop()
        self._posted = 0
        """Bytes handed to the transport; what it still has is the end of them."""

        self._stall_end = 0
        """What was posted when it was last looked at whether the client reads."""

        self._is_waiting = False
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: ARG002  it is known
        """Be told from now on when anything waits; what does already was told to who had the transport."""
        if not self._transport.is_closing():
            # not high=0: over TLS it would be told with each packet, when nothing waits
            self._transport.set_write_buffer_limits(high=1, low=0)
            if self._transport.get_write_buffer_size():
                self.pause_writing()

    def begin(self, answer: bytes, greeting: str) -> None:
        """Answer the handshake, and send the first packet with it."""
        data = greeting.encode()
        self._figures.sent_bytes += len(data)
        self.write(answer + frame(Opcode.TEXT, data))

    def post(self, packet: str) -> None:
        """Send ``packet`` after what waits already; a reader too slow for it is cut off."""
        if self.cause or self._transport.is_closing():
            return
        data = packet.encode()
        self._figures.sent_bytes += len(data)
        self.write(frame(Opcode.TEXT, data))

    def pause_writing(self) -> None:
        """Something waits for a slow reader: part of asyncio's protocol."""
        self._is_waiting = True
        if self._limits.stall_s is not None and self._stall is None:
            self._stall_end = self._posted
            self._stall = self._loop.call_later(self._limits.stall_s, self._check_stall)

    def resume_writing(self) -> None:
        """Nothing waits any more: part of asyncio's protocol."""
        self._is_waiting = False
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def write(self, data: bytes) -> None:
        """Send these bytes of the websocket, after what waits already."""
        self._posted += len(data)
        self._transport.write(data)
        most = self._limits.queue_bytes
        if self._is_waiting and most is not None and self._transport.get_write_buffer_size() > most:
            self.cut_off(TOO_SLOW)

    def has_left(self, end: int) -> bool:
        """Whether what was posted up to ``end`` is on its way."""
        return not self._is_waiting or self._posted - self._transport.get_write_buffer_size() >= end

    def _check_stall(self) -> None:
        """Cut off a client that has not read all that waited when this was last looked at."""
        self._stall = None
        if not self.has_left(self._stall_end):
            self.cut_off(TOO_SLOW)
        elif self._transport.get_write_buffer_size():
            self.pause_writing()
        else:
            self._is_waiting = False

    def cut_off(self, cause: str) -> None:
        """Send nothing more, at once."""
        raise NotImplementedError
