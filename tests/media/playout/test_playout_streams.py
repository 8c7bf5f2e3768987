"""What other senders may bring to the playout: odd packets, several streams, clocks that are set or off."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

import av
import numpy as np
import pytest

from pycall.codecs.libopus import LibopusEncoder
from pycall.codecs.library import load
from pycall.codecs.opus import open_decoder
from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples
from pycall.media.playout.lips import EARLY_S, Lips
from pycall.media.playout.packets import MOST
from pycall.media.playout.playout import BOUND, Playout
from tests.codecs.voice import likeness, voice
from tests.media.playout.wire import BLOCK_S, Heard, Packet, Wire, encode

LONGEST = 5_760
FRAME_S = 1 / 30


@pytest.fixture(scope="module")
def spoken() -> list[bytes]:
    """Twenty seconds of a voice."""
    return encode(voice(20.0), loss=0)


def stereo(left: Samples, right: Samples) -> list[bytes]:
    """Packets of 20 ms with two channels, as browsers may send them."""
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = SAMPLE_RATE, "stereo", "s16"
    packets = []
    for at in range(0, len(left), BLOCK):
        both = np.stack((left[at : at + BLOCK], right[at : at + BLOCK]), axis=1).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(both, format="s16", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets


def play(packets: list[Packet], seconds: float) -> Heard:
    """Play ``packets`` as they come."""
    heard, coming = Heard(Playout()), iter(sorted(packets, key=lambda packet: packet.arrival))
    upcoming = next(coming, None)
    for step in range(int(seconds / BLOCK_S)):
        now = 0.013 + step * BLOCK_S
        while upcoming is not None and upcoming.arrival <= now:
            heard.playout.packet(upcoming)
            upcoming = next(coming, None)
        heard.sound.append(heard.playout.pull(BLOCK, now))
        heard.captured.append(heard.playout.capture_time_playing(now))
        heard.delays.append(heard.playout.delay_s)
        assert 0 <= heard.playout.held_s <= BOUND / SAMPLE_RATE
        assert len(heard.playout._unpacker.shelf) <= MOST
    return heard


def test_packets_of_120_ms_are_played() -> None:
    library = load("opus")
    assert library is not None
    encoder, sound = LibopusEncoder(library, 5), voice(9.6)
    encoder.set_bitrate(40_000)
    packets = [
        Packet(n, at, encoder.encode(sound[at : at + LONGEST]), (at + LONGEST) / SAMPLE_RATE)
        for n, at in enumerate(range(0, len(sound), LONGEST))
    ]
    heard = play(packets, 9.5)

    assert heard.playout.concealed <= LONGEST
    assert likeness(sound[48_000:57_600], heard.samples[48_000:72_000]) > 0.7


def test_two_channels_are_played_as_one() -> None:
    left, right = voice(5.0), voice(5.0, 210.0)
    packets = stereo(left, right)
    assert all(packet[0] & 4 for packet in packets)  # RFC 6716 section 3.1
    heard = Wire().play(packets)

    mixed = (left.astype(np.int32) + right) // 2
    assert heard.concealed == 0
    assert likeness(mixed[48_000:57_600].astype(np.int16), heard.samples[48_000:72_000]) > 0.9


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_garbage_among_the_packets_costs_its_own_length(spoken: list[bytes], share: float) -> None:
    random, clean = Random(1), Wire().play(spoken)
    payloads = [
        random.randbytes(random.randrange(1, 200)) if number < 850 and random.random() < share else payload
        for number, payload in enumerate(spoken)
    ]
    heard = Wire().play(payloads)

    assert heard.concealed < 2 * share
    assert heard.delays[-1] < 0.060
    assert likeness(clean.samples[-48_000:-38_400], heard.samples[-60_000:-24_000]) > 0.95


@pytest.mark.parametrize("swapped", [1, 3])
def test_of_two_streams_at_a_time_nothing_is_left_behind(spoken: list[bytes], swapped: int) -> None:
    """Their clocks have nothing in common; after four seconds one of them ends."""
    packets = []
    for number, payload in enumerate(spoken[:400]):
        arrival, second = (number + 1) * BLOCK_S, number // swapped % 2
        if number < 200 and second:
            packets.append(Packet(9_000 + number, 700_000_000 + number * BLOCK, payload, arrival, arrival))
        else:
            packets.append(Packet(number, number * BLOCK, payload, arrival, arrival))
    heard = play(packets, 8.0)

    counted = heard.playout.concealed
    assert 0 <= counted <= 4.2 * SAMPLE_RATE
    assert 0.025 < heard.delays[-1] < 0.060
    assert heard.captured[-1] is not None
    clean = Wire().play(spoken[:400]).samples
    assert likeness(clean[-48_000:-38_400], heard.samples[-60_000:-24_000]) > 0.95


@pytest.mark.parametrize("step", [-3_600.0, -0.4, 0.4, 3_600.0])
def test_a_clock_that_is_set_costs_no_sound_and_delays_no_picture_for_long(
    spoken: list[bytes], step: float
) -> None:
    """The times of capture jump by ``step`` after five seconds, in pictures and sound alike."""
    packets = [
        Packet(number, number * BLOCK, payload, sent + BLOCK_S, sent - 0.030 + step * (sent >= 5.0))
        for number, payload in enumerate(spoken[:500])
        for sent in [number * BLOCK_S]
    ]
    playout, lips, shown = Playout(), Lips(), dict[float, float]()
    pictured_at = 0.0
    for tick in range(500):
        now = 0.013 + tick * BLOCK_S
        while packets and packets[0].arrival <= now:
            playout.packet(packets.pop(0))
        playout.pull(BLOCK, now)
        if now - pictured_at < FRAME_S:
            continue
        pictured_at = now
        playing = playout.capture_time_playing(now)
        heard_s = None if playing is None else now + 0.1 - playing  # a speaker of 100 ms
        captured_at = now - 0.020 + step * (now >= 5.0)
        at = lips.show_at(captured_at, now, heard_s=heard_s, held_s=playout.delay_s)
        playout.at_least_s = lips.floor_s
        shown[now] = at - now
    before = [wait for now, wait in shown.items() if 4.0 < now < 5.0]
    after = [wait for now, wait in shown.items() if now > 6.5]

    assert playout.concealed == 0
    assert max(before) - min(before) < 0.020
    assert before[-1] > EARLY_S
    assert after == pytest.approx([before[-1]] * len(after), abs=0.015)
    assert playout.at_least_s == 0.0


class Cheap:
    """Stands where Opus stood: a tone that goes on, so that minutes take a moment."""

    def __init__(self) -> None:
        self._at = 0

    def decode(self, packet: bytes) -> Samples:
        del packet
        return self.conceal(BLOCK)

    def recover(self, packet: bytes, count: int) -> None:
        del packet, count

    def conceal(self, count: int) -> Samples:
        at = np.arange(self._at, self._at + count)
        self._at += count
        tone: Samples = np.rint(8_000 * np.sin(2 * np.pi * 200 * at / SAMPLE_RATE)).astype(np.int16)
        return tone

    def reset(self) -> None:
        self._at = 0


@pytest.mark.parametrize("drift", [-0.01, 0.01])
@pytest.mark.parametrize(("decoder", "times"), [(open_decoder, 1), (Cheap, 9)])
def test_packets_of_a_clock_that_is_off_are_played_without_a_trace(
    monkeypatch: pytest.MonkeyPatch,
    spoken: list[bytes],
    drift: float,
    decoder: Callable[[], object],
    times: int,
) -> None:
    monkeypatch.setattr("pycall.media.playout.playout.open_decoder", decoder)
    heard = Wire(drift=drift).play(spoken * times)
    played = [captured for captured in heard.captured if captured is not None]

    assert len(played) > 0.99 * len(heard.sound)
    assert heard.concealed < 0.001
    assert all(0.025 < delay < 0.065 for delay in heard.delays[100:])
    assert all(0 < later - sooner < 0.045 for sooner, later in pairwise(played))
    assert heard.playout.held_s < 0.1
