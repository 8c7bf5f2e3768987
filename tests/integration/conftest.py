"""A real server and real callers, as commands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.program import Program, Programs
from tests.rig import pulse, speech_file, speech_wav, xvfb

__all__ = ["pulse", "speech_file", "speech_wav", "xvfb"]

Caller = Callable[..., Program]

QUIET = {"--camera": "test", "--microphone": "test", "--speaker": "none", "--display": "none"}


@pytest.fixture
def server(start_pycall: Programs) -> Program:
    """A `pycall serve` on a free port of the loopback."""
    program = start_pycall("serve", "--host", "127.0.0.1", "--port", "0")
    program.wait_for("http://127.0.0.1:")
    return program


@pytest.fixture
def url(server: Program) -> str:
    """Where the server listens."""
    return url_of(server)


def url_of(server: Program) -> str:
    """The URL a started `pycall serve` prints."""
    words = server.stdout.split()
    return next(word for word in words if word.startswith("http://127.0.0.1:")).rstrip("./")


@pytest.fixture
def start_call(start_pycall: Programs, url: str) -> Caller:
    """Starts ``pycall call ROOM --json`` on test sources; further options replace or add to these."""

    def start(room: str, *options: str, **changes: str | None) -> Program:
        given = (
            QUIET
            | {"--server": url}
            | {f"--{key.replace('_', '-')}": value for key, value in changes.items()}
        )
        words = [word for key, value in given.items() if value is not None for word in (key, value)]
        return start_pycall("call", room, "--json", *words, *options)

    return start
