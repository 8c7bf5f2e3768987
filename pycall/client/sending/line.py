"""Everything one connection sends, through one pacer, at the rate that the path takes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pycall.client.congestion.controller import Controller
from pycall.client.congestion.feedback import parse
from pycall.client.congestion.sent import SentLog
from pycall.client.sending.budget import Budget, Shares
from pycall.client.sending.copies import HELD_S, SCATTERED, Copies, CopyStream
from pycall.client.sending.pacer import Pacer, Priority
from pycall.client.sending.packets import PacketWriter
from pycall.client.sending.repairs import DOUBLE_AT_LOSS, Allowance, SentPacket, SentPackets
from pycall.client.stages import Stages

logger = logging.getLogger(__name__)

MAX_QUEUED_S: Final = 0.12
"""When the pictures that wait need longer than this, the next one is not encoded: a newer one will be."""

SECOND_REPAIR_S: Final = 0.01
"""How much later a repair leaves that leaves twice: most bursts of losses are over by then."""

DOUBLE_FROM: Final = 400_000
DOUBLE_FOR_S: Final = 10.0
"""Where repairs leave twice all sound does, at this rate or more in bit/s, and for so long after: what is
lost is there again before it is missed, and the other end need not hold sound until a repair comes."""

SECOND_SOUND_S: Final = 0.015
"""How much later: before the packet behind it."""

SECOND_SOUND_SOON_S: Final = 0.002
"""How much later for a browser where losses come in no runs: what is late has it hold all sound longer."""

DOUBLE_END_FROM: Final = 800_000
"""There, from this rate on, the last packet of a picture leaves twice too: that it is missing shows only with
the next picture, so that its repair comes later than that of any other. Below, a picture is few packets."""

SECOND_END_S: Final = 0.01

WIRE_BYTES: Final = 44
"""Of each packet in headers of IP and UDP and in SRTP's tag."""

MAX_SAID: Final = 16
"""Reports that wait; the oldest give way."""

SHORTEST_SLEEP_S: Final = 0.001
"""Timers of event loops are no finer."""


@dataclass(frozen=True, slots=True)
class LineFigures:
    """What a connection sends, for the log and the statistics; rates are bit/s."""

    target: int
    pictures: int
    sound: int
    repairs: int
    loss: float
    rtt_s: float | None
    queued_s: float
    skipped: int
    """Pictures that were left out since those before them had not left yet."""


@dataclass(slots=True)
class Leaving:
    """A packet that waits to leave for the first time, ready since then; ``octets`` of it are payload.

    It belongs to what was captured then, and may be the ``last`` of that, or ``copied``. ``left_at`` is when
    it left.
    """

    stream: Stream
    data: bytearray
    sequence: int
    timestamp: int
    octets: int
    captured_at: float
    ready_at: float
    last: bool
    copied: bool = False
    left_at: float | None = None


@dataclass(slots=True)
class Stream:
    """One sender's part of a line; ``left`` is told of each packet after it left, and when it did.

    ``timestamp`` and ``sequence`` are where the RTP clock and the numbers begin. What is ``urgent`` leaves
    twice where much is lost. The other end may be a ``browser``, for which ``copies`` takes packets again.
    """

    writer: PacketWriter
    left: Callable[[Leaving, float], None]
    timestamp: int
    sequence: int
    stages: Stages
    urgent: bool = False
    browser: bool = False
    copies: CopyStream | None = None
    history: SentPackets = field(default_factory=SentPackets)

    def packets(
        self, payloads: Sequence[bytes], pts: int, captured_at: float, ready_at: float, level_dbov: int = -127
    ) -> list[Leaving]:
        """The packets of one picture or block of sound, numbered on."""
        packets = []
        timestamp = (self.timestamp + pts) & 0xFFFFFFFF
        for at, payload in enumerate(payloads, 1):
            last = at == len(payloads)
            data = self.writer.write(payload, self.sequence, timestamp, marker=last, level_dbov=level_dbov)
            packets.append(
                Leaving(self, data, self.sequence, timestamp, len(payload), captured_at, ready_at, last)
            )
            self.sequence = (self.sequence + 1) & 0xFFFF
        return packets


@dataclass(frozen=True, slots=True)
class Copy:
    """A packet that leaves once more, right behind itself."""

    of: Leaving
    beside: CopyStream

    @property
    def data(self) -> bytearray:
        """What is copied."""
        return self.of.data


