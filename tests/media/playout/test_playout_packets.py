"""A voice in real packets over a bad network, in simulated time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycall.codecs import opus
from pycall.codecs.libopus import LibopusEncoder
from pycall.codecs.library import load
from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples
from pycall.media.playout.packets import MOST
from pycall.media.playout.playout import BOUND, Playout
from tests.codecs.voice import voice
from tests.media.playout.wire import (
    BLOCK_S,
    FIRST_SEQUENCE,
    FIRST_TIMESTAMP,
    WAY_S,
    Heard,
    Packet,
    Wire,
    bursts,
    encode,
    random_loss,
)

SET_DTX = 4_016
REPAIR_S = 0.050
"""From the next packet's coming to that of the repair: a round trip of 50 ms."""


@pytest.fixture(scope="module")
def speech(speech_wav: Path) -> Samples:
    """Half a minute of it."""
    with av.open(str(speech_wav)) as source:
        spoken = np.concatenate([frame.to_ndarray().ravel() for frame in source.decode(audio=0)])
    samples: Samples = np.tile(spoken, 4)[: 30 * SAMPLE_RATE].astype(np.int16)
    return samples


@pytest.fixture(scope="module")
def protected(speech: Samples) -> list[bytes]:
    """The speech with redundancy."""
    return encode(speech, loss=10)


@pytest.fixture(scope="module")
def bare(speech: Samples) -> list[bytes]:
    """And without."""
    return encode(speech, loss=0)


def intelligibility(speech: Samples, heard: Heard) -> float:
    """STOI of what was heard against what was said, after the first second, for 18 seconds."""
    from pystoi import stoi  # with it comes SciPy, for which who runs other tests would wait

    said = speech[SAMPLE_RATE : 19 * SAMPLE_RATE].astype(np.float64)
    line = heard.in_time.astype(np.float64)
    look_ahead = 312  # samples the encoder looks ahead
    return float(stoi(said, line[SAMPLE_RATE + look_ahead :][: len(said)], SAMPLE_RATE))


def test_on_a_good_network_nothing_is_made_up_and_the_delay_is_small(bare: list[bytes]) -> None:
    heard = Wire().play(bare)

    assert (heard.concealed, heard.recovered) == (0, 0)
    assert heard.delay_s < 0.050


@pytest.mark.parametrize(("share", "least"), [(0.05, 0.97), (0.10, 0.95)])
def test_redundancy_keeps_speech_intelligible(
    speech: Samples, protected: list[bytes], bare: list[bytes], share: float, least: float
) -> None:
    lost = random_loss(share)
    better, worse = Wire(lost).play(protected), Wire(lost).play(bare)

    assert intelligibility(speech, better) > max(least, intelligibility(speech, worse) + 0.015)
    assert better.recovered > 2 * better.concealed > 0
    assert worse.concealed == pytest.approx(share, rel=0.3)
    assert better.delay_s < 0.050


@pytest.mark.parametrize(
    ("lost", "repair_s", "concealed", "delay_s"),
    [
        (random_loss(0.01), REPAIR_S, 0.006, 0.060),
        (random_loss(0.05), REPAIR_S, 0.012, 0.095),
        (random_loss(0.05), 0.070, 0.013, 0.105),
        (random_loss(0.10), REPAIR_S, 0.025, 0.115),
        (random_loss(0.10), 0.070, 0.025, 0.115),
    ],
)
def test_repairs_are_waited_for_where_much_is_lost(
    protected: list[bytes],
    lost: Callable[[Random, int], bool],
    repair_s: float,
    concealed: float,
    delay_s: float,
) -> None:
    heard = Wire(lost, repair_s=repair_s).play(protected)

    assert heard.concealed < concealed
    assert heard.delay_s < delay_s
    assert max(heard.targets) <= 0.120


def test_bursts_among_the_packets_of_a_picture_are_bridged(protected: list[bytes]) -> None:
    heard = Wire(bursts(0.05, 4, spread=5), repair_s=REPAIR_S).play(protected)

    assert heard.concealed < 0.018
    assert heard.delay_s < 0.115


def test_repairs_that_take_too_long_are_not_waited_for(bare: list[bytes]) -> None:
    heard = Wire(random_loss(0.05), repair_s=0.200).play(bare)

    assert max(heard.targets) == 0.040


def test_when_the_loss_ends_the_delay_comes_down_again(bare: list[bytes]) -> None:
    heard = Wire(lambda random, number: number < 500 and random.random() < 0.1, repair_s=REPAIR_S).play(bare)

    assert max(heard.targets[:500]) > 0.080
    assert heard.targets[-1] == 0.040
    assert heard.delays[-1] < 0.055


def test_jitter_is_bridged(protected: list[bytes]) -> None:
    heard = Wire(late=lambda random, _: random.uniform(0.0, 0.020)).play(protected)

    assert heard.concealed < 0.001
    assert heard.delay_s < 0.065


