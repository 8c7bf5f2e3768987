"""One attempt at a call: a peer connection, the steps on it in their turn, its watching and measuring.

aiortc's steps take seconds at times and must not interleave, so a worker of the attempt runs them one
by one; only closing overtakes.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pycall.client.liveness import LOOK_S, Liveness
from pycall.client.stages import Delays
from pycall.client.stats import Counters, StatsMeter
from pycall.client.tracks import Hold
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.events import Event, Latency, Path
from pycall.core.messages import Candidate, Control
from pycall.core.verification import NONCE_BYTES
from pycall.errors import CallError

logger = logging.getLogger(__name__)

MAX_STEPS: Final = 100
"""Waiting steps; only a flood of candidates fills this, and what is over is dropped."""

STOP_S: Final = 1.0
"""What a cancelled step, and the last look at the figures, may take before it is left behind."""

CLOSE_S: Final = 3.0
"""What closing may take before the connection is left behind."""

STATS_INTERVAL_S: Final = 1.0

Step = o.CreateOffer | o.AcceptOffer | o.AcceptAnswer | o.AddCandidate


class PeerConnection(Protocol):
    """The connection to the other end; :class:`pycall.client.peer.Peer`."""

    async def open(self) -> None:
        """Create it and gather candidates."""

    async def create_offer(self, wait_s: float) -> str:
        """The offer to send; waits for candidates up to ``wait_s``."""

    async def accept_offer(self, sdp: str, wait_s: float) -> str:
        """The answer to send; waits for candidates up to ``wait_s``."""

    async def accept_answer(self, sdp: str) -> None:
        """Apply the other side's answer."""

    async def add_candidate(self, candidate: Candidate) -> None:
        """Add a trickled candidate."""

    def send_control(self, control: Control) -> None:
        """Say something on the control channel; the newest state is said when it opens."""

    @property
    def media_hold(self) -> Hold:
        """Whether camera and microphone wait."""

    @property
    def path(self) -> Path | None:
        """The way it goes, once it stands."""

    @property
    def local_address(self) -> str | None:
        """The address of this computer that it speaks from; ``None`` before it stands, or if not known."""

    @property
    def packets_received(self) -> int:
        """Packets of media and data that came so far; none of them a connectivity check."""

    async def counters(self) -> Counters:
        """What has flowed so far."""

    def latencies(self, delays: Delays) -> tuple[Latency, ...]:
        """Where the delay of what came since the last call is; ``delays`` is what playing adds."""

    def fall_silent(self) -> None:
        """Hand on no media and report nothing from now on."""

    async def close(self, *, say_bye: bool) -> None:
        """End it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an attempt reports to, and what it asks."""

    post: Callable[[i.Input], None]
    announce: Callable[[Event], None]
    playout_s: Callable[[], float]
    """How long received sound is held before it is played, in seconds."""
    delays: Callable[[], Delays] | None = None
    """What is between decoding and showing or hearing; with it, all stages of the delay are announced."""


class Attempt:
    """Attempt ``number``; it opens its connection at once."""

    def __init__(self, number: int, peer: PeerConnection, around: Surroundings) -> None:
        self.number = number
        self.peer = peer
        self.flowed = Counters()
        """What had flowed when it was closed."""
        self.connected_s = 0.0
        """How long it was connected when it was closed."""
        self._around = around
        self._steps: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(MAX_STEPS)
        self._steps.put_nowait(peer.open)
        self._tasks = [self._start(self._work(), "attempt"), self._start(self._watch(), "watch")]
        self._connected_at: float | None = None

    def step(self, order: Step) -> None:
        """Carry out an order on the connection, in its turn."""
        try:
            self._steps.put_nowait(lambda: self._carry_out(order))
        except asyncio.QueueFull:
            logger.warning("Too much at once: dropped %s.", type(order).__name__)

    def measure(self) -> None:
        """Announce statistics each second from now on: the connection carries the call."""
        self._connected_at = asyncio.get_running_loop().time()
        self._tasks.append(self._start(self._measure(), "stats"))

    def stands_on(self, addresses: frozenset[str]) -> bool:
        """Whether the connection speaks from one of these addresses, as far as that is known."""
        address = self.peer.local_address
        return bool(addresses) if address is None else address in addresses

    async def close(self, *, say_bye: bool) -> None:
        """Count what has flowed and end the connection, within a bounded time; never raises."""
        for task in self._tasks:
            task.cancel()
        if self._connected_at is not None:
            self.connected_s = asyncio.get_running_loop().time() - self._connected_at
            await _within(STOP_S, self._count())
        await asyncio.wait(self._tasks, timeout=STOP_S)
        await _within(CLOSE_S, self.peer.close(say_bye=say_bye))

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"pycall-{name}-{self.number}")
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        """A task ends when it is cancelled; one that broke is a bug, told as one, and ends the attempt."""
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s broke.", task.get_name(), exc_info=error)
            self._around.post(i.PeerFailed(self.number, "something in pycall itself broke."))

    async def _work(self) -> None:
        while True:
            step = await self._steps.get()
            try:
                await step()
            except CallError as error:
                self._around.post(i.PeerFailed(self.number, error.message, error.hint))

    async def _carry_out(self, order: Step) -> None:
        match order:
            case o.CreateOffer(_, wait_s):
                sdp = await self.peer.create_offer(wait_s)
                self._around.post(i.OfferCreated(self.number, sdp, secrets.token_bytes(NONCE_BYTES)))
            case o.AcceptOffer(_, offer, wait_s):
                sdp = await self.peer.accept_offer(offer, wait_s)
                self._around.post(i.AnswerCreated(self.number, sdp, secrets.token_bytes(NONCE_BYTES)))
            case o.AcceptAnswer(_, answer):
                await self.peer.accept_answer(answer)
            case o.AddCandidate(_, candidate):
                await self.peer.add_candidate(candidate)

    async def _watch(self) -> None:
        liveness, loop = Liveness(self.number), asyncio.get_running_loop()
        while True:
            if self.peer.path is not None:
                report = liveness.look(self.peer.packets_received, loop.time())
                if report is not None:
                    self._around.post(report)
            await asyncio.sleep(LOOK_S)

    async def _count(self) -> None:
        self.flowed = await self.peer.counters()

    async def _measure(self) -> None:
        meter, loop = StatsMeter(), asyncio.get_running_loop()
        while True:
            stats = meter.update(await self.peer.counters(), loop.time(), playout_s=self._around.playout_s())
            if stats is not None:
                self._around.announce(stats)
            if self._around.delays is not None:
                for latency in self.peer.latencies(self._around.delays()):
                    self._around.announce(latency)
            await asyncio.sleep(STATS_INTERVAL_S)


async def _within(seconds: float, part: Coroutine[Any, Any, None]) -> None:
    """Await a part of closing; neither one that hangs nor one with a bug keeps the others from their turn."""
    try:
        async with asyncio.timeout(seconds):
            await part
    except TimeoutError:
        logger.warning("A connection did not end in time and is left behind.")
    except Exception:
        logger.exception("Closing a connection broke.")