class Line:
    """The way out of one connection; use from one event loop.

    ``transmit`` encrypts and sends one packet; it raises :class:`ConnectionError` when that has ended.
    ``clock`` tells the monotonic seconds that everything here is decided by.
    """

    def __init__(
        self, transmit: Callable[[bytes], Awaitable[None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._transmit = transmit
        self.clock = clock
        self.skipped = 0
        """Pictures that were left out because the line was full."""
        self._log = SentLog()
        self._controller = Controller()
        self._budget = Budget()
        self._lost_at = float("-inf")
        self._copies = Copies()
        self._pacer: Pacer[Leaving | SentPacket | Copy] = Pacer(self._controller.pacing_rate)
        self._waking: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._over = self._failed = False
        self._allowance = Allowance()
        self._said: deque[bytes] = deque(maxlen=MAX_SAID)

    # What is sent

    def say(self, report: bytes) -> None:
        """Send a packet of RTCP, before anything else."""
        if not self._over:
            self._said.append(report)
            self._wake()

    @property
    def full(self) -> bool:
        """Whether so many pictures wait that the next one should not be encoded."""
        return self._pacer.queued_s(self.clock()) > MAX_QUEUED_S

    def send(self, packets: Sequence[Leaving], priority: Priority) -> bool:
        """Queue what belongs together, or nothing of it; raises :class:`ConnectionError` after the end."""
        if self._over:
            raise ConnectionError("Nothing can be sent any more.")
        queued = [(packet, len(packet.data) + WIRE_BYTES) for packet in self._doubled(packets)]
        taken = self._pacer.put(queued, priority)
        self._wake()
        return taken

    def _doubled(self, packets: Sequence[Leaving]) -> Sequence[Leaving | Copy]:
        """These, and behind each its copy where they leave twice; what follows says whether any do."""
        if not packets or (beside := packets[0].stream.copies) is None:
            return packets
        now = self.clock()
        self._copies.grow(self._controller.target, now)
        self._copies.lost(self._controller.loss, self._controller.clustering, now)
        packets[0].stream.writer.hold(HELD_S if self._copies.wanted else None)
        if not self._copies.fit(sum(len(packet.data) + WIRE_BYTES for packet in packets)):
            return packets
        for packet in packets:
            packet.copied = True
        return [each for packet in packets for each in (packet, Copy(packet, beside))]

    def drop_pictures(self) -> bool:
        """Drop the pictures that wait, but the one that began to leave; whether there were any.

        Those after them take their numbers, so that nobody misses them.
        """
        dropped = self._pacer.drop_pictures()
        for packet in reversed(dropped):
            if isinstance(packet, Leaving):
                packet.stream.sequence = packet.sequence
        return bool(dropped)

    def repair(self, stream: Stream, asked: Iterable[int]) -> None:
        """Send again what the other end asks for, as far as that helps."""
        now = self.clock()
        self._allowance.grow(self._controller.target, now)
        repairs = stream.history.repair(
            asked, now, self._allowance, loss=self._controller.loss, rtt_s=self.rtt_s or 0.0
        )
        for packet, twice in repairs:
            size = len(packet.data) + WIRE_BYTES
            self._pacer.put([(packet, size)], Priority.REPAIR)
            if twice:
                self._pacer.put_later(packet, size, now + SECOND_REPAIR_S)
        if repairs:
            self._wake()

    # What is known of the path

    @property
    def silent(self) -> bool:
        """Whether the other end told what arrives, and has stopped doing so: the path may be cut."""
        return self._controller.is_silent

    @property
    def rtt_s(self) -> float | None:
        """The round trip; ``None`` until it is known."""
        return self._controller.rtt_s

    def shares(self) -> Shares:
        """Who gets how much at present."""
        return self._budget.split(self._controller.target, self._controller.loss, self.clock())

    def figures(self) -> LineFigures:
        """What is sent at present."""
        now, shares = self.clock(), self.shares()
        return LineFigures(
            target=self._controller.target,
            pictures=shares.pictures,
            sound=shares.sound,
            repairs=self._budget.repairs(now),
            loss=self._controller.loss,
            rtt_s=self.rtt_s,
            queued_s=self._pacer.queued_s(now),
            skipped=self.skipped,
        )

    def acknowledged(self, feedback: bytes) -> None:
        """Take transport feedback of the other end, which may be anything."""
        now = self.clock()
        try:
            arrivals = parse(feedback)
        except ValueError as error:
            logger.debug("Dropped feedback: %s", error)
            return
        with self._going_on("Feedback could not be taken."):
            self._controller.acknowledged(self._log.acknowledge(arrivals, now), now)

    def reported(self, loss: float, rtt_s: float | None) -> None:
        """Take a receiver report: the share of packets lost, and the round trip where it tells."""
        self._controller.reported(loss, rtt_s, self.clock())

    def estimated(self, bitrate: int) -> None:
        """Take the other end's estimate of what it can receive (REMB), bit/s."""
        self._controller.estimated(bitrate, self.clock())

    # Running

    async def close(self) -> None:
        """Send nothing more; may be called again."""
        self._over = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _wake(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="pycall-line")
        elif self._waking is not None and not self._waking.done():
            self._waking.set_result(None)

    async def _run(self) -> None:
        try:
            while True:
                while self._said:
                    with self._going_on("A report could not be sent."):
                        await self._transmit(self._said.popleft())
                now = self.clock()
                with self._going_on("The rate could not be found."):
                    self._controller.tick(self._log.waiting_s(now), now)
                    self._pacer.rate = self._controller.pacing_rate
                for packet in self._pacer.due(now):
                    with self._going_on("A packet could not be sent."):
                        await self._leave(packet)
                if not self._said:
                    await self._sleep(self._pacer.next_at(now), now)
        except ConnectionError:
            pass
        finally:
            self._over = True

    @contextlib.contextmanager
    def _going_on(self, failed: str) -> Iterator[None]:
        """Whatever goes wrong with one packet, those after it pass; it is said once, as it may with each."""
        try:
            yield
        except ConnectionError:
            raise
        except Exception:
            logger.log(logging.DEBUG if self._failed else logging.ERROR, failed, exc_info=True)
            self._failed = True

    async def _sleep(self, until: float | None, now: float) -> None:
        loop = asyncio.get_running_loop()
        waking = self._waking = loop.create_future()
        timer = None
        if until is not None:
            timer = loop.call_later(max(until - now, SHORTEST_SLEEP_S), _set, waking)
        try:
            await waking
        finally:
            if timer is not None:
                timer.cancel()

    async def _leave(self, packet: Leaving | SentPacket | Copy) -> None:
        now = self.clock()
        size = len(packet.data) + WIRE_BYTES
        self._controller.left(size, now)
        self._copies.left(size)
        if isinstance(packet, Copy):
            writer = packet.beside.writer
            copy = packet.beside.write(packet.data, packet.of.sequence, packet.of.octets)
            writer.stamp(copy, now, self._log.sent(size, now) if writer.numbered else None)
            await self._transmit(bytes(copy))
            return
        if isinstance(packet, SentPacket):
            if packet.number is not None:
                self._log.repeated(packet.number)
            self._budget.repaired(size, now)
            await self._transmit(packet.data)
            return
        stream, packet.left_at = packet.stream, now
        number = self._log.sent(size, now) if stream.writer.numbered else None
        stream.writer.stamp(packet.data, now, number)
        data = bytes(packet.data)
        sent = SentPacket(packet.sequence, data, number, now)
        stream.history.sent(sent)
        if (after_s := self._again_after(packet, now)) is not None:
            self._pacer.put_later(sent, size, now + after_s)
        await self._transmit(data)
        stream.left(packet, now)
        if packet.last:
            stream.stages.note("pace", now - packet.ready_at)

    def _again_after(self, packet: Leaving, now: float) -> float | None:
        """After how long a packet leaves once more before anybody asks, where much was lost lately."""
        if self._controller.loss >= DOUBLE_AT_LOSS:
            self._lost_at = now
        if now - self._lost_at >= DOUBLE_FOR_S:
            return None
        if packet.stream.urgent:
            soon = packet.stream.browser and self._controller.clustering <= SCATTERED
            after_s = SECOND_SOUND_SOON_S if soon else SECOND_SOUND_S
            return after_s if self._controller.target >= DOUBLE_FROM else None
        repeats = packet.last and not packet.copied
        return SECOND_END_S if repeats and self._controller.target >= DOUBLE_END_FROM else None


def _set(waking: asyncio.Future[None]) -> None:
    if not waking.done():
        waking.set_result(None)