def test_packets_in_the_wrong_order_are_played_in_the_right_one(speech: Samples, bare: list[bytes]) -> None:
    heard = Wire(late=lambda _, number: 0.025 if number % 5 == 0 else 0.0).play(bare)

    assert heard.concealed < 0.002
    assert intelligibility(speech, heard) > 0.97


@pytest.mark.parametrize("pulled", [128, 480, 1_024, 4_096])
def test_any_sound_card_is_served(protected: list[bytes], pulled: int) -> None:
    heard = Wire(random_loss(0.02), pulled=pulled).play(protected[:500])

    assert {len(sound) for sound in heard.sound} == {pulled}
    assert heard.concealed < 0.02


def test_without_the_library_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, speech: Samples, protected: list[bytes]
) -> None:
    monkeypatch.setattr(opus, "libopus", lambda: None)
    heard = Wire(random_loss(0.05)).play(protected)

    assert heard.recovered == 0
    assert heard.concealed == pytest.approx(0.05, rel=0.3)
    assert intelligibility(speech, heard) > 0.90


def test_a_sender_that_pauses_is_heard_as_noise_and_not_as_loss() -> None:
    library = load("opus")
    assert library is not None
    encoder = LibopusEncoder(library, 8)
    encoder.set_bitrate(32_000)
    encoder._set(SET_DTX, 1)
    hum = np.random.default_rng(1).normal(0, 30, 10 * SAMPLE_RATE).astype(np.int16)
    sound = np.concatenate((voice(1.0), hum, voice(1.0)))
    playout, random, sequence, packets = Playout(), Random(1), FIRST_SEQUENCE, []
    paused = False
    for number in range(len(sound) // BLOCK):
        payload = encoder.encode(sound[number * BLOCK : (number + 1) * BLOCK])
        silent, paused = paused and len(payload) <= 2, len(payload) <= 2
        if not silent:  # WebRTC sends the first packet of a pause, and then none
            arrival = (number + 1) * BLOCK_S + WAY_S + random.uniform(0, 0.005)
            packets.append(Packet(sequence, FIRST_TIMESTAMP + number * BLOCK, payload, arrival))
            sequence += 1
    heard = []
    for step in range(len(sound) // BLOCK):
        now = 0.013 + step * BLOCK_S
        while packets and packets[0].arrival <= now:
            playout.packet(packets.pop(0))
        heard.append(playout.pull(BLOCK, now))

    assert sequence - FIRST_SEQUENCE < 300
    assert playout.concealed < 0.1 * SAMPLE_RATE
    quiet = np.concatenate(heard[200:500])
    assert 0 < np.abs(quiet).mean() < 200
    assert playout.delay_s < 0.060


@pytest.mark.parametrize("milliseconds", [2.5, 5, 10, 20, 40, 60])
def test_packets_of_any_length_are_played(milliseconds: float) -> None:
    library = load("opus")
    assert library is not None
    encoder, length = LibopusEncoder(library, 5), int(milliseconds * 48)
    encoder.set_bitrate(40_000)
    sound, playout = voice(4.0), Playout()
    packets = [
        Packet(n, n * length, encoder.encode(sound[n * length : (n + 1) * length]), (n + 1) * length / 48_000)
        for n in range(len(sound) // length)
    ]
    for step in range(190):
        now = 0.013 + step * BLOCK_S
        while packets and packets[0].arrival <= now:
            playout.packet(packets.pop(0))
        playout.pull(BLOCK, now)

    assert playout.concealed < 0.1 * SAMPLE_RATE
    assert playout.held_s <= BOUND / SAMPLE_RATE


def test_the_time_of_capture_is_known_of_what_is_played(bare: list[bytes]) -> None:
    heard = Wire(random_loss(0.02), repair_s=REPAIR_S).play(bare[:500])
    now = 0.013 + (len(heard.sound) - 1) * BLOCK_S
    captured = heard.captured[-1]

    assert captured is not None
    assert now - captured == pytest.approx(WAY_S + BLOCK_S + heard.delays[-1], abs=0.012)
    assert heard.playout.capture_time_playing(now + 0.010) == pytest.approx(captured + 0.010)
    assert heard.playout.capture_time_playing(now + 5) is None
    assert heard.captured[0] is None


def test_while_nothing_comes_no_time_of_capture_is_told(bare: list[bytes]) -> None:
    playout = Wire(lambda _, number: number > 50).play(bare[:100]).playout

    assert playout.capture_time_playing(2.0) is None


@pytest.mark.parametrize("floor", [0.080, 0.200])
def test_sound_can_be_held_for_its_pictures(bare: list[bytes], floor: float) -> None:
    playout = Playout()
    playout.at_least_s = floor
    heard = Wire().play(bare[:500], playout)

    assert heard.delays[-1] == pytest.approx(floor, abs=0.015)
    assert heard.concealed == 0


def test_another_stream_is_a_new_beginning(bare: list[bytes]) -> None:
    playout = Playout()
    for number, payload in enumerate(bare[:200]):
        jump = 7_000_000_000 if number >= 100 else 0
        playout.packet(Packet(number + jump, number * BLOCK + jump, payload, (number + 1) * BLOCK_S))
        playout.pull(BLOCK, (number + 1) * BLOCK_S + 0.001)

    assert playout.concealed <= 5 * BLOCK
    assert playout.delay_s < 0.060


def test_between_two_streams_nothing_is_held(bare: list[bytes]) -> None:
    playout = Wire().play(bare[:100]).playout
    assert playout.delay_s > 0.025
    playout.packet(Packet(9_000, FIRST_TIMESTAMP + 7_000_000, bare[0], 2.010))

    assert playout.delay_s == 0.0
    assert playout.capture_time_playing(2.010) is None
    for number in range(1, 20):
        playout.pull(BLOCK, 2.0 + number * BLOCK_S)
        playout.packet(
            Packet(
                9_000 + number,
                FIRST_TIMESTAMP + 7_000_000 + number * BLOCK,
                bare[number],
                2.01 + number * BLOCK_S,
            )
        )
    assert 0.025 < playout.delay_s < 0.055


def test_a_late_repair_from_another_time_is_no_new_beginning(bare: list[bytes]) -> None:
    playout = Wire().play(bare[:100]).playout
    before = playout.held_s, playout.target_s
    playout.packet(Packet(3, FIRST_TIMESTAMP - 500_000, bare[3], 2.0, repaired=True))

    assert (playout.held_s, playout.target_s) == before


@pytest.mark.parametrize("garbage", [b"", b"\xff", bytes([255, 63, 9]), bytes(1_200), bytes([0x7B, 0xFF, 1])])
def test_garbage_is_a_lost_packet(bare: list[bytes], garbage: bytes) -> None:
    payloads = [garbage if number == 60 else payload for number, payload in enumerate(bare[:100])]
    heard = Wire().play(payloads)

    assert heard.playout.concealed <= 2 * BLOCK
    assert np.abs(np.concatenate(heard.sound[80:])).max() > 0


@settings(max_examples=25, deadline=None)
@given(
    events=st.lists(
        st.tuples(
            st.sampled_from(["on time", "lost", "late", "twice", "garbage", "repaired"]),
            st.floats(0, 0.4),
            st.integers(1, 2_000),
        ),
        min_size=5,
        max_size=120,
    )
)
def test_whatever_the_network_does_sound_comes_in_order_and_nothing_piles_up(
    events: list[tuple[str, float, int]],
) -> None:
    payloads, playout = encode(voice(0.4)), Playout()
    coming: list[Packet] = []
    played: list[float] = []
    now, pulled = 0.0, 0
    for number, (fate, late, count) in enumerate(events):
        sent = (number + 1) * BLOCK_S
        packet = Packet(
            number,
            number * BLOCK,
            bytes([count % 256, 7]) if fate == "garbage" else payloads[number % 20],
            sent + (late if fate in {"late", "repaired"} else 0.0),
            sent - BLOCK_S,
            fate == "repaired",
        )
        coming += [] if fate == "lost" else [packet, packet] if fate == "twice" else [packet]
        for packet in [packet for packet in coming if packet.arrival <= sent]:
            coming.remove(packet)
            playout.packet(packet)
        while now < sent:
            sound = playout.pull(count, now)
            assert sound.shape == (count,)
            assert sound.dtype == np.int16
            captured = playout.capture_time_playing(now)
            played += [captured] if captured is not None else []
            now += count / SAMPLE_RATE
            pulled += count
        assert 0 <= playout.held_s <= BOUND / SAMPLE_RATE
        assert 0.040 <= playout.target_s <= 0.300
        assert 0 <= playout.concealed + playout.recovered <= pulled + MOST * BLOCK
        assert len(playout._unpacker.shelf) <= MOST
    assert all(after > before - 0.020 for before, after in pairwise(played))


@pytest.mark.timeout(90)
@pytest.mark.parametrize("drift", [-0.01, 0.01])
def test_half_an_hour_of_a_clock_that_is_off_leaves_no_trace(drift: float) -> None:
    """Decoded sound, so that this takes seconds: everything but the decoder is as with packets."""
    playout, tone = Playout(), (8_000 * np.sin(2 * np.pi * 200 * np.arange(BLOCK) / 48_000)).astype(np.int16)
    now, number, delays = 0.013, 0, []
    while now < 1_800:
        while (arrival := (number + 1) * BLOCK_S * (1 + drift) + WAY_S) <= now:
            playout.push(tone, number * BLOCK, arrival)
            number += 1
        playout.pull(BLOCK, now)
        delays.append(playout.delay_s)
        now += BLOCK_S

    assert playout.concealed < 0.002 * 1_800 * SAMPLE_RATE
    assert all(0.025 < delay < 0.065 for delay in delays[100:])
    assert playout.held_s < 0.1
