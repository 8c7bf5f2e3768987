"""What a node is told over its channel: orders to carry out, and its own pings."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from pycall.core import room
from pycall.server.monitoring.logs import tell
from pycall.server.nodes.register import NodeRegister
from pycall.server.nodes.script import Orders, Ping, read_message
from pycall.server.store import CarryOut, StoreUnavailable

NOTHING: Final = "the channel brings nothing"

log = logging.getLogger(__name__)


class Hearing:
    """Hears the channel of ``register``'s node and has its orders carried out, in the order they come."""

    def __init__(self, register: NodeRegister) -> None:
        self.carry_out: CarryOut = _nobody
        self._register = register
        self._subscribed = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._told = 0
        self._beat = 0
        self._lost = 0
        """How often hearing has ended."""

    def begin(self) -> None:
        """Be about to listen anew."""
        self._told = self._beat = 0
        self._subscribed.clear()

    async def listen(self) -> None:
        """Do so until the channel breaks; then :class:`StoreUnavailable` is raised."""
        async for data in self._register.listen():
            if data is None:
                self._subscribed.set()
                continue
            try:
                message = read_message(data)
            except ValueError as error:
                _tell_bad(str(error))
                continue
            self._take(message)

    async def stands(self, patience_s: float) -> None:
        """Wait until the channel stands; raises :class:`StoreUnavailable`."""
        try:
            async with asyncio.timeout(patience_s):
                await self._subscribed.wait()
        except TimeoutError as error:
            raise StoreUnavailable(NOTHING) from error

    async def hears(self, beat: int, patience_s: float) -> None:
        """Wait until a ping has come; raises :class:`StoreUnavailable` if it does not."""
        try:
            async with asyncio.timeout(patience_s):
                while self._beat < beat:
                    await self._something()
        except TimeoutError as error:
            raise StoreUnavailable(NOTHING) from error

    async def reaches(self, told: int, patience_s: float) -> bool:
        """Whether orders up to those were carried out; waits for them while something can be heard."""
        lost = self._lost
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self._told < told and self._lost == lost:
                    await self._something()
        return self._told >= told

    def give_up(self) -> None:
        """Let nobody wait for orders any longer."""
        self._lost += 1
        self._wake()

    def _take(self, message: Orders | Ping) -> None:
        match message:
            case Ping(beat):
                self._beat = beat
            case Orders(told, orders, bad):
                if bad:
                    _tell_bad("orders that are none")
                for name, output in orders:
                    if output.to.startswith(self._register.prefix):
                        self.carry_out(name, [output])
                self._told = told
        self._wake()

    async def _something(self) -> None:
        """Wait until something changes."""
        change = asyncio.get_running_loop().create_future()
        self._waiting.append(change)
        await change

    def _wake(self) -> None:
        for change in self._waiting:
            if not change.done():
                change.set_result(None)
        self._waiting.clear()


def _tell_bad(why: str) -> None:
    tell(log, logging.WARNING, "bad-order", "the channel brought what no node says: %(why)s", why=why)


def _nobody(_name: str, _outputs: list[room.Output]) -> None:
    """Before somebody serves."""
