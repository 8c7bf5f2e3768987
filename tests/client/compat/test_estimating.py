"""A sender that has little to send is not told that the path takes little; a queue is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

from aiortc.rate import RemoteBitrateEstimator

from pycall.client.compat.estimating import FIRST_ESTIMATE, PLENTY

FPS = 30


class Path:
    """Pictures that come over a path of so many bit/s, and the estimates that are told; simulated time."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._estimator = RemoteBitrateEstimator()
        self._now_ms = 0.0
        self._free_at_ms = 0.0
        self._chance = random.Random(1)

    def carry(self, bitrate: int, seconds: float) -> list[int]:
        """Carry pictures of this bit rate; the estimates told meanwhile."""
        told = []
        for _ in range(int(seconds * FPS)):
            self._now_ms += 1000 / FPS
            for size in packets_of(bitrate // FPS // 8):
                arrival = self._through(size)
                sent = int(self._now_ms / 1000 * (1 << 18)) & 0xFFFFFF  # 6.18 bits of seconds
                estimate = self._estimator.add(int(arrival), sent, size, 1)
                if estimate is not None:
                    told.append(estimate[0])
        return told

    def rest(self, seconds: float) -> None:
        """Nothing is sent."""
        self._now_ms += 1000 * seconds

    def _through(self, size: int) -> float:
        begin = max(self._now_ms, self._free_at_ms)
        self._free_at_ms = begin + size * 8000 / self._capacity
        return self._free_at_ms + self._chance.random()


def packets_of(size: int) -> Iterator[int]:
    """The packets of a picture."""
    while size > 0:
        yield min(size, 1200)
        size -= 1200


def test_little_to_send_is_no_sign_of_a_narrow_path() -> None:
    path = Path(capacity=100_000_000)
    path.carry(300_000, seconds=4)
    path.rest(0.8)  # another camera is opened
    told = path.carry(60_000, seconds=20)
    assert all(later >= earlier for earlier, later in pairwise(told))
    assert told[-1] > PLENTY


def test_one_who_sends_little_in_the_beginning_is_not_held_to_it() -> None:
    path = Path(capacity=100_000_000)
    path.carry(250_000, seconds=2.5)
    path.rest(0.8)
    told = path.carry(50_000, seconds=2)
    assert min(told) >= FIRST_ESTIMATE


def test_the_estimate_keeps_within_reach_of_what_was_seen_to_pass() -> None:
    path = Path(capacity=100_000_000)
    assert max(path.carry(100_000, seconds=120)) < 2 * PLENTY


def test_a_queue_brings_the_estimate_below_what_passes() -> None:
    path = Path(capacity=500_000)
    path.carry(300_000, seconds=20)
    told = path.carry(800_000, seconds=3)
    assert min(told) < 500_000
