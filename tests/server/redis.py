"""A real Redis for tests: Debian's, on a free port, keeping nothing."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 15.0


class RedisServer:
    """One redis-server, which can be stopped, frozen, killed and started again on its port."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._port = port
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, empty; returns when it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", str(self._folder), *self._options],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """Let it do nothing more, with all connections standing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, in whatever state."""
        if self._process is not None:
            self.kill()

    def say(self, *words: str) -> bytes:
        """Send one command; returns the beginning of what it answers."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE_S) as connection:
            encoded = [word.encode() for word in words]
            parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded]
            connection.sendall(b"*%d\r\n%s" % (len(parts), b"".join(parts)))
            return connection.recv(65536)

    def _answers(self) -> bool:
        try:
            return self.say("PING") in {b"+PONG\r\n", b"-NOAUTH Authentication required.\r\n"}
        except OSError:
            return False


@contextmanager
def redis_server(folder: Path, port: int, *options: str) -> Iterator[RedisServer]:
    """One that runs while the context lasts."""
    server = RedisServer(folder, port, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
