"""One side of a pycall call, measured from inside: the very session `pycall call` runs.

``pycall_side.py SECONDS [--warm-up SECONDS] [OPTIONS OF pycall call]``
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import Any

import click
from measuring import Gauge, say

from pycall.cli.loop import run
from pycall.cli.options import config_options
from pycall.cli.session import Session
from pycall.config import CallConfig
from pycall.core import events
from pycall.core.events import Event
from pycall.media.tap import Tap


class Probe:
    """A renderer that shows nothing and notes when things happened."""

    def __init__(self) -> None:
        self.first_picture = asyncio.Event()
        self.first_frame_s = float("nan")
        self.setup_s = float("nan")
        self.joined = asyncio.Event()
        self.received_kbps: list[float] = []
        """Of each second so far."""

    def show(self, event: Event) -> None:
        """Note it."""
        match event:
            case events.Joined():
                self.joined.set()
            case events.Stats():
                self.received_kbps.append(event.received_kbps)
            case events.PeerJoined():
                self._paired = time.monotonic()
            case events.Connected(setup_s=setup_s):
                self.setup_s = setup_s
            case events.FirstFrame("video"):
                self.first_frame_s = time.monotonic() - self._paired
                self.first_picture.set()
            case events.Failed(_, message) | events.Notice(_, message):
                sys.stderr.write(message + "\n")
            case _:
                pass

    def close(self) -> None:
        """Nothing to tidy up."""


async def measured(config: CallConfig, seconds: float, warm_up: float) -> None:
    """Run the call and report."""
    probe, gauge = Probe(), Gauge()
    session = Session("bench", config, probe)
    tap = Tap("gauge", session.studio.incoming.shown, lambda picture: gauge.picture(picture.frame))
    call = asyncio.create_task(session.run())
    await probe.joined.wait()
    say({"ready": True})
    await probe.first_picture.wait()
    await asyncio.sleep(warm_up)
    gauge.begin()
    probe.received_kbps.clear()
    await asyncio.sleep(seconds)
    gauge.report(
        first_frame_s=probe.first_frame_s,
        setup_s=probe.setup_s,
        received_kbps=statistics.fmean(probe.received_kbps),
    )
    await asyncio.sleep(0.5)  # the other side's window ends too
    session.wish("q")
    await call
    tap.close()


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("seconds", type=float)
@click.option("--warm-up", default=3.0, help="what is not measured after the first picture, in seconds")
@config_options(CallConfig)
def main(seconds: float, warm_up: float, config: CallConfig) -> Any:
    """Measure one side."""
    return run(measured(config, seconds, warm_up))


if __name__ == "__main__":
    main()
