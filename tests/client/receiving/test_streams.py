"""Whole streams over links that lose, reorder and cut, in simulated time."""

from __future__ import annotations

import heapq
import itertools
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycall.client.receiving.nack import MOST_MISSING, Receipt
from pycall.client.receiving.order import MOST_WAITING
from pycall.client.receiving.streams import PictureStream, SoundStream

TICK_S = 0.01
FRAME_S = 1 / 30
ENCODE_S = 0.005
TIMESTAMP = 0xFFFFFF00
"""Where the sender's clock begins."""


@dataclass
class Link:
    """Delivers each packet, or not, after a delay; ``lost`` may depend on the time."""

    seed: int = 1
    delay_s: float = 0.025
    jitter_s: float = 0.0
    loss: float = 0.0
    burst: float = 1.0
    """Packets lost in a row, on average."""
    cut: tuple[float, float] = (-1.0, -1.0)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._losing = False

    def arrives(self, now: float) -> float | None:
        """When a packet that leaves now arrives; ``None`` when it is lost."""
        chance = self._chance.random
        if self._losing and self.loss:
            self._losing = chance() < 1 - 1 / self.burst
        else:
            self._losing = chance() < self.loss / self.burst  # about
        if self._losing or self.cut[0] <= now < self.cut[1]:
            return None
        return now + self.delay_s + self._chance.uniform(-1, 1) * self.jitter_s


@dataclass
class Call:
    """A sender of pictures at one end of a link, and a stream that receives them at the other."""

    link: Link
    start: int = 65_000
    size: int = 4
    key_size: int = 20
    repairing: bool = True
    shown: list[tuple[float, int, bytes]] = field(default_factory=list)
    """When which picture left, and its data."""
    keys: int = 0
    asked: int = 0
    most_waiting: int = 0

    def __post_init__(self) -> None:
        self.stream = PictureStream()
        self.stream.expect(2 * self.link.delay_s, 2 * self.link.delay_s)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = itertools.count()
        self._sent: dict[int, tuple[int, bool, bool]] = {}
        self._repaired_at: dict[int, float] = {}
        self._sequence, self._timestamp = self.start, TIMESTAMP
        self._key_wanted = True
        self._key_sent_at = -1.0
        self._at(0.0, self._send_picture)
        self._at(0.0, self._look)

    def run(self, until: float) -> Call:
        """Go on until that time."""
        while self._events[0][0] < until:
            now, _, happens = heapq.heappop(self._events)
            happens(now)
        return self

    @property
    def freezes(self) -> list[float]:
        """The pauses between pictures."""
        return [after[0] - before[0] for before, after in itertools.pairwise(self.shown)]

    @property
    def delays(self) -> list[float]:
        """From a picture's capture to its leaving."""
        return [at - (stamp - TIMESTAMP) % (1 << 32) / 90_000 for at, stamp, _ in self.shown]

    def _at(self, when: float, happens: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._count), happens))

    def _send_picture(self, now: float) -> None:
        self._at(now + FRAME_S, self._send_picture)
        key = self._key_wanted and now - self._key_sent_at > 0.2
        if key:
            self._key_wanted, self._key_sent_at = False, now
            self.keys += 1
        size = self.key_size if key else self.size
        stamp = self._timestamp + round(now * 90_000)
        for part in range(size):
            self._sent[self._sequence] = (stamp, key and part == 0, part == size - 1)
            self._transmit(self._sequence, now + ENCODE_S)
            self._sequence += 1

    def _transmit(self, number: int, now: float) -> None:
        arrives = self.link.arrives(now)
        if arrives is not None:
            self._at(arrives, lambda then: self._receive(number, then))

    def _receive(self, number: int, now: float) -> None:
        stamp, key, last = self._sent[number]
        self.stream.received(
            number & 0xFFFF, stamp & 0xFFFFFFFF, number.to_bytes(4, "big"), now, last=last, key=key
        )
        self._serve(now)

    def _look(self, now: float) -> None:
        if self.stream.waits(now):
            self._serve(now)
        self._at(now + TICK_S, self._look)

    def _serve(self, now: float) -> None:
        while (picture := self.stream.pop(now)) is not None:
            self.shown.append((now, picture.timestamp, picture.data))
        lost = self.stream.lost(now)
        self.asked += len(lost)
        self.most_waiting = max(self.most_waiting, len(self.stream._order._waiting))
        assert len(self.stream._nacks._missing) <= MOST_MISSING
        if lost and self.repairing:
            self._ask(now, lambda then: self._repair(lost, then))
        if self.stream.wants_key(now):
            self._ask(now, self._want_key)

    def _ask(self, now: float, hears: Callable[[float], None]) -> None:
        arrives = self.link.arrives(now)
        if arrives is not None:
            self._at(arrives, hears)

    def _repair(self, lost: list[int], now: float) -> None:
        first = self.start & 0xFFFF
        for number in lost:
            sent = self.start + ((number - first) & 0xFFFF)
            if now - self._repaired_at.get(sent, -1.0) >= 1.5 * self.link.delay_s:
                self._repaired_at[sent] = now
                self._transmit(sent, now)
                if self.link.loss >= 0.03:  # as our own sender does
                    self._at(now + 0.01, lambda then, sent=sent: self._transmit(sent, then))  # type: ignore[misc]

    def _want_key(self, now: float) -> None:
        del now
        self._key_wanted = True


links = st.builds(
    Link,
    seed=st.integers(0, 2**32),
    delay_s=st.floats(0.03, 0.15),
    jitter_s=st.floats(0, 0.03),
    loss=st.floats(0, 0.3),
    burst=st.floats(1, 8),
)


