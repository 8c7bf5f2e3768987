"""One side of a long call, whose sound cards run at another speed than its clock, and what it costs.

    soak_side.py SPEED EVERY [OPTIONS OF pycall call]

``SPEED`` is that of microphone and speaker, 1.001 for 0.1 % too fast. A line of JSON with the figures of
each ``EVERY`` seconds goes to stdout; the options say when it ends.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import threading
import time
from collections import deque
from typing import Any, Final

import click
import psutil

from pycall.cli.loop import run
from pycall.cli.options import config_options
from pycall.cli.session import Session
from pycall.config import CallConfig
from pycall.core import events
from pycall.core.events import Event
from pycall.media.frames import BLOCK, SAMPLE_RATE, Picture, Sound
from pycall.media.playout import speaker
from pycall.media.playout.playout import Playout
from pycall.media.sources import opening
from pycall.media.tap import Tap
from pycall.media.testsignals.tones import ToneSource, melody, sound_at
from tests.clockreading import PictureAges

MOST: Final = 1_000
"""Figures of one kind between two lines."""


class Drifting(ToneSource):
    """The test sound from a sound card whose second is longer or shorter than a second."""

    speed = 1.0

    def _run(self, stop: threading.Event) -> None:
        notes, begun, block_s = melody(), time.monotonic(), BLOCK / SAMPLE_RATE / self.speed
        block = 0
        while True:
            begin = begun + block * block_s
            if stop.wait(max(0.0, begin + block_s - time.monotonic())):
                return
            self.feed.publish(Sound(sound_at(notes, block * BLOCK, BLOCK), begin))
            block += 1


class Figures:
    """A renderer that shows nothing; what happens since the last line."""

    def __init__(self) -> None:
        self.playout = Playout()
        self.joined = asyncio.Event()
        self.connected = asyncio.Event()
        self._ages = PictureAges()
        self._concealed = self._recovered = self._lost = 0
        self._seen: dict[str, deque[float]] = {}
        self._me = psutil.Process()

    def show(self, event: Event) -> None:
        """Note it."""
        match event:
            case events.Joined():
                self.joined.set()
            case events.Connected():
                self.connected.set()
            case events.Stats():
                self._note("received_kbps", event.received_kbps)
                self._note("held_ms", 1000 * self.playout.held_s)
                self._lost = event.packets_lost
            case events.Latency(kind=kind):
                self._note(f"{kind}_ms", event.total_ms)
                self._note(f"{kind}_hold_ms", event.hold_ms)
            case events.Failed(_, message, _) | events.Notice(_, message):
                sys.stderr.write(message + "\n")
            case _:
                pass

    def close(self) -> None:
        """Nothing to tidy up."""

    def picture(self, picture: Picture) -> None:
        """A picture was shown."""
        self._ages.look(picture.frame)

    def line(self, at: float, every: float) -> dict[str, Any]:
        """The figures since the last line; ``at`` is seconds since the beginning."""
        concealed, recovered = self.playout.concealed, self.playout.recovered
        asked = every * SAMPLE_RATE
        line = {
            "at_s": round(at, 1),
            "fps": round(self._ages.seen / every, 1),
            "picture_p50_ms": round(self._ages.percentile(0.5), 1),
            "picture_p95_ms": round(self._ages.percentile(0.95), 1),
            **{name: round(statistics.median(values), 1) for name, values in self._seen.items() if values},
            "concealed_percent": round(100 * (concealed - self._concealed) / asked, 2),
            "recovered_percent": round(100 * (recovered - self._recovered) / asked, 2),
            "lost": self._lost,
            "memory_mb": round(self._me.memory_info().rss / 1e6, 1),
            "threads": self._me.num_threads(),
            "descriptors": self._me.num_fds(),
        }
        self._concealed, self._recovered = concealed, recovered
        self._ages.clear()
        for values in self._seen.values():
            values.clear()
        return line

    def _note(self, name: str, value: float | None) -> None:
        if value is not None:
            self._seen.setdefault(name, deque(maxlen=MOST)).append(value)


async def soaked(config: CallConfig, every: float) -> None:
    """Call until somebody hangs up, and tell."""
    figures = Figures()
    session = Session("soak", config, figures)
    figures.playout = session.studio.incoming.playout
    tap = Tap("figures", session.studio.incoming.shown, figures.picture)
    call = asyncio.create_task(session.run())
    await _either(figures.joined, call)
    _say({"event": "joined"})
    await _either(figures.connected, call)
    begun, number = time.monotonic(), 1
    while not (await asyncio.wait([call], timeout=begun + number * every - time.monotonic()))[0]:
        _say({"event": "soak"} | figures.line(time.monotonic() - begun, every))
        number += 1
    tap.close()
    await call


async def _either(happened: asyncio.Event, call: asyncio.Task[int]) -> None:
    waiting = asyncio.create_task(happened.wait())
    await asyncio.wait([waiting, call], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


@click.command()
@click.argument("speed", type=float)
@click.argument("every", type=float)
@config_options(CallConfig)
def main(speed: float, every: float, config: CallConfig) -> None:
    """Run one side."""
    Drifting.speed = speed
    vars(opening)["ToneSource"] = Drifting
    vars(speaker)["BLOCK_S"] = BLOCK / SAMPLE_RATE / speed
    run(soaked(config, every))


if __name__ == "__main__":
    main()
