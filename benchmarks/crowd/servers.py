"""The servers that are compared, each a process as its user starts it."""

from __future__ import annotations

import json
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from processes import cpu_s, memory_mb

PYCALL: Final = "pycall"
NODE: Final = "Node"
CONTESTANTS: Final = (PYCALL, NODE)

SEED: Final = Path(__file__).with_name("seed")
INSTALL_S: Final = 120.0
START_S: Final = 60.0
END_S: Final = 10.0
COLLECTING_S: Final = 1.0
"""How long Node gets to collect its garbage when told to."""

NOT_SOCKETS: Final = 200
"""Descriptors left to a server for what else it opens, and to clients that come and go."""


class ServerFailed(RuntimeError):
    """A server did not start; it has said why."""

    def __init__(self, name: str, exit_code: int) -> None:
        super().__init__(
            f"The server of {name} did not start, and ended with {exit_code}. It says why above."
        )


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    process: subprocess.Popen[str]
    port: int

    def cpu_s(self) -> float:
        """CPU seconds so far, user's and system's, of all its processes."""
        return cpu_s(self.process.pid)

    def memory_kb(self) -> float:
        """What it holds; Node is first asked to collect its garbage, which it leaves lying otherwise."""
        if self.name == NODE:
            self.process.send_signal(signal.SIGUSR2)
            time.sleep(COLLECTING_S)
        return 1024 * memory_mb(self.process.pid)


def most_rooms() -> int:
    """As many rooms of two as this machine's limit of descriptors for one process leaves room for."""
    return (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - NOT_SOCKETS) // 2


def installed_node() -> str:
    """The path of node, with Socket.IO installed beside the seed's server as its lock file says.

    Raises:
        FileNotFoundError: node or npm is missing.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise FileNotFoundError("node and npm are missing: apt install nodejs npm")
    if not (SEED / "node_modules" / "socket.io").exists():
        install = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(install, cwd=SEED, check=True, capture_output=True, timeout=INSTALL_S)
    return node


def versions() -> tuple[str, str]:
    """Which Node and which Socket.IO it is."""
    said = subprocess.run([installed_node(), "--version"], capture_output=True, text=True, check=True)
    package = SEED / "node_modules/socket.io/package.json"
    version = json.loads(package.read_text(encoding="utf-8"))["version"]
    return f"Node {said.stdout.strip()}", f"socket.io {version}"


@contextmanager
def running(name: str, errors: IO[str]) -> Iterator[Server]:
    """A server of this name, on a free port of this machine; what it complains about goes to ``errors``.

    Raises:
        ServerFailed: it ended instead of listening, or did not listen in time.
    """
    if name == NODE:
        command, says = [installed_node(), "--expose-gc", str(SEED / "server.mjs")], r"^(\d+)$"
    else:
        pycall = str(Path(sys.executable).with_name("pycall"))
        command = [pycall, "serve", "--host", "127.0.0.1", "--port", "0"]
        says = r"listening on http://127\.0\.0\.1:(\d+)"
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # which the server inherits
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
    )
    assert process.stdout is not None
    hanging = threading.Timer(START_S, process.kill)
    hanging.start()
    try:
        port = next((found[1] for line in process.stdout if (found := re.search(says, line))), None)
        hanging.cancel()
        if port is None:
            raise ServerFailed(name, process.wait(END_S))
        yield Server(name, process, int(port))
    finally:
        hanging.cancel()
        process.terminate()
        try:
            process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
