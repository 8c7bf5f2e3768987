"""Playout against scripted networks, in simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples
from pycall.media.playout.playout import BOUND, Playout
from pycall.media.playout.reel import JOINT

FIRST_TIMESTAMP = 123_456
WAY_S = 0.030
BLOCK_S = BLOCK / SAMPLE_RATE


def tone(number: int) -> Samples:
    """Block ``number`` of an endless tone of 220 Hz."""
    at = np.arange(number * BLOCK, (number + 1) * BLOCK)
    return (8_000 * np.sin(2 * np.pi * 220 * at / SAMPLE_RATE)).astype(np.int16)


TONE_STEP = 8_000 * 2 * np.pi * 220 / SAMPLE_RATE


def nothing(_random: Random, _number: int) -> float:
    """No delay."""
    return 0.0


@dataclass
class Network:
    """Block n leaves at n * 20 ms of a clock that is slow by ``drift`` and takes 30 ms + ``late``."""

    seconds: float = 20.0
    late: Callable[[Random, int], float] = nothing
    lost: Callable[[Random, int], bool] = lambda _random, _number: False
    drift: float = 0.0
    block: Callable[[int], Samples] = tone
    pulled: int = BLOCK


@dataclass
class Heard:
    """What came out, and how the playout felt about it at each pull."""

    sound: Samples
    delays: list[float] = field(default_factory=list)
    concealed_s: float = 0.0

    @property
    def largest_step(self) -> int:
        """Between two samples: what a click would be."""
        return int(np.abs(np.diff(self.sound.astype(np.int32))).max())


def play(network: Network) -> Heard:
    """Run ``network`` into a playout that a sound card pulls from."""
    playout, random = Playout(), Random(1)
    arrivals: list[tuple[float, int]] = []
    for number in range(int(network.seconds / BLOCK_S)):
        late, lost = network.late(random, number), network.lost(random, number)
        if not lost:
            sent = (number + 1) * BLOCK_S * (1 + network.drift)
            heapq.heappush(arrivals, (sent + WAY_S + late, number))
    now, sound, heard = 0.013, [], Heard(np.zeros(0, np.int16))
    while now < network.seconds * (1 + min(0.0, network.drift)):
        while arrivals and arrivals[0][0] <= now:
            arrival, number = heapq.heappop(arrivals)
            playout.push(network.block(number), FIRST_TIMESTAMP + number * BLOCK, arrival)
        sound.append(playout.pull(network.pulled, now))
        heard.delays.append(playout.delay_s)
        now += network.pulled / SAMPLE_RATE
    heard.sound, heard.concealed_s = np.concatenate(sound), playout.concealed / SAMPLE_RATE
    return heard


@pytest.mark.parametrize("pulled", [128, 480, 960, 1_111])
def test_on_a_quiet_network_every_sample_is_played_some_forty_milliseconds_later(pulled: int) -> None:
    def noise(number: int) -> Samples:
        return np.random.default_rng(number).integers(5_000, 10_000, BLOCK).astype(np.int16)

    heard = play(Network(pulled=pulled, block=noise))
    sound = heard.sound[np.argmax(heard.sound != 0) :]
    sent = np.concatenate([noise(number) for number in range(19 * 50)])

    assert heard.concealed_s == 0
    assert max(heard.delays) < 0.050
    assert np.array_equal(sound[JOINT : 19 * SAMPLE_RATE], sent[JOINT:])


def test_jitter_is_bridged_once_it_is_known() -> None:
    heard = play(Network(late=lambda random, _: random.uniform(0, 0.060)))

    assert heard.concealed_s < 0.1
    assert max(heard.delays[200:]) < 0.110


def test_one_late_block_costs_a_pause_and_no_lasting_delay() -> None:
    heard = play(Network(late=lambda _, number: 0.150 if number == 200 else 0.0))

    assert heard.concealed_s < 0.2
    assert heard.delays[-1] < 0.055


@pytest.mark.parametrize("stall", [0.3, 0.6, 0.9])
def test_after_a_stall_and_its_burst_no_lag_stays(stall: float) -> None:
    heard = play(Network(late=lambda _, number: max(0.0, stall - (number - 200) * BLOCK_S) * (number >= 200)))

    assert heard.delays[-1] < 0.055
    assert heard.concealed_s < stall + 0.2


def test_a_cut_with_everything_lost_is_silence_and_then_the_present() -> None:
    heard = play(Network(lost=lambda _, number: 200 <= number < 350))
    silent = int(np.count_nonzero(heard.sound[5 * SAMPLE_RATE : 6 * SAMPLE_RATE]))

    assert silent == 0
    assert heard.delays[-1] < 0.055
    assert heard.concealed_s == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("change", [-0.1, 0.1])
def test_a_longer_or_shorter_way_is_accepted_as_the_new_one(change: float) -> None:
    heard = play(Network(late=lambda _, number: max(0.0, -change) + (change if number > 300 else 0.0)))

    assert 0.030 < heard.delays[-1] < 0.055
    assert heard.concealed_s < 0.2


def test_each_lost_block_costs_its_own_length_and_makes_no_click() -> None:
    heard = play(Network(lost=lambda random, _: random.random() < 0.05))

    assert heard.concealed_s == pytest.approx(20 * 0.05, abs=0.3)
    assert heard.largest_step < 1.5 * TONE_STEP
    assert max(heard.delays) < 0.050


@pytest.mark.parametrize("drift", [-0.01, -0.001, 0.001, 0.01])
def test_a_senders_clock_that_runs_fast_or_slow_is_absorbed(drift: float) -> None:
    heard = play(Network(seconds=60, drift=drift))

    assert heard.concealed_s < 0.2
    assert all(0.025 < delay < 0.060 for delay in heard.delays[100:])
    assert heard.largest_step < 1.5 * TONE_STEP


def test_blocks_that_come_in_the_wrong_order_are_played_in_the_right_one() -> None:
    heard = play(Network(late=lambda _, number: 0.025 if number % 5 == 0 else 0.0))

    assert heard.concealed_s < 0.1
    assert heard.largest_step < 1.5 * TONE_STEP


def test_duplicates_and_blocks_that_come_too_late_change_nothing() -> None:
    playout = Playout()
    for number in range(10):
        playout.push(tone(number), number * BLOCK, number * BLOCK_S)
    for step in range(8):
        playout.pull(BLOCK, 0.2 + step * BLOCK_S)
    held, target = playout.held_s, playout.target_s
    playout.push(tone(9), 9 * BLOCK, 0.4)
    playout.push(tone(2), 2 * BLOCK, 0.4)

    assert (playout.held_s, playout.target_s) == (held, target)


@pytest.mark.parametrize("jump", [-(1 << 31), -100_000, 100_000, 1 << 32])
def test_a_jump_of_the_timestamps_is_a_new_beginning_and_no_time_to_wait(jump: int) -> None:
    playout, heard = Playout(), []
    for number in range(100):
        timestamp = number * BLOCK + (jump if number >= 50 else 0)
        playout.push(tone(number), timestamp, number * BLOCK_S)
        heard.append(playout.pull(BLOCK, number * BLOCK_S + 0.001))
    silent = [number for number, block in enumerate(heard) if number > 5 and not block.any()]

    assert len(silent) < 5
    assert playout.delay_s < 0.060


def test_before_anything_came_there_is_silence_and_nothing_is_missing() -> None:
    playout = Playout()

    assert not playout.pull(1_000, 0.0).any()
    assert (playout.concealed, playout.delay_s, playout.held_s) == (0, 0.0, 0.0)


def test_a_gap_ends_what_was_heard_within_sixty_milliseconds() -> None:
    heard = play(Network(seconds=2, lost=lambda _, number: number >= 50))
    loud = np.flatnonzero(heard.sound)

    assert loud[-1] - loud[0] == pytest.approx(50 * BLOCK + 2_880, abs=600)
    assert heard.largest_step < 1.5 * TONE_STEP


@settings(max_examples=60, deadline=None)
@given(
    blocks=st.lists(
        st.tuples(st.integers(-(1 << 33), 1 << 33) | st.integers(-60_000, 60_000), st.integers(0, 25_000)),
        max_size=25,
    ),
    pulls=st.lists(st.integers(1, 3_000), max_size=25),
)
def test_whatever_comes_the_output_is_as_long_as_asked_and_the_memory_is_bounded(
    blocks: list[tuple[int, int]], pulls: list[int]
) -> None:
    playout, now = Playout(), 10.0
    for step in range(max(len(blocks), len(pulls))):
        now += 0.010
        if step < len(blocks):
            timestamp, count = blocks[step]
            playout.push(np.full(count, 1_000, np.int16), timestamp, now)
        assert 0 <= playout.held_s <= BOUND / SAMPLE_RATE
        if step < len(pulls):
            sound = playout.pull(pulls[step], now)
            assert sound.dtype == np.int16
            assert sound.shape == (pulls[step],)
        assert 0.040 <= playout.target_s <= 0.300


@settings(max_examples=30, deadline=None)
@given(late=st.lists(st.floats(0, 0.5), min_size=10, max_size=60), lost=st.sets(st.integers(0, 59)))
def test_sound_is_never_played_out_of_order(late: list[float], lost: set[int]) -> None:
    """A block is one constant, so that runs tell which is heard; a repeated period may reach back one."""
    heard = play(
        Network(
            seconds=2.5,
            late=lambda _, number: late[number] if number < len(late) else 0.0,
            lost=lambda _, number: number in lost,
            block=lambda number: np.full(BLOCK, 1_000 + 100 * number, np.int16),
        )
    )
    runs = [(value, len(list(run))) for value, run in groupby(heard.sound.tolist())]
    order = [(value - 1_000) // 100 for value, length in runs if length >= 300 and value]

    assert all(after >= before - 1 for before, after in pairwise(order))
