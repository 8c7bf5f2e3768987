"""`pycall demo`: a whole call on this machine, server and both callers, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from pycall.cli.live_line import LiveLine
from pycall.cli.loop import run
from pycall.cli.options import key_option
from pycall.cli.signals import on_ending
from pycall.config import CallConfig, keys
from pycall.errors import (
    CallError,
    ConfigError,
    MediaError,
    PycallError,
    RecordingFailed,
    SignallingError,
)

ROOM: Final = "demo"
RECORDING: Final = Path("recordings", "demo.mp4")
SECONDS: Final = 10
START_S: Final = 20.0
"""How long the server may take until it answers; a cold disk makes imports slow."""

PARTING_S: Final = 5.0
"""How long a process may take to end by itself, and as long once it is asked to."""

_KEYS: Final = {key.name: key for key in keys(CallConfig)}
_TEST: Final = {"camera": "test", "microphone": "test", "speaker": "none", "display": "none"}


@click.command()
@key_option(_KEYS["display"], default=_TEST["display"])
@key_option(_KEYS["camera"], default=_TEST["camera"])
@key_option(_KEYS["microphone"], default=_TEST["microphone"])
@key_option(_KEYS["speaker"], default=_TEST["speaker"])
@key_option(_KEYS["size"])
@click.option(
    "--seconds", type=click.IntRange(1, 3600), default=SECONDS, show_default=True, help="Length of the call."
)
def demo(*, size: tuple[int, int], seconds: int, **devices: str) -> int:
    """Show a whole call on this machine: the server and two callers, with moving picture and sound.

    The first caller takes the camera, microphone, speaker and display given here; the second shows the
    test picture. The call is recorded to recordings/demo.mp4.
    """
    width, height = size
    return run(_Demo(devices, f"{width}x{height}", seconds).run())


@dataclass
class _Caller:
    """One of the two callers, and what it said of itself."""

    name: str
    process: Process
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The last event of each name."""
    latencies: dict[str, list[float]] = field(default_factory=lambda: {"audio": [], "video": []})

    async def listen(self, line: LiveLine | None) -> None:
        """Read its events until it ends, and show them on ``line``."""
        assert self.process.stdout is not None
        async for text in self.process.stdout:
            event = json.loads(text)
            self.events[event["event"]] = event
            for kind, seen in self.latencies.items():
                if f"{kind}_latency_ms" in event:
                    seen.append(event[f"{kind}_latency_ms"])
            if line is not None:
                _show(line, self.name, event)

    def latency(self, kind: str) -> str:
        """The median latency of a kind as text."""
        seen = sorted(self.latencies[kind])
        return f"{seen[len(seen) // 2]:.0f} ms" if seen else "not known"


