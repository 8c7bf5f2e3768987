"""The attempts of one call: what carries it, and what is being built to replace that."""

from __future__ import annotations

from dataclasses import dataclass

from pycall.core import events, patience
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.messages import IceServer
from pycall.core.negotiation import Negotiation
from pycall.core.verification import Verification


@dataclass(frozen=True, slots=True)
class Pairing:
    """Somebody to talk to, and who offers."""

    peer: i.PeerInfo
    epoch: int | None
    offering: bool


@dataclass(slots=True)
class Attempt:
    """A peer connection on its way; ``path`` is known when it stands."""

    negotiation: Negotiation
    path: events.Path | None = None
    heard: bool = False
    is_held: bool = True
    """Whether camera and microphone wait until the user was told what is known of the other end."""

    words_until: float | None = None
    """When the other end's part of the words is not waited for any more."""

    @property
    def number(self) -> int:
        """Counted from 1 in each call."""
        return self.negotiation.attempt


class Attempts:
    """At most one carries the call and at most one is being built to replace that."""

    def __init__(self) -> None:
        self.carrying: Attempt | None = None
        self.building: Attempt | None = None
        self.ice_servers: tuple[IceServer, ...] = ()
        """What those to come shall use."""
        self._count = 0
        self._verification = Verification()

    @property
    def newest(self) -> Attempt | None:
        """The one that negotiates."""
        return self.building or self.carrying

    @property
    def are_new(self) -> bool:
        """Whether nothing has stood yet."""
        return self.carrying is not None and self.carrying.path is None

    def owns(self, number: int) -> bool:
        """Whether this is one of them."""
        return any(one.number == number for one in (self.carrying, self.building) if one is not None)

    def negotiation_of(self, number: int) -> Negotiation | None:
        """The negotiation of this one, unless there is a newer one."""
        newest = self.newest
        return newest.negotiation if newest is not None and newest.number == number else None

    def open(self) -> list[o.Output]:
        """Begin one that carries the call as soon as it stands, instead of another if there was one."""
        closing = [_closed(self.carrying)] if self.carrying is not None else []
        self.carrying, order = self._next()
        return [*closing, order]

    def build(self) -> list[o.Output]:
        """Begin one that is to replace the carrying one, which is kept meanwhile."""
        closing = self.drop()
        self.building, order = self._next()
        return [*closing, order]

    def begin(self, pairing: Pairing) -> list[o.Output]:
        """Let the newest one negotiate."""
        assert self.newest is not None  # who waits for somebody has a connection ready
        wait_s = 0.0 if pairing.peer.renews else patience.CANDIDATES_S
        return self.newest.negotiation.begin(pairing.epoch, offering=pairing.offering, wait_s=wait_s)

    def drop(self) -> list[o.Output]:
        """Give up what is being built."""
        dropped, self.building = self.building, None
        return [] if dropped is None else [_closed(dropped)]

    def replace(self) -> list[o.Output]:
        """What was built carries the call from now on."""
        old, self.carrying, self.building = self.carrying, self.building, None
        return [] if old is None else [_closed(old)]

    def lose(self) -> list[o.Output]:
        """The carrying one cannot be used any more."""
        lost, self.carrying = self.carrying, None
        return [] if lost is None else [_closed(lost)]

    def close(self, *, say_bye: bool) -> list[o.Output]:
        """End all, and forget whom they were with; ``say_bye`` tells that one that it is on purpose."""
        out = [o.ClosePeer(one.number, say_bye) for one in (self.carrying, self.building) if one]
        self.carrying = self.building = None
        self._verification = Verification()
        return list(out)

    # The words

    @property
    def deadline(self) -> float | None:
        """When :meth:`verify` is wanted again, on the clock of ``now``."""
        return self.carrying.words_until if self.carrying is not None else None

    def verify(self, now: float) -> list[o.Output]:
        """Tell what is known of whether anything was tampered with, as far as it is new."""
        out, carrying = self._look(), self.carrying
        if carrying is not None:
            exchange = carrying.negotiation.exchange
            if carrying.words_until is not None and now >= carrying.words_until:
                exchange.give_up()
            out += self._verification.conclude(exchange)
            if not exchange.is_awaited or carrying.path is None:
                carrying.words_until = None
            elif carrying.words_until is None:
                carrying.words_until = now + patience.WORDS_S
        return out + self._release()

    def described(self) -> list[o.Output]:
        """Both ends of the newest one are described: its keys are known."""
        return self._look() + self._release()

    def _look(self) -> list[o.Output]:
        """Tell of another key, whether or not its connection ever carries anything."""
        newest = self.newest
        return [] if newest is None else self._verification.look(newest.negotiation.exchange)

    def _release(self) -> list[o.Output]:
        """Send camera and microphone where the user was told what is known of the other end."""
        out: list[o.Output] = []
        for one in (self.carrying, self.building):
            if one is not None and one.is_held:
                exchange = one.negotiation.exchange
                is_told = one is self.carrying and not exchange.is_awaited
                if is_told or self._verification.knows(exchange):
                    one.is_held = False
                    out.append(o.SendMedia(one.number))
        return out

    def _next(self) -> tuple[Attempt, o.OpenPeer]:
        self._count += 1
        attempt = Attempt(Negotiation(self._count, self._verification.begin()))
        return attempt, o.OpenPeer(self._count, self.ice_servers)


def _closed(attempt: Attempt) -> o.Output:
    return o.ClosePeer(attempt.number, say_bye=False)
