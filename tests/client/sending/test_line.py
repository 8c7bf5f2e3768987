"""One task sends everything a connection has to say; what comes back changes how."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from aiortc.rtp import RtpPacket

from pycall.client.congestion.feedback import Feedback
from pycall.client.sending.copies import CopyStream
from pycall.client.sending.line import (
    DOUBLE_END_FROM,
    DOUBLE_FROM,
    MAX_QUEUED_S,
    SECOND_SOUND_S,
    SECOND_SOUND_SOON_S,
    Leaving,
    Line,
    Stream,
)
from pycall.client.sending.pacer import Priority
from pycall.client.sending.packets import PLAYOUT_DELAY, TRANSPORT_NUMBER, PacketWriter
from pycall.client.stages import Stages
from tests.client.pair import until


class Wire:
    """What left, and a line whose packets come here."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.sent: list[bytes] = []
        self.broken = False
        self.left: list[tuple[int, float]] = []
        self.line = Line(self._transmit, clock)
        writer = PacketWriter(1, 97, {TRANSPORT_NUMBER: 4}, "0")
        self.stream = Stream(writer, self._left, 0, 65_534, Stages())

    async def _transmit(self, packet: bytes) -> None:
        if self.broken:
            raise ConnectionError
        if packet.endswith(b"strange"):
            raise TypeError("nobody thought of that")
        self.sent.append(packet)

    def _left(self, packet: Leaving, now: float) -> None:
        self.left.append((packet.octets, now))

    def send(self, payloads: Sequence[bytes], priority: Priority = Priority.PICTURE) -> bool:
        now = self.line.clock()
        return self.line.send(self.stream.packets(payloads, 0, now, now), priority)

    @property
    def numbers(self) -> list[int]:
        """The RTP sequence numbers of what left."""
        return [RtpPacket.parse(data).sequence_number for data in self.sent]


class Way(Wire):
    """A way of ``rtt_s`` there and back on which sound is sent, in simulated time."""

    def __init__(self, rtt_s: float) -> None:
        super().__init__(lambda: self.now)
        self.now = 100.0
        self.rtt_s = rtt_s
        self._told = self._reports = 0

    async def go(self, seconds: float, *, cut: bool = False) -> list[bool]:
        """Whether the line took the way for silent, each 10 ms."""
        silent = []
        for step in range(round(seconds * 100)):
            self.now += 0.01
            if step % 2 == 0:
                self.send([bytes(80)], Priority.SOUND)
            if step % 5 == 0 and not cut:
                self._tell()
            for _ in range(3):  # the line's task takes its turn
                await asyncio.sleep(0)
            silent.append(self.line.silent)
        return silent

    def _tell(self) -> None:
        """Feedback comes on what left a round trip ago."""
        first, self._told = self._told, sum(at <= self.now - self.rtt_s for _, at in self.left)
        if self._told > first:
            began = self.left[first][1]
            arrivals = tuple((at, self.left[at][1] - began) for at in range(first, self._told))
            reference = round((began - 99.0) / 0.064)
            told = Feedback(first, self._told - first, reference, self._reports & 0xFF, arrivals)
            self._reports += 1
            self.line.acknowledged(told.encode())


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    yield wire
    await wire.line.close()


async def test_what_is_sent_is_numbered_and_counted_and_sound_overtakes_pictures(wire: Wire) -> None:
    wire.send([bytes(1_200)] * 10)
    wire.send([b"sound"], Priority.SOUND)
    await until(lambda: len(wire.sent) == 11)
    assert sorted(wire.numbers, key=lambda number: (number + 2) % 65_536) == [65_534, 65_535, *range(9)]
    assert wire.numbers.index(8) < 3
    assert [octets for octets, _ in wire.left].count(1_200) == 10
    assert [RtpPacket.parse(data).marker for data in wire.sent].count(1) == 2
    assert wire.stream.stages.take("pace")["pace"] >= 0


async def test_a_repair_is_the_same_packet_byte_for_byte_and_costs_pictures(wire: Wire) -> None:
    wire.send([b"one", b"two"])
    await until(lambda: len(wire.sent) == 2)
    before = wire.line.shares()
    wire.line.repair(wire.stream, [65_535, 65_535, 5])
    await until(lambda: len(wire.sent) == 3)
    assert wire.sent[2] == wire.sent[1]
    assert wire.line.shares().pictures < before.pictures
    assert wire.line.figures().repairs > 0