class _Demo:
    """Starts the processes, and leaves none behind."""

    def __init__(self, devices: dict[str, str], size: str, seconds: int) -> None:
        self._devices = devices
        self._size = size
        self._seconds = seconds
        self._line = LiveLine()
        self._processes: list[Process] = []
        self._task: asyncio.Task[Any] | None = None
        self._signal: signal.Signals | None = None

    async def run(self) -> int:
        """Run the call and say what came of it; returns the exit code.

        Raises:
            PycallError: what kept the call from being, as one of the callers said it.
        """
        self._task = asyncio.current_task()
        on_ending(self._interrupted)
        try:
            ann, bob = await self._call()
        except asyncio.CancelledError:
            if self._signal is None:
                raise
            return 128 + self._signal
        finally:
            self._line.show("")
            await asyncio.gather(*(_end(process) for process in reversed(self._processes)))
        _check(ann, bob)
        self._sum_up(ann, bob)
        return 0

    def _interrupted(self, signum: signal.Signals) -> None:
        """The first time everybody hangs up, the second time everything ends at once."""
        if self._signal is None and self._task is not None:
            self._signal = signum
            self._task.cancel()
            return
        for process in self._processes:
            if process.returncode is None:
                process.kill()
        os._exit(128 + signum)

    async def _call(self) -> tuple[_Caller, _Caller]:
        self._line.say("A server and two callers start on this machine ...")
        try:
            RECORDING.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise RecordingFailed(
                f"Cannot record to {RECORDING}: {error.strerror}.",
                "Run it in a folder you can write to.",
            ) from error
        url = await _address(await self._start("serve", "--host", "127.0.0.1", "--port", "0"))
        ann = await self._caller("Ann", url, self._devices, "--record", str(RECORDING))
        bob = await self._caller("Bob", url, _TEST)
        listening = [
            asyncio.create_task(ann.listen(self._line), name="pycall-ann"),
            asyncio.create_task(bob.listen(None), name="pycall-bob"),
        ]
        await asyncio.wait(listening, return_when=asyncio.FIRST_COMPLETED)
        failed = "error" in {**ann.events, **bob.events}
        await asyncio.gather(
            *(_end(each.process, 0 if failed else PARTING_S) for each in (ann, bob)), *listening
        )
        return ann, bob

    async def _caller(self, name: str, url: str, devices: dict[str, str], *more: str) -> _Caller:
        chosen = [word for key, value in devices.items() for word in (_KEYS[key].flag, value)]
        process = await self._start(
            "call", ROOM, "--server", url, "--name", name, "--size", self._size, "--json",
            "--wait", str(START_S), "--duration", str(self._seconds), *chosen, *more,
        )  # fmt: skip
        return _Caller(name, process)

    async def _start(self, *arguments: str) -> Process:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYCALL_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "pycall", *arguments, env=environment,
            stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL,
            start_new_session=True,  # Ctrl-C is for the demo, which ends them in order
        )  # fmt: skip
        self._processes.append(process)
        return process

    def _sum_up(self, ann: _Caller, bob: _Caller) -> None:
        connected = ann.events["connected"]
        self._line.say(f"Connected in {connected['setup_s']:.2f} s, {connected['path']}.")
        for caller, other in ((ann, bob), (bob, ann)):
            ended = caller.events["ended"]
            self._line.say(
                f"{caller.name} received {ended['frames_received']} pictures and "
                f"{ended['audio_received_s']:.1f} s of sound from {other.name}; "
                f"latency: picture {caller.latency('video')}, sound {caller.latency('audio')}."
            )
        if "recording" in ann.events:
            self._line.say(f"The recording is {ann.events['recording']['path']}")


async def _address(server: Process) -> str:
    """Where the server says it listens."""
    assert server.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            async for line in server.stdout:
                for word in line.decode().split():
                    if word.startswith("http://127.0.0.1:"):
                        return word.rstrip(".,/")
    except TimeoutError:
        pass
    raise SignallingError(
        "The demo's server did not start.", "Run `pycall serve` by hand and see what it says."
    )


async def _end(process: Process, patience_s: float = 0) -> None:
    """Wait for a process to end by itself, then ask it to, then make it."""
    for seconds, insist in ((patience_s, process.terminate), (PARTING_S, process.kill)):
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
            return
        except TimeoutError:
            insist()
    await process.wait()


def _show(line: LiveLine, name: str, event: dict[str, Any]) -> None:
    match event["event"]:
        case "recording" if event["state"] == "started":
            line.say(f"{name} records to {event['path']}")
        case "notice":
            line.say(event["message"])
        case "stats":
            latency = event.get("video_latency_ms")
            line.show(
                f"● {name}  ↑ {event['sent_kbps']:.0f} ↓ {event['received_kbps']:.0f} kbit/s  "
                f"{event['fps']:.0f} fps  lost {event['packets_lost']}"
                + (f"  picture {latency:.0f} ms late" if latency is not None else "")
            )
        case _:
            pass


_KINDS: Final[dict[int | None, type[PycallError]]] = {
    kind.exit_code: kind for kind in (ConfigError, SignallingError, CallError, MediaError)
}


def _check(*callers: _Caller) -> None:
    """Raise what a caller failed with, as an error with its exit code."""
    for caller in callers:
        if "error" in caller.events:
            event = caller.events["error"]
            kind = _KINDS.get(caller.process.returncode, CallError)
            raise kind(f"{caller.name}: {event['message']}", event["hint"])
    for caller in callers:
        if "connected" not in caller.events or "ended" not in caller.events:
            raise CallError(
                f"{caller.name} ended without a word.", "Try `pycall serve` and `pycall call` by hand."
            )
