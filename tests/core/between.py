"""Two ends of a call and whoever passes their messages on, without a network."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pycall.core import events
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.attempts import Pairing
from pycall.core.link import Link
from pycall.core.messages import dump_message, parse_message
from pycall.core.verification import keys_in

SDP: Final = (Path(__file__).parents[2] / "benchmarks/crowd/offer.sdp").read_text(encoding="utf-8")
"""An offer as a browser makes it."""

PATH: Final = events.Path("direct", "host", "host")

Passed = Sequence[dict[str, Any]]
Server = Callable[[str, dict[str, Any]], Passed]
"""What comes out when an end, ``caller`` or ``callee``, sends a payload to the other one."""


def honest(_: str, payload: dict[str, Any]) -> Passed:
    """Pass on what comes."""
    return [payload]


def with_own_key(sdp: str, seed: random.Random) -> str:
    """A description with another key in place of its own."""
    [key] = keys_in(sdp)
    return sdp.replace(key.split()[1], seed.randbytes(32).hex(":").upper())


def in_the_middle(_: str, payload: dict[str, Any]) -> Passed:
    """Put another key into every description."""
    if "sdp" not in payload:
        return [payload]
    return [payload | {"sdp": with_own_key(payload["sdp"], random.Random(payload["type"]))}]


@dataclass(eq=False)
class End:
    """One of the two, with a key of its own."""

    name: str
    seed: random.Random
    link: Link = field(default_factory=lambda: Link(60.0))
    told: list[events.Event] = field(default_factory=list)
    attempt: int = 0
    sending: set[int] = field(default_factory=set)
    """The attempts on which camera and microphone would go out."""

    described: bool = False
    """Whether it has the other end's description, so that media could flow soon."""

    def __post_init__(self) -> None:
        self.change_key()

    def change_key(self) -> None:
        """Have another key from now on, as after a new start."""
        self.fingerprint = self.seed.randbytes(32).hex(":").upper()

    @property
    def sdp(self) -> str:
        """A description with this end's key and candidate."""
        lines = [
            f"a=fingerprint:sha-256 {self.fingerprint}" if line.startswith("a=fingerprint:") else line
            for line in SDP.splitlines()
        ]
        lines.append(f"a=candidate:1 1 udp 2130706431 192.0.2.{len(self.name)} 50000 typ host")
        return "\r\n".join([*lines, ""])

    @property
    def words(self) -> list[tuple[str, ...]]:
        """All that it showed, the newest last."""
        return [event.words for event in self.told if isinstance(event, events.Words)]

    @property
    def notices(self) -> list[str]:
        """The codes of what else its user was told."""
        return [event.code for event in self.told if isinstance(event, events.Notice)]


class Between:
    """A server between a caller, who offers, and a callee; ``server`` decides what arrives."""

    def __init__(self, seed: int, server: Server = honest) -> None:
        self.random = random.Random(seed)
        self.caller, self.callee = End("caller", self.random), End("callee", self.random)
        self.server = server
        self.epoch = 0
        self._orders: deque[tuple[End, o.Output]] = deque()

    def connect(self, *, stands: bool = True) -> None:
        """Both are in the room: negotiate, and stand unless that is not wanted."""
        self.epoch = 1
        for end, offering in ((self.callee, False), (self.caller, True)):
            self._do(end, end.link.open((), 0.0))
            self._do(end, end.link.pair(Pairing(i.PeerInfo("x", "X", renews=True), 1, offering), (), 0.0))
        self._run()
        if stands:
            self._stand()

    def renew_unconnected(self) -> None:
        """Both begin another connection, and it does not stand."""
        self.epoch += 1
        for end in (self.callee, self.caller):
            self._do(end, end.link.renewed(self.epoch, (), float(self.epoch)))
        self._run()

    def build(self) -> None:
        """Both build another connection, which stands and is not heard yet."""
        self.renew_unconnected()
        self._stand()

    def renew(self) -> None:
        """Both build another connection, and it carries the call."""
        self.build()
        self.take_over()

    def take_over(self) -> None:
        """What was built is heard."""
        for end in (self.caller, self.callee):
            self._do(end, end.link.heard(end.attempt, self.epoch + 0.5))
        self._run()

    def wait(self, now: float) -> None:
        """Time goes by."""
        for end in (self.caller, self.callee):
            self._do(end, end.link.tick(now))
        self._run()

    def _stand(self) -> None:
        for end in (self.caller, self.callee):
            self._do(end, end.link.connected(end.attempt, PATH, float(self.epoch)))
        self._run()

    def _do(self, end: End, orders: list[o.Output]) -> None:
        self._orders += [(end, order) for order in orders]

    def _run(self) -> None:
        while self._orders:
            end, order = self._orders.popleft()
            self._carry_out(end, order)

    def _carry_out(self, end: End, order: o.Output) -> None:
        nonce = self.random.randbytes(16)
        match order:
            case o.OpenPeer(attempt):
                end.attempt, end.described = attempt, False
            case o.SendMedia(attempt):
                end.sending.add(attempt)
            case o.ClosePeer(attempt):
                end.sending.discard(attempt)
            case o.CreateOffer(attempt):
                self._do(end, end.link.described(i.OfferCreated(attempt, end.sdp, nonce)))
            case o.AcceptOffer(attempt):
                end.described = True
                self._do(end, end.link.described(i.AnswerCreated(attempt, end.sdp, nonce)))
            case o.AcceptAnswer():
                end.described = True
            case o.SendMessage(message):
                other = self.callee if end is self.caller else self.caller
                for payload in self.server(end.name, dump_message(message)):
                    self._do(other, other.link.received(parse_message(payload), float(self.epoch)))
            case o.Announce(event):
                end.told.append(event)
            case _:
                pass
