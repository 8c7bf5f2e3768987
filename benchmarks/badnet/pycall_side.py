"""One side of a pycall call in a bad network: the very session `pycall call` runs, with another test signal.

``python -m badnet.pycall_side SPEECH RECORDING [OPTIONS OF pycall call]``; see gauge.py for the rest.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from measuring import say
from pycall_side import Probe

from badnet.gauge import Observer, listening, obey
from badnet.scene import ScenePainter
from pycall.cli.loop import run
from pycall.cli.options import config_options
from pycall.cli.session import Session
from pycall.config import CallConfig
from pycall.media import studio
from pycall.media.frames import Notice, Picture, Samples, Sound
from pycall.media.playout.playout import Playout
from pycall.media.playout.speaker import Pull, Speaker, open_speaker
from pycall.media.sources.opening import Sources
from pycall.media.spec import Spec
from pycall.media.tap import Tap
from pycall.media.testsignals.testcard import CardSource
from pycall.media.testsignals.tones import ToneSource
from pycall.media.testsignals.wallclock import wall_offset

SOUND_DEPTH = 50
"""Blocks that may wait to be noted."""


class SceneSource(CardSource):
    """The scene as a camera."""

    def __init__(self, size: tuple[int, int], fps: int) -> None:
        super().__init__(size, fps)
        self._painter = ScenePainter(*size)  # type: ignore[assignment]


class SpeechSource(ToneSource):
    """The text as a microphone; its first sample is said at each Unix time its length divides."""

    def __init__(self, text: Samples) -> None:
        super().__init__()
        self._melody = text


class Rig:
    """Takes the place of the devices, and knows the speaker."""

    def __init__(self, text: Samples) -> None:
        self._text = text
        self.speaker: Speaker | None = None
        vars(studio).update(open_sources=self._open_sources, open_speaker=self._open_speaker)

    def _open_sources(
        self, _camera: Spec, _microphone: Spec, *, size: tuple[int, int], fps: int, **_: Any
    ) -> Sources:
        sources = Sources(SceneSource(size, fps), SpeechSource(self._text))
        for source in (sources.video, sources.audio):
            assert source is not None
            source.start()
        return sources

    def _open_speaker(self, spec: Spec, pull: Pull, notice: Notice) -> Speaker:
        self.speaker = open_speaker(spec, pull, notice)
        return self.speaker


class Ear:
    """Notes what the speaker takes from the playout, and how much of it was not there."""

    def __init__(self, playout: Playout, observer: Observer) -> None:
        self._playout = playout
        self._observer = observer
        self._played = 0
        self._begun = False
        self._before = 0  # what was played before any sound had come: the playout does not count it

    def heard(self, sound: Sound) -> None:
        """A block was played."""
        at = sound.time + wall_offset()
        self._observer.sound.append((at, self._played, sound.samples))
        self._played += len(sound.samples)
        self._begun = self._begun or self._playout.delay_s != 0
        if not self._begun:
            self._before = self._played
        self._observer.heard.append((at, self._before + self._playout.concealed, self._played))


async def measured(config: CallConfig, speech: Path, recording: Path) -> None:
    """Run the call and report."""
    probe, observer, rig = Probe(), Observer(config.size), Rig(np.load(speech))
    session = Session("bench", config, probe)
    ear = Ear(session.studio.incoming.playout, observer)

    def seen(picture: Picture) -> None:
        observer.picture(picture.frame)

    def report() -> dict[str, Any]:
        seconds = max(1, int(time.monotonic() - observer.begun))
        kbps = statistics.fmean(probe.received_kbps[-seconds:] or [0.0])
        return observer.report(recording) | {"received_kbps": kbps, "spoken_at": 0.0}

    call = asyncio.create_task(session.run())
    joined = asyncio.create_task(probe.joined.wait())
    await asyncio.wait((call, joined), return_when=asyncio.FIRST_COMPLETED)
    if call.done():
        joined.cancel()
        await call
    assert rig.speaker is not None
    taps = (
        Tap("seen", session.studio.incoming.shown, seen),
        Tap("heard", rig.speaker.played, ear.heard, depth=SOUND_DEPTH),
    )
    say({"joined": True})
    orders = asyncio.create_task(obey(await listening(), observer, report))
    await asyncio.wait((call, orders), return_when=asyncio.FIRST_COMPLETED)
    session.wish("q")
    await call
    orders.cancel()
    for tap in taps:
        tap.close()


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("speech", type=Path)
@click.argument("recording", type=Path)
@config_options(CallConfig)
def main(speech: Path, recording: Path, config: CallConfig) -> Any:
    """Be one side."""
    return run(measured(config, speech, recording))


if __name__ == "__main__":
    main()
