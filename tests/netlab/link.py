"""The link between side a and the internet, whose shape a test changes while packets flow."""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.netlab.shaping import Counters
from tests.rig import end

REPO: Final = Path(__file__).parents[2]
ANSWER_S: Final = 15.0


class Link:
    """A running emulator. Each call takes effect before it returns."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control

    def shape(self, **changes: float) -> None:
        """Change both directions; the names are the fields of :class:`~tests.netlab.shaping.Shape`."""
        self._ask(out=changes, back=changes)

    def shape_out(self, **changes: float) -> None:
        """Change what happens on the way from side a to the internet."""
        self._ask(out=changes)

    def shape_back(self, **changes: float) -> None:
        """Change what happens on the way from the internet to side a."""
        self._ask(back=changes)

    def cut(self, seconds: float = math.inf) -> None:
        """Lose everything in both directions from now on, for ``seconds``; returns at once."""
        self._ask(cut_s=seconds)

    def restore(self) -> None:
        """End a cut."""
        self._ask(cut_s=0.0)

    @property
    def counters(self) -> tuple[Counters, Counters]:
        """What happened so far on the way out, and on the way back."""
        answer = self._ask()
        return Counters(**answer["out"]), Counters(**answer["back"])

    def _ask(self, **request: Any) -> Any:
        self._control.send(json.dumps(request).encode())
        answer = self._control.recv(65536)
        assert answer, "the emulator ended"
        return json.loads(answer)


@contextlib.contextmanager
def running_link(left: int, right: int) -> Iterator[Link]:
    """Carry packets between two TUN devices while the context lasts; closes both descriptors at once."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    handed = [left, right, theirs.fileno()]
    with ours:
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.netlab.emulator", *map(str, handed)],
                cwd=REPO, pass_fds=handed, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        finally:
            theirs.close()
            os.close(left)
            os.close(right)
        try:
            ours.settimeout(ANSWER_S)
            link = Link(ours)
            link.restore()
            yield link
        finally:
            end(process)