async def test_where_much_is_lost_the_last_packet_of_a_picture_leaves_twice(wire: Wire) -> None:
    wire.line._controller._target = 2 * DOUBLE_END_FROM
    wire.send([b"one", b"two"])
    await until(lambda: len(wire.sent) == 2)
    wire.line.reported(0.05, 0.05)
    wire.send([b"three", b"four", b"five"])
    await until(lambda: len(wire.sent) == 6)
    assert wire.numbers == [65_534, 65_535, 0, 1, 2, 2]
    assert wire.sent[-1] == wire.sent[-2]

    wire.line.estimated(DOUBLE_END_FROM - 1)
    wire.send([b"six"])
    await until(lambda: len(wire.sent) == 7)
    assert wire.line._pacer.next_at(wire.line.clock()) is None
    assert len(wire.left) == 6


async def test_where_much_is_lost_what_is_urgent_leaves_twice_and_the_rest_once(wire: Wire) -> None:
    wire.stream.urgent = True
    wire.send([b"one"], Priority.SOUND)
    await until(lambda: len(wire.sent) == 1)
    wire.line.reported(0.05, 0.05)
    assert wire.line.figures().target >= DOUBLE_FROM
    wire.send([b"two"], Priority.SOUND)
    await until(lambda: len(wire.sent) == 3)
    wire.stream.urgent = False
    wire.send([b"three"])
    await until(lambda: len(wire.sent) == 4)
    wire.stream.urgent = True
    wire.line.estimated(DOUBLE_FROM - 1)
    wire.send([b"four"], Priority.SOUND)
    await until(lambda: len(wire.sent) == 5)

    assert wire.line._pacer.next_at(wire.line.clock()) is None
    assert wire.numbers == [65_534, 65_535, 65_535, 0, 1]
    assert wire.sent[1] == wire.sent[2]
    assert len(wire.left) == 4


@pytest.mark.parametrize("browser", [True, False])
async def test_what_is_urgent_leaves_again_sooner_for_a_browser(*, browser: bool) -> None:
    wire = Wire(lambda: 100.0)
    wire.stream.urgent, wire.stream.browser = True, browser
    wire.line.reported(0.05, 0.05)
    wire.send([b"one"], Priority.SOUND)
    try:
        await until(lambda: len(wire.sent) == 1)
        after_s = SECOND_SOUND_SOON_S if browser else SECOND_SOUND_S
        assert wire.line._pacer.next_at(100.0) == 100.0 + after_s
    finally:
        await wire.line.close()


async def test_where_something_is_lost_each_packet_of_a_picture_has_its_copy_behind_it(wire: Wire) -> None:
    ids = {TRANSPORT_NUMBER: 4, PLAYOUT_DELAY: 5}
    wire.stream.writer = PacketWriter(1, 97, ids, "0")
    wire.stream.copies = CopyStream(PacketWriter(2, 98, {TRANSPORT_NUMBER: 4}, "0"), 7)
    wire.line._controller._target = 4_000_000
    wire.send([b"one", b"two"])
    await until(lambda: len(wire.sent) == 2)
    wire.line.reported(0.05, 0.05)
    wire.send([b"three", b"four", b"five"])
    wire.send([b"six"])
    await until(lambda: len(wire.sent) == 10)

    packets = [RtpPacket.parse(data) for data in wire.sent]
    assert [packet.ssrc for packet in packets] == [1, 1, *[1, 2] * 4]
    numbers = [int.from_bytes(packet.payload[:2], "big") for packet in packets if packet.ssrc == 2]
    assert numbers == [packet.sequence_number for packet in packets if packet.ssrc == 1][2:]
    assert [packet.sequence_number for packet in packets if packet.ssrc == 2] == [7, 8, 9, 10]
    assert len(wire.left) == 6
    assert wire.line._pacer.next_at(wire.line.clock()) is None
    assert wire.line.figures().repairs == 0
    assert bytes.fromhex("52001005") in wire.sent[-2]


