"""Small UDP sockets on the laboratory's machines, with which tests measure what stands between them."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from typing import Final, TypeAlias

from tests.netlab.namespaces import Namespace

Place: TypeAlias = tuple[str, int]
"""An address and a port."""

PATIENCE_S: Final = 10.0
ROUND_S: Final = 0.15
"""Time for a packet to cross a link that delays nothing, on a busy machine."""


class Probe:
    """A UDP socket on a machine."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    @property
    def place(self) -> Place:
        """Where it is bound."""
        address, port = self._socket.getsockname()[:2]
        return address, port

    def send(self, text: str, to: Place) -> None:
        """Send a datagram; that it cannot leave is a loss like any other."""
        with contextlib.suppress(OSError):
            self._socket.sendto(text.encode(), to)

    def receive(self, timeout: float = PATIENCE_S) -> tuple[str, Place] | None:
        """The next datagram and where it came from, or None if none comes in time."""
        deadline = time.monotonic() + timeout
        while select.select([self._socket], [], [], max(0.0, deadline - time.monotonic()))[0]:
            with contextlib.suppress(OSError):  # the news that an earlier one found nobody
                data, source = self._socket.recvfrom(2048)
                return data.decode(), (source[0], source[1])
        return None

    def seen_by(self, other: Probe) -> Place:
        """Where a datagram to another probe seems to come from."""
        self.send("who am I?", other.place)
        answer = other.receive()
        assert answer is not None, "nothing arrived"
        return answer[1]


@contextlib.contextmanager
def probes(*places: tuple[Namespace, str] | tuple[Namespace, str, int]) -> Iterator[list[Probe]]:
    """A probe for each machine, address and port; any free port if none is given."""
    with contextlib.ExitStack() as stack:
        made = []
        for namespace, address, *port in places:
            with namespace.inside():
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                sock = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            sock.setblocking(False)
            sock.bind((address, *port) if port else (address, 0))
            made.append(Probe(sock))
        yield made


def can_meet(one: Probe, other: Probe, one_at: Place, other_at: Place) -> bool:
    """Whether two that know where the other seems to be can open a way, both sending at once (RFC 5128)."""
    known = {one: {other_at}, other: {one_at}}
    answered = {one: False, other: False}
    for _ in range(3):
        for probe, peers in known.items():
            for peer in peers:
                probe.send("heard you" if answered[probe] else "hello", peer)
        for probe, peers in known.items():
            while (came := probe.receive(0 if all(answered.values()) else ROUND_S)) is not None:
                peers.add(came[1])
                answered[probe] = True
    return all(answered.values())
