"""What comes is counted, timed and handed on, until the end."""

from __future__ import annotations

import time

import pytest

from pycall.client.compat import ReceiverTap
from pycall.client.handover import Handover
from pycall.client.latency import ClockOffset
from pycall.client.reception import Reception
from pycall.client.stages import Kind, Stages
from pycall.client.tracks import Incoming
from pycall.codecs.opus import SoundEncoder
from pycall.core import inputs
from pycall.media.frames import BLOCK, SAMPLE_RATE
from pycall.media.playout.far_end import FarEnd
from tests.client.pair import Taker, painted, tone

PACKET = SoundEncoder().encode(tone(440, 0))
"""20 ms of sound."""


class Captured(ReceiverTap):
    """Knows one moment of capture, by the sender's clock."""

    def __init__(self, at: float | None) -> None:
        self._at = at

    def captured_at(self, pts: int) -> float | None:
        del pts
        return self._at

    def came(self, pts: int) -> tuple[float, float] | None:
        now = time.monotonic()
        return (now - 0.3, now - 0.1) if pts == 90_000 else None


class Rig:
    """A reception and what it hands on."""

    def __init__(
        self,
        captured_at: float | None = None,
        ahead_s: float | None = None,
        *,
        attempt: int = 3,
        handover: Handover | None = None,
        incoming: Incoming | None = None,
    ) -> None:
        clock = ClockOffset()
        if ahead_s is not None:
            clock.add(0.0, ahead_s, 0.0)
        self.taker = Taker()
        self.posted: list[inputs.Input] = []
        self.stages: dict[Kind, Stages] = {"audio": Stages(), "video": Stages()}
        self.reception = Reception(
            attempt,
            incoming or self.taker,
            clock,
            self.stages,
            self.posted.append,
            handover=handover or Handover(),
        )
        self.reception.taps = {"audio": Captured(captured_at), "video": Captured(captured_at)}

    def take(self) -> None:
        """A picture and a packet of sound come."""
        frame = painted(200, (64, 48))
        frame.pts = 90_000
        self.reception.picture_came(frame, time.monotonic())
        self.reception.packet_came(7, 960, PACKET, time.monotonic(), repaired=True)


def test_what_comes_is_handed_on_and_counted_and_the_first_of_each_kind_is_told() -> None:
    rig = Rig()
    rig.take()
    rig.take()
    assert [(frame.width, frame.height) for frame in rig.taker.pictures] == [(64, 48)] * 2
    assert [stamp for stamp, _ in rig.taker.sounds] == [960] * 2
    assert (rig.reception.pictures, rig.reception.samples, rig.reception.size) == (2, 1_920, (64, 48))
    assert rig.posted == [inputs.MediaArrived(3, "video"), inputs.MediaArrived(3, "audio")]


def test_how_long_it_was_on_its_way_takes_both_clocks() -> None:
    now = time.time()  # noqa: TID251  sender reports carry wall clocks
    rig = Rig(captured_at=now + 5 - 0.5, ahead_s=5.0)
    rig.take()
    for kind in ("audio", "video"):
        assert rig.reception.latency[kind].seconds == pytest.approx(0.5, abs=0.4)


@pytest.mark.parametrize(("captured_at", "ahead_s"), [(None, 5.0), (1.0, None)])
def test_nothing_is_said_of_latency_while_one_clock_is_unknown(
    captured_at: float | None, ahead_s: float | None
) -> None:
    rig = Rig(captured_at, ahead_s)
    rig.take()
    assert rig.reception.latency["audio"].seconds is None
    assert rig.reception.latency["video"].seconds is None


def test_when_it_was_captured_is_told_on_our_monotonic_clock() -> None:
    now = time.time()  # noqa: TID251  sender reports carry wall clocks
    rig = Rig(captured_at=now + 5 - 0.5, ahead_s=5.0)
    rig.take()
    [packet] = rig.taker.packets
    for captured_at in (rig.taker.captured_at, packet.captured_at):
        assert captured_at == pytest.approx(time.monotonic() - 0.5, abs=0.4)
    assert (packet.sequence, packet.timestamp, packet.payload, packet.repaired) == (7, 960, PACKET, True)


def test_how_long_it_was_where_is_noted() -> None:
    now = time.time()  # noqa: TID251  sender reports carry wall clocks
    rig = Rig(captured_at=now - 0.5, ahead_s=0.0)
    rig.take()
    pictures = rig.stages["video"].take("way", "repair", "decode")
    assert pictures["repair"] == pytest.approx(0.2)
    assert pictures["decode"] == pytest.approx(0.1, abs=0.09)
    assert pictures["way"] == pytest.approx(0.2, abs=0.09)
    assert rig.stages["audio"].take("way", "repair").keys() == {"way"}


def test_sound_that_aiortc_decoded_is_handed_on_too() -> None:
    rig = Rig()
    rig.reception.sound_came(tone(440, 0), 960, time.monotonic())
    assert [stamp for stamp, _ in rig.taker.sounds] == [960]
    assert rig.taker.packets == []
    assert rig.reception.samples == 960


def test_nothing_is_handed_on_after_the_end() -> None:
    rig = Rig()
    rig.reception.end()
    rig.take()
    assert rig.taker.pictures == []
    assert rig.taker.sounds == []
    assert rig.posted == []
    assert (rig.reception.pictures, rig.reception.samples) == (0, 0)


def test_of_two_connections_at_a_time_the_newer_one_is_handed_on_and_then_the_one_that_is_left() -> None:
    handover = Handover()
    old, new = Rig(attempt=3, handover=handover), Rig(attempt=4, handover=handover)
    for _ in range(3):
        old.take()
    for _ in range(2):
        new.take()
        old.take()
    assert (len(old.taker.packets), len(new.taker.packets)) == (3, 2)
    assert (len(old.taker.pictures), len(new.taker.pictures)) == (3, 2)
    new.reception.end()
    old.take()
    assert (len(old.taker.packets), len(old.taker.pictures)) == (4, 4)


def test_sound_goes_on_while_one_connection_takes_over_from_another() -> None:
    handover, far = Handover(), FarEnd()
    old = Rig(attempt=3, handover=handover, incoming=far).reception
    new = Rig(attempt=4, handover=handover, incoming=far).reception
    encoder = SoundEncoder()
    for number in range(200):  # for a second both bring the same, with different beginnings
        at, payload = number / 50, encoder.encode(tone(440, number))
        if number < 150:
            old.packet_came(number, number * BLOCK, payload, at, repaired=False)
        if number >= 100:
            new.packet_came(number + 7_000, (number + 7_000_000) * BLOCK, payload, at + 0.005, repaired=False)
        far.playout.pull(BLOCK, at + 0.01)
    far.close()
    assert far.playout.concealed < 0.1 * SAMPLE_RATE
