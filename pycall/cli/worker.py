"""One of several processes that share a port: what it is to do comes over its standard input.

It ends as at a signal when that is closed, since whoever started it is no more.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import struct
import sys
from dataclasses import dataclass, field
from typing import Final

import click

from pycall.cli.garbage import collect_seldom
from pycall.cli.server import asked_to_end, identity_of, run_and_log, server_of
from pycall.config import Limits, ServerConfig
from pycall.core.names import terminal_safe
from pycall.errors import PycallError
from pycall.server.admission.descriptors import raise_limit
from pycall.server.ice.iceservers import Turn
from pycall.server.ice.service import Ice
from pycall.server.monitoring.siblings import Siblings

READY: Final = b"ready\n"
"""What it prints when clients can connect."""

_LENGTH: Final = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker is to do; STUN and TURN run once, in the process that starts the workers."""

    config: ServerConfig
    limits: Limits
    verbose: bool
    redis: str = field(repr=False)
    stun: tuple[str, ...]
    turns: tuple[Turn, ...]
    figures: dict[str, str]
    """Where each worker tells the others its figures, by its name."""

    def packed(self) -> bytes:
        """As it is written to the worker's standard input."""
        content = pickle.dumps(self)
        return _LENGTH.pack(len(content)) + content


def main() -> int:
    """Do it; returns the exit code."""
    assignment = _read(sys.stdin.fileno())
    try:
        return run_and_log(
            assignment.config, lambda: _work(assignment, sys.stdin.fileno()), verbose=assignment.verbose
        )
    except PycallError as error:
        click.echo(f"Error: {terminal_safe(error.message)}", err=True)
        if error.hint:
            click.echo(f"Hint: {terminal_safe(error.hint)}", err=True)
        return error.exit_code


async def _work(assignment: Assignment, stdin: int) -> int:
    raise_limit()
    asked = asked_to_end()

    def forsaken() -> None:
        if asked.is_set():  # whoever waited for the end does not any more
            os._exit(1)
        asked.set()
        os.set_blocking(stdin, False)
        asyncio.get_running_loop().remove_reader(stdin)

    asyncio.get_running_loop().add_reader(stdin, forsaken)
    config = assignment.config
    ice = Ice(public_host=config.public_host, lifetime_s=config.turn_lifetime)
    ice.servers.stun, ice.servers.turns = assignment.stun, assignment.turns
    siblings = Siblings(config.node, assignment.figures)
    server = server_of(
        config, assignment.limits, identity_of(config), ice, redis=assignment.redis, siblings=siblings
    )
    await server.start()
    collect_seldom()
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    await asked.wait()
    await server.stop()
    return 0


def _read(stdin: int) -> Assignment:
    (length,) = _LENGTH.unpack(_read_exactly(stdin, _LENGTH.size))
    assignment = pickle.loads(_read_exactly(stdin, length))  # noqa: S301  from who started this process
    assert isinstance(assignment, Assignment)
    return assignment


def _read_exactly(stdin: int, length: int) -> bytes:
    """Not one byte more: the event loop looks at the rest."""
    content = b""
    while len(content) < length:
        part = os.read(stdin, length - len(content))
        if not part:
            raise SystemExit(1)
        content += part
    return content
