"""Pictures leave encoded, fewer and smaller where the path is narrow, and never to grow old in a queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from fractions import Fraction

import pytest

from pycall.client.sending.failures import MOST
from pycall.client.sending.ladder import Rung
from pycall.client.sending.line import Leaving, Line, Stream
from pycall.client.sending.pacer import Priority
from pycall.client.sending.packets import PacketWriter
from pycall.client.sending.pictures import KEY_EVERY_S, FrameRate, PictureSender
from pycall.client.stages import Stages
from pycall.codecs.vp8 import SteppingVp8Encoder, Vp8Encoder, key_picture_size
from pycall.errors import MediaError
from tests.client.pair import painted, until


class Rig:
    """A sender whose encoded pictures are kept."""

    def __init__(self, fps: float = 30) -> None:
        self.fps = fps
        self.encoded: list[bytes] = []
        self.left: list[Leaving] = []
        self.skipped_s = 0.0
        self.line = Line(self._transmit, lambda: time.monotonic() + self.skipped_s)
        self.stages = Stages()
        writer = PacketWriter(1, 97, {}, "0")
        stream = Stream(writer, lambda packet, _: self.left.append(packet), 500, 0, self.stages)
        self.sender = PictureSender(self.line, stream, "VP8", self._packetize, fps)
        self._number = 0
        self._began = time.monotonic()

    async def _transmit(self, packet: bytes) -> None:
        pass

    def _packetize(self, data: bytes) -> list[bytes]:
        self.encoded.append(data)
        return [data[at : at + 1_200] for at in range(0, len(data), 1_200)]

    async def send(self, size: tuple[int, int] = (320, 240)) -> None:
        frame = painted(40 + self._number % 150, size)
        frame.pts, frame.time_base = round(self._number * 90_000 / self.fps), Fraction(1, 90_000)
        await self.sender.send(frame, self._began + self._number / self.fps)
        self._number += 1

    async def left_some(self) -> None:
        """Wait until something has left."""
        await until(lambda: self.left)

    async def left_all(self) -> None:
        """Wait until all that was encoded has left."""
        await until(lambda: sum(packet.last for packet in self.left) == len(self.encoded))

    @property
    def keys(self) -> list[int]:
        """Which of the encoded pictures are key pictures."""
        return [at for at, data in enumerate(self.encoded) if key_picture_size(data) is not None]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    rig.sender.close()
    await rig.line.close()


async def test_pictures_leave_with_their_times(rig: Rig) -> None:
    for _ in range(5):
        await rig.send()
    await until(lambda: sum(packet.last for packet in rig.left) == 5)
    assert sorted({packet.timestamp for packet in rig.left}) == [500 + 3_000 * at for at in range(5)]
    assert rig.keys == [0]
    assert key_picture_size(rig.encoded[0]) == (320, 240)
    assert set(rig.stages.take("wait", "encode", "pace")) == {"wait", "encode", "pace"}


async def test_a_key_picture_is_made_when_asked_for_but_not_again_while_one_is_on_its_way(rig: Rig) -> None:
    await rig.send()
    await rig.left_all()
    now = rig.line.clock()
    rig.sender.ask_key(now)
    await rig.send()
    rig.sender.ask_key(now + KEY_EVERY_S + 0.1)
    rig.sender.ask_key(now + KEY_EVERY_S + 0.1)
    await rig.send()
    await rig.send()
    assert rig.keys == [0, 2]


async def test_a_key_picture_is_on_its_way_until_the_last_of_it_left_and_could_arrive(rig: Rig) -> None:
    rig.line.clock = lambda: 100.0  # so that what is paced does not leave
    await rig.send((640, 480))
    rig.sender.ask_key(102.0)
    rig.line.clock = lambda: 102.0
    await rig.left_all()
    rig.sender.ask_key(102.0 + KEY_EVERY_S - 0.01)
    await rig.send((640, 480))
    assert rig.keys == [0]
    rig.sender.ask_key(102.0 + KEY_EVERY_S + 0.01)
    await rig.send((640, 480))
    assert rig.keys == [0, 2]


async def test_who_asks_while_a_key_picture_is_encoded_gets_that_one(rig: Rig) -> None:
    sending = asyncio.create_task(rig.send((640, 480)))
    await asyncio.sleep(0)
    rig.sender.ask_key(rig.line.clock())
    await sending
    await rig.send((640, 480))
    assert rig.keys == [0]


async def test_when_a_cut_is_over_a_key_picture_begins_anew_in_the_same_size(rig: Rig) -> None:
    await rig.send((640, 480))
    await rig.left_all()
    rig.skipped_s = KEY_EVERY_S + 0.1
    rig.sender._unheard = True
    await rig.send((640, 480))
    await rig.send((640, 480))
    assert rig.keys == [0, 1]
    assert key_picture_size(rig.encoded[1]) == (640, 480)


async def test_a_path_that_is_back_again_and_again_gets_no_storm_of_key_pictures(rig: Rig) -> None:
    rig.line.clock = lambda: 100.0
    for _ in range(6):
        await rig.send()
        rig.sender._unheard = True
    assert rig.keys == [0]


async def test_after_an_encoding_failed_the_next_picture_is_a_key_picture(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.send()
    await rig.send()
    encoder = rig.sender._encoder
    assert encoder is not None
    monkeypatch.setattr(encoder, "encode", _fail)
    await rig.send()
    await rig.send()
    await rig.send()
    assert rig.sender._encoder is not encoder
    assert rig.keys == [0, 2]
    assert len(rig.encoded) == 4


async def test_when_encoding_fails_again_and_again_it_is_done_by_av(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Vp8Encoder, "encode", _fail)
    for _ in range(MOST + 2):
        await rig.send()
    assert isinstance(rig.sender._encoder, SteppingVp8Encoder)
    assert rig.keys == [0]
    assert len(rig.encoded) == 2


def _fail(*_: object, **__: object) -> bytes:
    raise MediaError("nobody knows why")


async def test_no_encoder_begins_after_the_end(rig: Rig) -> None:
    frame = painted(50, (320, 240))
    rig.sender._free()
    assert rig.sender._encode(frame, Rung(320, 240, 30, 0), 500_000, key=False) == (b"", False)
    assert rig.sender._encoder is None


async def test_when_the_rate_collapses_what_waits_is_dropped_and_a_key_picture_begins_anew(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.line.clock = lambda: 100.0  # so that what is paced does not leave
    await rig.send((640, 480))
    await rig.left_some()
    await rig.send((640, 480))
    await rig.send((640, 480))
    assert rig.keys == [0]
    shares = rig.line.shares()
    monkeypatch.setattr(rig.line, "shares", lambda: replace(shares, pictures=shares.pictures // 3))
    await rig.send((640, 480))
    assert rig.keys == [0, 3]
    for at in range(100):
        rig.line.clock = lambda at=at: 101.0 + at / 10  # type: ignore[misc]
        rig.line._wake()
        await asyncio.sleep(0.001)
    await until(lambda: rig.line.figures().queued_s == 0)
    sequences = [packet.sequence for packet in rig.left]
    assert sequences == list(range(len(sequences)))
    assert [packet.timestamp for packet in rig.left if packet.last] == [500, 500 + 3 * 3_000]


async def test_the_ladder_steps_down_while_the_line_is_full(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.send((640, 480))
    shares = rig.line.shares()
    monkeypatch.setattr(rig.line, "shares", lambda: replace(shares, pictures=100_000))
    monkeypatch.setattr(Line, "full", property(lambda _: True))
    for step in range(10):
        rig.skipped_s = step / 2
        await rig.send((640, 480))
    assert rig.sender._ladder is not None
    assert rig.sender._ladder[1].rung.width < 640


async def test_another_size_begins_with_a_key_picture(rig: Rig) -> None:
    await rig.send()
    await rig.send((640, 480))
    assert [key_picture_size(data) for data in rig.encoded] == [(320, 240), (640, 480)]


async def test_a_picture_is_left_out_while_those_before_it_still_wait(rig: Rig) -> None:
    await rig.send()
    stream = rig.sender._stream
    now = time.monotonic()
    rig.line.send(stream.packets([bytes(1_200)] * 100, 0, now, now), Priority.PICTURE)
    await rig.send()
    assert rig.line.figures().skipped == 1
    assert len(rig.encoded) == 1


@pytest.mark.parametrize(
    ("source", "wanted"), [(30, 15), (30, 30), (60, 60), (60, 30), (15, 30), (10, 30), (30, 20)]
)
def test_of_what_comes_as_many_are_wanted_as_shall_be_sent(source: int, wanted: int) -> None:
    rate, sent = FrameRate(30), 0
    for number in range(10 * source):
        captured_at = 5.0 + number / source + (number % 3) / 1_000
        rate.came(captured_at)
        sent += rate.wants(captured_at, wanted)
    assert sent / 10 == pytest.approx(min(source, wanted), rel=0.05)
    assert rate.fps == pytest.approx(source, rel=0.1)


def test_a_pause_of_the_source_is_no_slow_one() -> None:
    rate = FrameRate(30)
    for captured_at in (1.0, 1.033, 9.0, 9.033):
        rate.came(captured_at)
        assert rate.wants(captured_at, 30)
    assert rate.fps == pytest.approx(30, rel=0.05)


def test_a_picture_a_second_is_what_was_meant_and_no_pause() -> None:
    rate = FrameRate(1)
    for number in range(20):
        rate.came(5.0 + 1.1 * number)
        assert rate.wants(5.0 + 1.1 * number, 1)
    assert rate.fps == pytest.approx(1 / 1.1, rel=0.05)


async def test_sixty_pictures_a_second_are_sent_when_so_many_are_meant_to_come() -> None:
    rig = Rig(60)
    try:
        for _ in range(12):
            await rig.send()
            await until(lambda: not rig.line.full)
        assert len(rig.encoded) == 12
    finally:
        rig.sender.close()
        await rig.line.close()
