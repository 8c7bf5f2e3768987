"""A laboratory as a test uses it: the machines of :mod:`tests.netlab.topology`, and programs on them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.integration.conftest import QUIET
from tests.netlab.addresses import BLACK_HOLE, SECOND, SERVER, Kind, Side, url_host
from tests.netlab.coturn import Coturn, running_coturn
from tests.netlab.topology import Topology, topology
from tests.program import PYCALL, Program, Programs, programs

PORT: Final = 8080


class Laboratory:
    """Two hosts with all that is between them; what was started ends before the network goes."""

    def __init__(self, built: Topology, folder: Path, start: Programs, stack: contextlib.ExitStack) -> None:
        self.a, self.b = built.a, built.b
        self.nat_a, self.nat_b = built.nat_a, built.nat_b
        self.link = built.link
        self.public = built.public
        self.version = built.version
        """Of IP: 4, or 6 if both sides have only that."""
        self._folder = folder
        self._start = start
        self._stack = stack
        self._environment: dict[str, str] = {}

    @property
    def server_address(self) -> str:
        """The public host's address, on which the server and coturn listen."""
        return SERVER[self.version]

    @property
    def second_address(self) -> str:
        """The public host's other address."""
        return SECOND[self.version]

    @property
    def black_hole(self) -> str:
        """An address that never answers, not even with an error."""
        return BLACK_HOLE[self.version]

    @property
    def url(self) -> str:
        """Where :meth:`server` listens."""
        return f"http://{url_host(self.server_address)}:{PORT}"

    def server(self, *options: str) -> Program:
        """Start `pycall serve` on the public host and wait until it listens; again after it was killed."""
        where = ("--host", self.server_address, "--port", str(PORT))
        program = self._start("serve", *where, *options, command=self.public.command(PYCALL))
        program.wait_for("listening on")
        return program

    def coturn(self, **settings: Any) -> Coturn:
        """Start coturn on the public host, once; programs started later trust its certificate.

        ``settings`` are those of :func:`~tests.netlab.coturn.running_coturn`.
        """
        starting = running_coturn(self.public, self.server_address, self._folder / "coturn", **settings)
        coturn = self._stack.enter_context(starting)
        self._environment["SSL_CERT_FILE"] = str(coturn.certificate)
        return coturn

    def caller(self, side: Side, room: str, *options: str, **changes: str | None) -> Program:
        """Start ``pycall call ROOM --json`` on a host, with test sources and nothing to show or play.

        ``changes`` replace options that have a value, or add some: ``name="Ann"``, ``camera="none"``.
        """
        given = QUIET | {"--server": self.url}
        given |= {f"--{key.replace('_', '-')}": value for key, value in changes.items() if value is not None}
        words = [word for option in given.items() for word in option]
        return self.run(side, PYCALL, "call", room, "--json", *words, *options)

    def run(self, side: Side, program: str | Path, *words: str | Path) -> Program:
        """Start any program on a host."""
        command = (self.a if side == "a" else self.b).namespace.command(program)
        return self._start(*words, command=command, env=self._environment)


@contextlib.contextmanager
def running_laboratory(a: Kind, b: Kind, folder: Path) -> Iterator[Laboratory]:
    """Build one between two sides of these kinds; files of its programs go to ``folder``."""
    with contextlib.ExitStack() as stack:
        built = stack.enter_context(topology(a, b))
        start = stack.enter_context(programs(folder / "programs"))
        yield Laboratory(built, folder, start, stack)
