"""Two ends of a real call in one process: sources that can be recognised, and takers that remember."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from pycall.client.peer import Outgoing, Peer
from pycall.client.tracks import SoundPacket
from pycall.codecs.opus import open_decoder
from pycall.codecs.packets import Samples
from pycall.core import inputs
from pycall.core.events import Path
from pycall.core.messages import Candidate, IceServer
from pycall.media.feed import Feed
from pycall.media.frames import BLOCK, SAMPLE_RATE, Picture, Sound

FPS = 30
SIZE = (320, 240)
DEADLINE_S = 15.0


def painted(level: int, size: tuple[int, int] = SIZE) -> av.VideoFrame:
    """A picture whose left half has the brightness ``level`` and whose right half is dark."""
    width, height = size
    planes: NDArray[np.uint8] = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height, : width // 2] = level
    planes[:height, width // 2 :] = 30
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def brightness(frame: av.VideoFrame) -> tuple[float, float]:
    """The mean brightness of the left and the right half."""
    luma = frame.to_ndarray()[: frame.height]
    return float(luma[:, : frame.width // 2].mean()), float(luma[:, frame.width // 2 :].mean())


def tone(hertz: float, block: int) -> Samples:
    """The ``block``-th block of a tone."""
    moments = (np.arange(BLOCK) + block * BLOCK) / SAMPLE_RATE
    return (8_000 * np.sin(2 * np.pi * hertz * moments)).astype(np.int16)


def pitch(samples: Samples) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * SAMPLE_RATE / len(samples))


class Source:
    """A thread that publishes pictures of one brightness and a tone, in real time."""

    def __init__(self, level: int, hertz: float) -> None:
        self.pictures: Feed[Picture] = Feed()
        self.sounds: Feed[Sound] = Feed()
        self._level = level
        self._hertz = hertz
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self.pictures.close()
        self.sounds.close()

    def _run(self) -> None:
        start, frame, block = time.monotonic(), 0, 0
        picture = painted(self._level)
        while not self._stop.is_set():
            now = time.monotonic()
            while start + frame / FPS <= now:
                self.pictures.publish(Picture(picture, now))
                frame += 1
            while (at := start + block * BLOCK / SAMPLE_RATE) <= now:
                self.sounds.publish(Sound(tone(self._hertz, block), at))
                block += 1
            self._stop.wait(0.005)


@contextlib.contextmanager
def running(*sources: Source) -> Iterator[None]:
    """The sources run while the context lasts."""
    for source in sources:
        source.start()
    try:
        yield
    finally:
        for source in sources:
            source.stop()


class Taker:
    """Remembers what came; sound is decoded as it comes."""

    def __init__(self) -> None:
        self.pictures: list[av.VideoFrame] = []
        self.packets: list[SoundPacket] = []
        self.sounds: list[tuple[int, Samples]] = []
        self.captured_at: float | None = None
        """When the last picture was captured."""
        self._decoder = open_decoder()

    def picture(self, frame: av.VideoFrame, arrival: float, captured_at: float | None = None) -> None:
        assert abs(time.monotonic() - arrival) < DEADLINE_S
        self.pictures = [*self.pictures[-100:], frame]
        self.captured_at = captured_at

    def packet(self, packet: SoundPacket) -> None:
        self.packets.append(packet)
        self.sound(self._decoder.decode(packet.payload), packet.timestamp, packet.arrival)

    def sound(self, samples: Samples, timestamp: int, arrival: float) -> None:
        assert abs(time.monotonic() - arrival) < DEADLINE_S
        self.sounds.append((timestamp, samples))

    def heard(self, blocks: int) -> Samples:
        """The last ``blocks`` blocks in one piece."""
        return np.concatenate([samples for _, samples in self.sounds[-blocks:]])


T = TypeVar("T")
NOTHING = Outgoing(None, None)
LOCAL = Path("direct", "host", "host")
"""The way between two in one process."""


@dataclass
class End:
    """One end: the peer, what it took and what it posted."""

    outgoing: Outgoing = NOTHING
    attempt: int = 1
    ice_servers: tuple[IceServer, ...] = ()
    relay_only: bool = False
    taker: Taker = field(default_factory=Taker)
    posted: list[inputs.Input] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.peer = Peer(
            self.attempt,
            ice_servers=self.ice_servers,
            relay_only=self.relay_only,
            outgoing=self.outgoing,
            incoming=self.taker,
            post=self.posted.append,
        )

    def said(self, kind: type[T]) -> list[T]:
        """What was posted of one kind."""
        return [happened for happened in self.posted if isinstance(happened, kind)]


async def until(condition: Callable[[], object], timeout: float = DEADLINE_S) -> None:
    """Wait until ``condition`` holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


async def connect(caller: End, callee: End, wait_s: float = 0.0) -> None:
    """Exchange descriptions, and candidates as they come, until both are connected."""
    await caller.peer.open()
    await callee.peer.open()
    answer = await callee.peer.accept_offer(await caller.peer.create_offer(wait_s), wait_s)
    await caller.peer.accept_answer(answer)
    passed = {1: 0, 0: 0}
    deadline = time.monotonic() + DEADLINE_S
    while not (caller.said(inputs.PeerConnected) and callee.said(inputs.PeerConnected)):
        assert time.monotonic() < deadline, "waited in vain"
        for number, (end, other) in enumerate(((caller, callee), (callee, caller))):
            told = end.said(inputs.CandidateGathered)
            for gathered in told[passed[number] :]:
                await other.peer.add_candidate(Candidate(gathered.line, "0", 0, None))
            passed[number] = len(told)
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def call(caller: End, callee: End) -> AsyncIterator[None]:
    """A call between the two ends."""
    try:
        await connect(caller, callee)
        yield
    finally:
        await caller.peer.close(say_bye=False)
        await callee.peer.close(say_bye=False)
