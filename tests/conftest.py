"""What every test gets: a clean environment, and a look at what it leaves behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.program import Programs, programs

INTEGRATION_TIMEOUT_S = 300
SETTLING_S = 3.0
"""What is ending may take this long to be gone; only what stays is a leak."""

GONE = "(gone)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Integration tests may take longer than the limit of pyproject.toml, if they say nothing else."""
    for item in items:
        if item.get_closest_marker("integration") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(INTEGRATION_TIMEOUT_S))


def pytest_collection_finish() -> None:
    """Tests and modules stay to the end; looking through them for garbage took a twentieth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PYCALL_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _nothing_left_behind(_clean_environment: None) -> Iterator[None]:
    before = _held()
    yield
    deadline = time.monotonic() + SETTLING_S
    while left := _held() - before:
        if time.monotonic() > deadline:
            pytest.fail("left behind: " + ", ".join(sorted(left)))
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _no_task_left_behind(request: pytest.FixtureRequest, _nothing_left_behind: None) -> None:
    """Look at the event loop too, where a test has one: before it closes and cancels what is left."""
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("_watched_loop")


@pytest.fixture
async def _watched_loop() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    deadline = time.monotonic() + SETTLING_S
    while left := asyncio.all_tasks() - before - {asyncio.current_task()}:
        if time.monotonic() > deadline:
            pytest.fail("left behind: " + ", ".join(sorted(map(repr, left))))
        await asyncio.sleep(0.02)


def _held() -> set[str]:
    """The threads of this process and, where the system has /proc, its children and open descriptors."""
    threads = {f"thread {thread.name} ({thread.ident})" for thread in threading.enumerate()}
    children = {
        f"process {child} {_read(Path('/proc', child, 'comm'))}"
        for task in Path("/proc/self/task").glob("*/children")
        for child in _read(task).split()
    }
    opened = {f"descriptor {fd.name} {_target(fd)}" for fd in Path("/proc/self/fd").glob("*")}
    return threads | children | {each for each in opened if not each.endswith(GONE)}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:  # it ended meanwhile
        return ""


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # the one that listed the folder
        return GONE


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def start_pycall(tmp_path: Path) -> Iterator[Programs]:
    """Starts the real command: ``start_pycall("call", "kitchen", "--json")``; see :mod:`tests.program`."""
    with programs(tmp_path / "programs") as starter:
        yield starter
