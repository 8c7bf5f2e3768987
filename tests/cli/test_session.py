"""Sessions in this process, at a real server."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import getpass
import signal
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pycall.cli.session import Session, own_name
from pycall.config import CallConfig
from pycall.core import events
from pycall.core.events import Event
from pycall.errors import DeviceNotFound, NobodyCame, PycallError, ServerUnreachable
from tests.client.pair import until

QUIET = CallConfig(camera="test", microphone="test", speaker="none", display="none", size=(160, 120), fps=15)


class Remembered:
    """A renderer that remembers, and does not like some events."""

    def __init__(self) -> None:
        self.shown: list[Event] = []
        self.closed = 0
        self.threads: set[threading.Thread] = set()

    def show(self, event: Event) -> None:
        self.shown.append(event)
        self.threads.add(threading.current_thread())

    def close(self) -> None:
        self.closed += 1

    def names(self) -> list[str]:
        varying = {"stats", "first_frame", "connecting", "peer_state"}
        return [event.event_name for event in self.shown if event.event_name not in varying]

    def last(self, kind: type[Any]) -> Any:
        return next((event for event in reversed(self.shown) if isinstance(event, kind)), None)


class One:
    """One session and what it showed."""

    def __init__(self, url: str, **changes: Any) -> None:
        self.screen = Remembered()
        self.session = Session("den", dataclasses.replace(QUIET, server=url, **changes), self.screen)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[int]]:
        """It runs; the context waits for its end, and raises what it raises."""
        task = asyncio.create_task(self.session.run())
        try:
            yield task
            async with asyncio.timeout(20):
                await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().remove_signal_handler(number)
        assert self.screen.threads == {threading.current_thread()}

    async def has_shown(self, kind: type[Any]) -> None:
        await until(lambda: self.screen.last(kind))


@pytest.mark.integration
async def test_keys_change_what_is_sent_and_the_other_side_is_told(url: str, tmp_path: Path) -> None:
    ann, bob = One(url, record=tmp_path / "ann.mp4"), One(url)
    async with ann.running() as ends, bob.running():
        await ann.has_shown(events.Connected)
        await bob.has_shown(events.PeerState)
        for key, state in [
            ("m", events.PeerState(True, False, True)),
            ("V", events.PeerState(True, True, True)),
            ("r", events.PeerState(True, True, False)),
            ("M", events.PeerState(False, True, False)),
            ("v", events.PeerState(False, False, False)),
        ]:
            ann.session.wish(key)
            await until(lambda state=state: bob.screen.last(events.PeerState) == state)  # type: ignore[misc]
        ann.session.wish("?")
        await asyncio.to_thread(ann.session.studio._pressed, "q")  # as the window does
        assert await ends == 0
    assert [event.code for event in ann.screen.shown if isinstance(event, events.Notice)] == [
        "muted", "camera-off", "unmuted", "camera-on",
    ]  # fmt: skip
    assert [event.state for event in ann.screen.shown if isinstance(event, events.Recording)] == [
        "started", "stopped",
    ]  # fmt: skip
    assert ann.screen.last(events.Ended).reason == "hangup"
    assert bob.screen.last(events.Ended).reason == "peer-hangup"
    assert ann.screen.names()[-1] == "ended"
    assert ann.screen.closed == bob.screen.closed == 1


@pytest.mark.integration
async def test_a_recording_is_announced_as_ended_before_the_call_is(url: str, tmp_path: Path) -> None:
    ann, bob = One(url, record=tmp_path / "ann.mp4"), One(url)
    async with ann.running(), bob.running():
        await bob.has_shown(events.FirstFrame)
        await ann.has_shown(events.FirstFrame)
        bob.session.wish("q")
    assert [name for name in ann.screen.names() if name in {"recording", "ended"}] == [
        "recording", "recording", "ended",
    ]  # fmt: skip


@pytest.mark.integration
async def test_a_recording_cannot_be_begun_before_there_is_a_call(url: str) -> None:
    ann = One(url)
    async with ann.running():
        await ann.has_shown(events.Joined)
        ann.session.wish("r")
        ann.session.wish("q")
    assert ann.screen.names() == ["joined", "ended"]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
async def test_a_signal_while_waiting(url: str, number: signal.Signals, code: int) -> None:
    ann = One(url)
    async with ann.running() as ends:
        await ann.has_shown(events.Joined)
        signal.raise_signal(number)
        assert await ends == code
    assert ann.screen.names() == ["joined", "ended"]
    assert ann.screen.last(events.Ended).reason == "interrupted"


async def test_an_interrupt_while_the_devices_open() -> None:
    with socket.socket() as silent:  # a camera that accepts and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        ann = One("http://127.0.0.1:1", camera=f"rtsp://127.0.0.1:{silent.getsockname()[1]}/")
        async with ann.running() as ends:
            await until(lambda: ann.session._opening)
            ann.session.wish("q")  # nothing to hang up yet
            ann.session.interrupt(signal.SIGINT)
            assert await ends == 130
    assert ann.session._driver is None
    assert ann.screen.shown == [events.Ended("interrupted")]
    assert ann.screen.closed == 1


async def test_an_interrupt_while_the_server_is_dialled() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        ann = One(f"http://127.0.0.1:{silent.getsockname()[1]}")
        async with ann.running() as ends:
            await until(lambda: ann.session._driver)
            ann.session.interrupt(signal.SIGTERM)
            assert await ends == 143
    assert ann.screen.shown == [events.Ended("interrupted")]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, ServerUnreachable),
        ({"microphone": "No Such"}, DeviceNotFound),
        ({"camera": "99"}, DeviceNotFound),
    ],
)
async def test_an_error_is_shown_and_raised(
    changes: dict[str, Any], error: type[PycallError], free_port: int
) -> None:
    ann = One(f"http://127.0.0.1:{free_port}", **changes)
    with pytest.raises(error) as raised:
        async with ann.running():
            pass
    failed = raised.value
    assert ann.screen.shown == [
        events.Failed(failed.code, failed.message, failed.hint),
        events.Ended("error"),
    ]
    assert ann.screen.closed == 1


@pytest.mark.integration
async def test_nobody_came(url: str) -> None:
    ann = One(url, wait=0.2)
    with pytest.raises(NobodyCame):
        async with ann.running():
            pass
    assert ann.screen.names() == ["joined", "error", "ended"]


def test_the_name_the_other_side_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_name(CallConfig(name="Ann")) == "Ann"
    monkeypatch.setattr(getpass, "getuser", lambda: "a\x1bnn")
    assert own_name(CallConfig()) == "ann"


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError])
def test_a_user_without_an_entry_has_no_name(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert own_name(CallConfig()) == ""
