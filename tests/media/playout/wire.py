"""A voice over a scripted network into a playout, packets and all, in simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import numpy as np

from pycall.codecs.opus import SoundEncoder
from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples
from pycall.media.playout.playout import Playout

BLOCK_S = BLOCK / SAMPLE_RATE
WAY_S = 0.025
FIRST_TIMESTAMP = 123_456
FIRST_SEQUENCE = 65_000


@dataclass(frozen=True)
class Packet:
    """A packet as the client hands it over."""

    sequence: int
    timestamp: int
    payload: bytes
    arrival: float
    captured_at: float | None = None
    repaired: bool = False


def random_loss(share: float) -> Callable[[Random, int], bool]:
    """Each packet is lost with this probability."""
    return lambda random, _number: random.random() < share


def bursts(share: float, length: float, spread: int = 1) -> Callable[[Random, int], bool]:
    """Losses in a row, ``length`` of them on average, while each of our packets is one of ``spread``."""
    bad = False

    def lost(random: Random, _number: int) -> bool:
        nonlocal bad
        for _ in range(spread):
            bad = random.random() < (1 - 1 / length if bad else share / (1 - share) / length)
        return bad

    return lost


@dataclass
class Wire:
    """Packets of 20 ms over 25 ms each way; a lost one comes again ``repair_s`` after the next is there."""

    lost: Callable[[Random, int], bool] = lambda _random, _number: False
    late: Callable[[Random, int], float] = lambda _random, _number: 0.0
    repair_s: float | None = None
    pulled: int = BLOCK
    drift: float = 0.0
    seed: int = 1

    def arrivals(self, payloads: list[bytes]) -> list[Packet]:
        """What comes out at the other end, as it comes."""
        random = Random(self.seed)
        came: list[tuple[float, int, bool]] = []
        missing: list[int] = []
        for number in range(len(payloads)):
            captured = number * BLOCK_S * (1 + self.drift)
            arrival = captured + BLOCK_S + WAY_S + self.late(random, number)
            if self.lost(random, number):
                missing.append(number)
                continue
            if self.repair_s is not None:
                for again in missing:
                    tries, repaired = 1, arrival + self.repair_s
                    while self.lost(random, number) and tries < 3:
                        tries, repaired = tries + 1, repaired + self.repair_s
                    came.append((repaired, again, True))
            missing.clear()
            came.append((arrival, number, False))
        return [
            Packet(
                FIRST_SEQUENCE + number,
                FIRST_TIMESTAMP + number * BLOCK,
                payloads[number],
                arrival,
                number * BLOCK_S * (1 + self.drift),
                repaired,
            )
            for arrival, number, repaired in sorted(came)
        ]

    def play(self, payloads: list[bytes], playout: Playout | None = None) -> Heard:
        """Play ``payloads`` to the end."""
        playout = playout or Playout()
        arrivals = [(packet.arrival, order, packet) for order, packet in enumerate(self.arrivals(payloads))]
        now, heard = 0.013, Heard(playout)
        while now < len(payloads) * BLOCK_S * (1 + self.drift):
            while arrivals and arrivals[0][0] <= now:
                playout.packet(heapq.heappop(arrivals)[2])
            heard.sound.append(playout.pull(self.pulled, now))
            heard.captured.append(playout.capture_time_playing(now))
            heard.delays.append(playout.delay_s)
            heard.targets.append(playout.target_s)
            now += self.pulled / SAMPLE_RATE
        return heard


@dataclass
class Heard:
    """What came out."""

    playout: Playout
    sound: list[Samples] = field(default_factory=list)
    captured: list[float | None] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    targets: list[float] = field(default_factory=list)

    @property
    def samples(self) -> Samples:
        """All of it in a row."""
        return np.concatenate(self.sound)

    @property
    def in_time(self) -> Samples:
        """The sound as if it had been played when it was captured: what is heard of each moment."""
        line, at = np.zeros(len(self.samples) + BLOCK, np.int16), 0
        for sound, captured in zip(self.sound, self.captured, strict=True):
            at = max(0, round(captured * SAMPLE_RATE)) if captured is not None else at
            line[at : at + len(sound)] = sound
            at += len(sound)
        return line

    @property
    def concealed(self) -> float:
        """The share of what was played that had to be made up."""
        return self.playout.concealed / len(self.samples)

    @property
    def recovered(self) -> float:
        """The share that came out of redundancy."""
        return self.playout.recovered / len(self.samples)

    @property
    def delay_s(self) -> float:
        """The mean delay."""
        return float(np.mean(self.delays[100:]))


def encode(sound: Samples, loss: int = 10, bitrate: int = 32_000) -> list[bytes]:
    """The packets of ``sound``."""
    encoder = SoundEncoder()
    encoder.expected_loss, encoder.bitrate = loss, bitrate
    return [encoder.encode(sound[at : at + BLOCK]) for at in range(0, len(sound) - BLOCK + 1, BLOCK)]
