"""The real command `pycall` in a process of its own, as tests start it and listen to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PYCALL = Path(sys.executable).with_name("pycall")
PATIENCE_S = 30.0
"""Only a program that hangs is given up; how fast it should be is not judged here."""


@dataclass
class Program:
    """A started `pycall`; it writes to files, so it never waits for its reader."""

    process: subprocess.Popen[bytes]
    _stdout: Path
    _stderr: Path

    @property
    def stdout(self) -> str:
        """Everything it printed so far."""
        return self._stdout.read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        """Everything it complained about so far."""
        return self._stderr.read_text(encoding="utf-8")

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it printed with ``--json`` so far, whole lines only."""
        return [json.loads(line) for line in self.stdout.splitlines(keepends=True) if line.endswith("\n")]

    def wait(self, timeout: float = PATIENCE_S) -> int:
        """Its exit code, once it ended by itself."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s\n{self._told()}") from None

    def wait_for(self, text: str, timeout: float = PATIENCE_S) -> None:
        """Wait until ``text`` was printed, on stdout or stderr."""
        self._poll(lambda: text in self.stdout + self.stderr, f"no {text!r}", timeout)

    def wait_for_event(self, name: str, timeout: float = PATIENCE_S) -> dict[str, Any]:
        """Wait for the first ``--json`` event of this name and return it."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found[:] = [event for event in self.events if event["event"] == name]
            return bool(found)

        self._poll(is_there, f"no event {name}", timeout)
        return found[0]

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as ``signal.SIGINT``."""
        self.process.send_signal(number)

    def _poll(self, condition: Callable[[], bool], otherwise: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if self.process.poll() is not None and not condition():
                raise AssertionError(f"{otherwise}; it ended with {self.process.returncode}\n{self._told()}")
            assert time.monotonic() < deadline, f"{otherwise} within {timeout} s\n{self._told()}"
            time.sleep(0.02)

    def _told(self) -> str:
        return f"stdout:\n{self.stdout}\nstderr:\n{self.stderr}"


@dataclass
class Programs:
    """Starts the command any number of times; what still runs at the end is ended by its id."""

    folder: Path
    started: list[Program] = field(default_factory=list)

    def __call__(
        self,
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        command: Sequence[str | Path] = (PYCALL,),
    ) -> Program:
        """Start ``pycall ARGS`` in ``cwd`` (default: an empty folder); ``env`` adds to the environment."""
        number = len(self.started)
        work = cwd or self.folder / f"work-{number}"
        work.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        stdout, stderr = self.folder / f"{number}.stdout", self.folder / f"{number}.stderr"
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = subprocess.Popen(
                [*map(str, command), *map(str, args)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=work,
                env={**os.environ, **(env or {})},
            )
        program = Program(process, stdout, stderr)
        self.started.append(program)
        return program


@contextmanager
def programs(folder: Path) -> Iterator[Programs]:
    """Start programs while the context lasts; their output is kept in ``folder``."""
    starter = Programs(folder)
    try:
        yield starter
    finally:
        for program in starter.started:
            if program.process.poll() is None:
                program.process.terminate()
        for program in starter.started:
            try:
                program.process.wait(5)
            except subprocess.TimeoutExpired:
                program.process.kill()
                program.process.wait(5)
