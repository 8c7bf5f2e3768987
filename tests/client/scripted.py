"""A connection and a signalling server that do as the test says, and remember what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from pycall.client.stages import Delays, Stages
from pycall.client.stats import Counters
from pycall.client.tracks import Hold
from pycall.core import inputs as i
from pycall.core.events import Latency, Path
from pycall.core.messages import Candidate, Control, Message, Shares

NOBODY = i.JoinedRoom("me", 1, None, ())
BOB = i.PeerInfo("b", "Bob", renews=True)
PATH = Path("direct", "host", "host")


@dataclass
class ScriptedPeer:
    """A connection; what is in ``gates`` waits there, what is in ``faults`` fails."""

    asked: list[str] = field(default_factory=list)
    """What was begun, in order."""
    done: list[str] = field(default_factory=list)
    """What came to its end."""
    said: list[Control] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    faults: dict[str, Exception] = field(default_factory=dict)
    flow: Counters = field(default_factory=Counters)
    silent: bool = False
    media_hold: Hold = field(default_factory=Hold)
    packets_received: int = 0
    path: Path | None = PATH
    local_address: str | None = None

    def hold(self, name: str) -> asyncio.Event:
        """Let this step wait until the returned event is set."""
        return self.gates.setdefault(name, asyncio.Event())

    async def open(self) -> None:
        await self._step("open")

    async def create_offer(self, wait_s: float) -> str:
        del wait_s
        await self._step("create_offer")
        return "offer"

    async def accept_offer(self, sdp: str, wait_s: float) -> str:
        del wait_s
        await self._step(f"accept_offer {sdp}")
        return "answer"

    async def accept_answer(self, sdp: str) -> None:
        await self._step(f"accept_answer {sdp}")

    async def add_candidate(self, candidate: Candidate) -> None:
        await self._step(f"add_candidate {candidate.candidate}")

    def send_control(self, control: Control) -> None:
        self.said.append(control)

    async def counters(self) -> Counters:
        if "counters" in self.faults:
            raise self.faults["counters"]
        return self.flow

    def latencies(self, delays: Delays) -> tuple[Latency, ...]:
        return (Stages().latency("video", Shares(), delays),)

    def fall_silent(self) -> None:
        self.silent = True

    async def close(self, *, say_bye: bool) -> None:
        await self._step("close with bye" if say_bye else "close")

    async def _step(self, name: str) -> None:
        self.asked.append(name)
        if name in self.gates:
            await self.gates[name].wait()
        if name in self.faults:
            raise self.faults[name]
        self.done.append(name)


class ScriptedSignalling:
    """A server one is connected to at once, unless ``fault`` or ``gate`` keep one from it."""

    def __init__(self, post: Callable[[i.Input], None]) -> None:
        self.post = post
        self.asked: list[str] = []
        self.sent: list[Message] = []
        self.fault: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.closed = False

    async def open(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.post(i.SignallingOpened())

    async def join(self, room: str) -> None:
        self.asked.append(f"join {room}")

    async def leave(self, room: str) -> None:
        self.asked.append(f"leave {room}")

    async def renew(self, room: str, epoch: int) -> None:
        self.asked.append(f"renew {room} {epoch}")

    async def check(self) -> None:
        self.asked.append("check")

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def close(self) -> None:
        self.closed = True