async def test_copies_of_pictures_that_do_not_leave_any_more_are_dropped_with_them(wire: Wire) -> None:
    wire.stream.copies = CopyStream(PacketWriter(2, 98, {}, "0"), 0)
    wire.line._controller._target = 1_000_000
    wire.line.reported(0.05, 0.05)
    wire.send([bytes(100)])
    for _ in range(3):
        wire.send([bytes(100)] * 2)
    first = wire.stream.sequence
    assert wire.line.drop_pictures()
    assert wire.stream.sequence == (first - 7) & 0xFFFF
    assert wire.line.figures().queued_s == 0


async def test_what_arrived_makes_the_line_faster_and_garbage_does_not_matter(wire: Wire) -> None:
    target, began = wire.line.figures().target, time.monotonic()
    for number in range(300):
        if wire.line.figures().target > target:
            break
        wire.send([bytes(1_200)] * 2)
        await until(lambda number=number: len(wire.sent) == 2 * number + 2)  # type: ignore[misc]
        arrivals = tuple((2 * number + at, wire.left[2 * number + at][1] - began) for at in range(2))
        wire.line.acknowledged(Feedback(2 * number, 2, 1, number & 0xFF, arrivals).encode())
        wire.line.acknowledged(b"\xff" * number)
    assert wire.line.figures().target > target
    assert wire.line.figures().rtt_s is not None


@pytest.mark.parametrize("rtt_s", [0.05, 0.75, 0.8, 0.85, 1.0, 1.5])
async def test_a_path_that_falls_silent_is_noticed_and_one_that_is_only_long_is_not(rtt_s: float) -> None:
    way = Way(rtt_s)
    try:
        assert not any(await way.go(3.0, cut=True))  # it never spoke
        assert not any((await way.go(8.0))[20:])
        assert (await way.go(4.0, cut=True))[-1]
        assert not any((await way.go(4.0))[20:])
    finally:
        await way.line.close()


async def test_reports_and_estimates_tell_where_no_arrivals_are_told(wire: Wire) -> None:
    target = wire.line.figures().target
    wire.line.estimated(target // 2)
    assert wire.line.figures().target <= target // 2
    wire.line.reported(0.25, 0.08)
    assert wire.line.figures().loss == 0.25
    assert wire.line.rtt_s == 0.08


async def test_a_line_that_is_full_says_so_until_it_is_empty(wire: Wire) -> None:
    assert not wire.line.full
    wire.send([bytes(1_200)] * 30)
    assert wire.line.full
    assert wire.line.figures().queued_s > MAX_QUEUED_S
    await until(lambda: not wire.line.full)
    assert len(wire.sent) > 10


async def test_reports_leave_before_anything_else(wire: Wire) -> None:
    wire.send([bytes(1_200)] * 5)
    wire.line.say(b"report")
    await until(lambda: len(wire.sent) == 6)
    assert wire.sent[0] == b"report"


async def test_when_the_connection_is_gone_senders_are_told(wire: Wire) -> None:
    wire.broken = True
    wire.send([b"lost"])
    assert wire.line._task is not None
    await asyncio.wait([wire.line._task])
    with pytest.raises(ConnectionError):
        wire.send([b"lost"])
    wire.line.say(b"nobody hears it")
    assert wire.sent == []


async def test_a_packet_that_cannot_leave_costs_itself_only_and_is_told_once(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    wire.line.say(b"strange")
    wire.send([b"strange", b"strange", b"good"])
    wire.send([b"sound"], Priority.SOUND)
    with caplog.at_level(logging.ERROR):
        await until(lambda: len(wire.sent) == 2)
    assert len(caplog.records) == 1


async def test_feedback_that_cannot_be_taken_ends_nothing_and_is_told_once(
    wire: Wire, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def acknowledged(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(wire.line._controller, "acknowledged", acknowledged)
    wire.send([b"one"])
    await until(lambda: wire.left)
    with caplog.at_level(logging.ERROR):
        for number in range(3):
            wire.line.acknowledged(Feedback(0, 1, 1, number, ((0, 0.0),)).encode())
    assert len(caplog.records) == 1


async def test_nothing_is_left_after_the_end_and_closing_twice_is_fine() -> None:
    wire = Wire()
    wire.send([b"something"])
    await wire.line.close()
    await wire.line.close()
    await Wire().line.close()