@settings(max_examples=40, deadline=None)
@given(links, st.integers(0, 0xFFFF), st.integers(1, 20), st.booleans())
def test_pictures_come_in_order_and_every_hole_ends(
    link: Link, start: int, size: int, repairing: bool
) -> None:
    call = Call(link, start, size, key_size=2 * size, repairing=repairing).run(6.0)
    link.loss = 0.0
    call.run(8.5)
    numbers = [
        int.from_bytes(data[at : at + 4], "big") for _, _, data in call.shown for at in range(0, len(data), 4)
    ]
    assert all(after > before for before, after in itertools.pairwise(numbers))
    assert all(after[1] > before[1] for before, after in itertools.pairwise(call.shown))
    assert call.most_waiting <= MOST_WAITING
    assert call.shown[-1][0] > 8.5 - 0.2
    assert call.delays[-1] < ENCODE_S + link.delay_s + 3 * link.jitter_s + 0.02


@pytest.mark.parametrize(
    ("link", "p95_s", "freeze_s"),
    [
        (Link(loss=0.0), 0.031, 0.034),
        (Link(loss=0.01), 0.09, 0.16),
        (Link(loss=0.05), 0.12, 0.22),
        (Link(loss=0.1), 0.12, 0.22),
        (Link(loss=0.05, burst=4), 0.12, 0.35),
        (Link(jitter_s=0.01), 0.042, 0.06),
    ],
    ids=["clean", "1 %", "5 %", "10 %", "bursts", "jitter"],
)
def test_pictures_wait_no_longer_than_repairing_takes(link: Link, p95_s: float, freeze_s: float) -> None:
    call = Call(link).run(60.0)
    delays = statistics.quantiles(call.delays, n=20)
    assert delays[-1] < p95_s
    assert max(call.freezes) < freeze_s
    assert call.keys <= 1 + (link.burst > 1)  # a burst may last longer than a repair is waited for


def test_reordering_is_hardly_taken_for_loss() -> None:
    call = Call(Link(jitter_s=0.01)).run(20.0)
    assert call.asked < 0.05 * len(call._sent)


@pytest.mark.parametrize("seconds", [0.5, 3.0, 8.0])
@pytest.mark.parametrize("size", [1, 4, 20])
def test_after_a_cut_pictures_come_back_within_a_round_trip_and_a_few_frames(
    seconds: float, size: int
) -> None:
    call = Call(Link(cut=(5.0, 5.0 + seconds)), size=size).run(15.0)
    back = next(at for at, _, _ in call.shown if at > 5.0 + seconds)
    assert back - (5.0 + seconds) < 0.2
    assert call.keys == 2
    assert call.delays[-1] < 0.04


def test_a_sender_that_begins_anew_is_followed() -> None:
    stream = PictureStream()
    stream.received(7_000, 90_000, b"x", 0.0, last=True, key=True)
    assert stream.pop(0.0) is not None
    stream.received(7, 9_000_000, b"y", 0.1, last=True, key=True)
    picture = stream.pop(0.1)
    assert picture is not None
    assert picture.data == b"y"
    assert stream.lost(0.1) == []


def test_a_picture_is_whole_with_what_a_stream_of_repairs_brings_of_it() -> None:
    stream = PictureStream()
    stream.received(0xFFFF, 90_000, b"a", 0.0, last=False, key=True)
    stream.received(1, 90_000, b"c", 0.0, last=True, key=False)
    assert stream.pop(0.0) is None
    receipt = stream.received(0, 90_000, b"b", 0.005, last=False, key=False, again=True)
    assert receipt is Receipt.REPAIRED
    picture = stream.pop(0.005)
    assert picture is not None
    assert picture.data == b"abc"


def test_sound_goes_on_at_once_and_is_asked_for_while_it_can_be_in_time() -> None:
    stream = SoundStream()
    stream.expect(0.05, 0.05)
    first, _, receipt = stream.received(0xFFFE, 0xFFFFFFFF - 959, 0.0)
    assert receipt is Receipt.NEW
    number, timestamp, _ = stream.received(1, 1_920, 0.06)
    assert number == first + 3
    assert timestamp == (1 << 33) + 1_920  # from the first one on, it has wrapped around once
    assert [lost & 0xFFFF for lost in stream.lost(0.06)] == [0xFFFF, 0]
    again, _, receipt = stream.received(0xFFFF, 0, 0.12)
    assert (again, receipt) == (first + 1, Receipt.REPAIRED)
    assert stream.waits(0.12)
    assert stream.lost(0.5) == []
    assert not stream.waits(0.5)


def test_after_a_cut_only_the_last_of_the_sound_is_asked_for() -> None:
    stream = SoundStream()
    stream.received(0, 0, 0.0)
    stream.received(200, 200 * 960, 4.0)
    assert [lost & 0xFFFF for lost in stream.lost(4.0)] == list(range(190, 200))


def test_where_nothing_is_repaired_late_sound_was_overtaken_and_nothing_is_waited_for() -> None:
    stream = SoundStream()
    stream.allow(asking=False)
    stream.expect(0.05, 0.05)
    stream.received(0, 0, 0.0)
    stream.received(2, 1_920, 0.02)
    assert stream.lost(0.02) == []
    assert not stream.waits(0.02)
    assert stream.received(1, 960, 0.15)[2] is Receipt.LATE
    stream.received(4, 3_840, 0.2)
    assert stream.lost(1.0) == []
    assert stream.received(3, 2_880, 1.0)[2] is Receipt.REPEATED
