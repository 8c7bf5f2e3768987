"""`pycall demo`: a whole call on this machine, server and both callers, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from pycall.cli.loop import run
from pycall.cli.options import key_option
from pycall.config import CallConfig, keys
from pycall.errors import CallError, PycallError, SignallingError

ROOM: Final = "demo"
RECORDINGS: Final = Path("recordings")
SECONDS: Final = 10
START_S: Final = 20.0
"""How long the server may take until it answers; a cold disk makes imports slow."""

_KEYS = {key.name: key for key in keys(CallConfig)}


@click.command()
@key_option(_KEYS["display"], default="none")
@key_option(_KEYS["camera"], default="test")
@key_option(_KEYS["microphone"], default="test")
@key_option(_KEYS["speaker"], default="none")
@key_option(_KEYS["size"])
@click.option(
    "--seconds", type=click.IntRange(1, 3600), default=SECONDS, show_default=True, help="Length of the call."
)
def demo(**options: Any) -> int:
    """Show a whole call on this machine: the server and two callers, with moving picture and sound.

    The first caller takes the camera, microphone, speaker and display given here; the second shows the
    test picture. The call is recorded to recordings/demo.mp4.
    """
    return run(_Demo(**options).run())


@dataclass
class _Caller:
    """One of the two callers, and what it said of itself."""

    name: str
    process: asyncio.subprocess.Process
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    latencies: dict[str, list[float]] = field(default_factory=lambda: {"audio": [], "video": []})

    async def listen(self, show: bool) -> None:
        """Read its events until it ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            event = json.loads(line)
            self.events[event["event"]] = event
            if event["event"] == "stats":
                for kind, seen in self.latencies.items():
                    if f"{kind}_latency_ms" in event:
                        seen.append(event[f"{kind}_latency_ms"])
            if show:
                _status(self.name, event)

    def latency(self, kind: str) -> str:
        """The median latency of a kind as text."""
        seen = sorted(self.latencies[kind])
        return f"{seen[len(seen) // 2]:.0f} ms" if seen else "not known"


class _Demo:
    def __init__(
        self, *, display: str, camera: str, microphone: str, speaker: str, size: Any, seconds: int
    ) -> None:
        self._size = f"{size[0]}x{size[1]}"
        self._seconds = seconds
        self._first = [
            "--camera",
            camera,
            "--microphone",
            microphone,
            "--speaker",
            speaker,
            "--display",
            display,
        ]

    async def run(self) -> int:
        """Run the call and say what came of it; returns the exit code."""
        click.echo("A server and two callers start on this machine ...")
        RECORDINGS.mkdir(exist_ok=True)
        async with _server() as url:
            ann = await self._caller("Ann", url, [*self._first, "--record", str(RECORDINGS / "demo.mp4")])
            bob = await self._caller(
                "Bob",
                url,
                ["--camera", "test", "--microphone", "test", "--speaker", "none", "--display", "none"],
            )
            listening = [
                asyncio.create_task(ann.listen(show=True), name="pycall-ann"),
                asyncio.create_task(bob.listen(show=False), name="pycall-bob"),
            ]
            try:
                await asyncio.wait(listening, return_when=asyncio.FIRST_COMPLETED)
            finally:  # the other one ends by itself, unless something went wrong
                await asyncio.gather(
                    _end(ann.process, patience_s=3), _end(bob.process, patience_s=3), *listening
                )
        _clear()
        return _summary(ann, bob)

    async def _caller(self, name: str, url: str, options: list[str]) -> _Caller:
        process = await _start(
            "call", ROOM, "--server", url, "--name", name, "--size", self._size, "--json",
            "--wait", str(START_S), "--duration", str(self._seconds), *options,
        )  # fmt: skip
        return _Caller(name, process)


@asynccontextmanager
async def _server() -> AsyncIterator[str]:
    """A real `pycall serve` on a free port; yields its URL."""
    process = await _start("serve", "--host", "127.0.0.1", "--port", "0")
    try:
        yield await _address(process)
    finally:
        await _end(process)


async def _address(server: asyncio.subprocess.Process) -> str:
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


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYCALL_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pycall", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=environment, start_new_session=True,
    )  # fmt: skip


async def _end(process: asyncio.subprocess.Process, *, patience_s: float = 0.0) -> None:
    """Wait for a process to end by itself, then ask it to, then make it."""
    for seconds, insist in ((patience_s, process.terminate), (5.0, process.kill)):
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
            return
        except TimeoutError:
            insist()
    await process.wait()


def _status(name: str, event: dict[str, Any]) -> None:
    match event["event"]:
        case "connected":
            _say(f"Connected in {event['setup_s']:.2f} s, {event['path']}.")
        case "recording" if event["state"] == "started":
            _say(f"{name} records to {event['path']}")
        case "notice":
            _say(event["message"])
        case "stats":
            latency = event.get("video_latency_ms")
            _redraw(
                f"● {name}  ↑ {event['sent_kbps']:.0f} ↓ {event['received_kbps']:.0f} kbit/s  "
                f"{event['fps']:.0f} fps  lost {event['packets_lost']}"
                + (f"  picture {latency:.0f} ms late" if latency is not None else "")
            )
        case _:
            pass


def _summary(ann: _Caller, bob: _Caller) -> int:
    for caller in (ann, bob):
        if "error" in caller.events:
            event = caller.events["error"]
            raise _failed(caller, event["message"], event.get("hint", ""))
        if "connected" not in caller.events or "ended" not in caller.events:
            raise _failed(caller, "it ended without a word.", "")
    connected = ann.events["connected"]
    click.echo(f"Connected in {connected['setup_s']:.2f} s, {connected['path']}.")
    for caller, other in ((ann, bob), (bob, ann)):
        ended = caller.events["ended"]
        click.echo(
            f"{caller.name} received {ended['frames_received']} pictures and "
            f"{ended['audio_received_s']:.1f} s of sound from {other.name}; "
            f"latency: picture {caller.latency('video')}, sound {caller.latency('audio')}."
        )
    recording = ann.events.get("recording")
    if recording is not None:
        click.echo(f"The recording is {recording['path']}")
    return 0


def _failed(caller: _Caller, message: str, hint: str) -> PycallError:
    return CallError(f"{caller.name}: {message}", hint)


def _say(sentence: str) -> None:
    _clear()
    click.echo(sentence)


def _redraw(line: str) -> None:
    if sys.stdout.isatty():
        _clear()
        click.echo(line[: shutil.get_terminal_size().columns - 1], nl=False)


def _clear() -> None:
    if sys.stdout.isatty():
        click.echo("\r\x1b[K", nl=False)
