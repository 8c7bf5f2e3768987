"""The connection to one peer across its epochs: what carries the call, and what is to replace it.

A connection is replaced, never repaired: when the other end falls silent or this computer's addresses
change, the pairing is *renewed*, which means that the server counts its epoch up and tells both ends,
and each builds another peer connection. The old one is kept until the new one carries something; when
it speaks again first, the new one is given up and the other end is told so (`keep`).

A part of :class:`~pycall.core.call.Call`: without I/O and clock, it returns orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from pycall.core import events, patience
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.attempts import Attempts, Pairing
from pycall.core.messages import IceServer, Keep, Message


@dataclass(slots=True)
class _Renewal:
    """The time from the first doubt about the connection until something carries the call again.

    ``deaf`` is who began it by hearing nothing; only such a one may take it back.
    """

    heard_at: float
    tell_at: float
    ask_at: float
    told: bool = False
    deaf: bool = False
    build_until: float = 0.0


class Link:
    """The connection to one other end, from doubt to doubt.

    ``reconnect_s`` is how long silence may last before :meth:`gave_up`.
    """

    def __init__(self, reconnect_s: float) -> None:
        self._reconnect_s = max(reconnect_s, patience.SILENCE_S)
        self._attempts = Attempts()
        self._pairing: Pairing | None = None
        self._renewal: _Renewal | None = None
        self._path: events.Path | None = None
        self._opened_at = 0.0
        self._heard_at: float | None = None
        """When the other end was last heard, while it is not."""
        self._asked: int | None = None
        """The epoch whose end we asked for and were not told yet."""

    @property
    def is_open(self) -> bool:
        """Whether there is a peer connection, or one to come."""
        return self._attempts.carrying is not None or self._renewal is not None

    @property
    def epoch(self) -> int | None:
        """That of the pairing, if there is one."""
        return self._pairing.epoch if self._pairing else None

    def silence(self, now: float) -> float:
        """How long nothing has come from the other end, in seconds; for ever if there is no connection."""
        if self._attempts.newest is None:
            return inf
        return 0.0 if self._heard_at is None else now - self._heard_at

    def owns(self, attempt: int) -> bool:
        """Whether ``attempt`` is one of the present ones."""
        return self._attempts.owns(attempt)

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is wanted, on the clock of ``now``."""
        times = [] if self._attempts.deadline is None else [self._attempts.deadline]
        if (renewal := self._renewal) is not None:
            times.append(renewal.build_until if self._attempts.building else renewal.ask_at)
            if not renewal.told:
                times.append(renewal.tell_at)
            if self._heard_at is not None:
                times.append(renewal.heard_at + self._reconnect_s)
        return min(times, default=None)

    # From the first connection to its end

    def open(self, ice_servers: tuple[IceServer, ...], now: float) -> list[o.Output]:
        """A fresh connection, ready for whoever comes."""
        out = self.close()
        self._attempts.ice_servers, self._opened_at = ice_servers, now
        return [*out, *self._attempts.open()]

    def close(self, *, say_bye: bool = False) -> list[o.Output]:
        """End everything; with ``say_bye`` tell the other end that it is on purpose."""
        self._renewal = self._pairing = self._heard_at = self._asked = None
        return self._attempts.close(say_bye=say_bye)

    def pair(self, pairing: Pairing, ice_servers: tuple[IceServer, ...], now: float) -> list[o.Output]:
        """The other one is there: negotiate, with candidates that are still good."""
        out = [] if now - self._opened_at <= patience.FRESH_S else self.open(ice_servers, now)
        self._pairing = pairing
        return [*out, *self._attempts.begin(pairing)]

    def received(self, message: Message, now: float) -> list[o.Output]:
        """The other one's message, for the connection of its epoch."""
        if isinstance(message, Keep):
            return self._kept(message.epoch, now)
        newest = self._attempts.newest
        out = [] if newest is None else newest.negotiation.received(message)
        return out + self._attempts.verify(now)

    def described(self, report: i.OfferCreated | i.AnswerCreated | i.CandidateGathered) -> list[o.Output]:
        """One of our attempts has something for the other end."""
        negotiation = self._attempts.negotiation_of(report.attempt)
        if negotiation is None:
            return []
        match report:
            case i.OfferCreated(_, sdp, nonce):
                return negotiation.offered(sdp, nonce)
            case i.AnswerCreated(_, sdp, nonce):
                return [*negotiation.answered(sdp, nonce), *self._attempts.described()]
            case i.CandidateGathered(_, line):
                return negotiation.gathered(line)

    def connected(self, attempt: int, path: events.Path, now: float) -> list[o.Output]:
        """An attempt stands; the one that replaces another takes over when it is heard, too."""
        building, carrying = self._attempts.building, self._attempts.carrying
        if building is not None and building.number == attempt:
            building.path = path
            return self._take_over(now)
        if carrying is None or carrying.path is not None:
            return []
        carrying.path = self._path = path
        return [o.MeasurePeer(attempt), *self._attempts.verify(now)]

    def path_changed(self, attempt: int, path: events.Path) -> list[o.Output]:
        """An attempt goes another way."""
        carrying = self._attempts.carrying
        if carrying is None or carrying.number != attempt or carrying.path in {None, path}:
            return []
        carrying.path = path
        return self._on(path)

    # Silence

    def silent_for(self, attempt: int, silent_s: float, now: float) -> list[o.Output]:
        """Nothing was heard on ``attempt`` for so long."""
        carrying = self._attempts.carrying
        if carrying is None or carrying.number != attempt or carrying.path is None:
            return []
        heard_at = self._heard_at = now - silent_s
        if self._renewal is not None:
            self._renewal.heard_at = min(self._renewal.heard_at, heard_at)
        if silent_s < patience.SILENCE_S:
            return []
        out = self._doubt(now, heard_at)
        assert self._renewal is not None
        self._renewal.deaf = True
        return [*out, *self._tell(now)]

    def heard(self, attempt: int, now: float) -> list[o.Output]:
        """Something came on ``attempt``, for the first time or again."""
        building, carrying = self._attempts.building, self._attempts.carrying
        if building is not None and building.number == attempt:
            building.heard = True
            return self._take_over(now)
        if carrying is None or carrying.number != attempt:
            return []
        self._heard_at = None
        if self._renewal is None or not self._renewal.deaf:
            return []
        if building is not None and building.path is not None:
            return []
        out = self._attempts.drop()
        if building is not None and self.epoch is not None:
            out.append(o.SendMessage(Keep(self.epoch)))
        return [*out, *self._settled(now)]

    def broke(self, attempt: int, now: float) -> list[o.Output] | None:
        """An attempt cannot be used any more; ``None`` when nothing can replace it."""
        building, carrying = self._attempts.building, self._attempts.carrying
        if building is not None and building.number == attempt:
            return self._pause(now)
        if carrying is None or carrying.path is None or not self._renewable:
            return None
        self._heard_at = now
        return [*self._attempts.lose(), *self._doubt(now, now)]

    def gave_up(self, now: float) -> bool:
        """Whether the silence has lasted too long; what of it this computer slept through is forgiven."""
        if self._heard_at is None or self._renewal is None:
            return False
        over_s = now - self._renewal.heard_at - self._reconnect_s
        if over_s > patience.OVERSLEPT_S:
            self._renewal.heard_at = now - self._reconnect_s + min(patience.BUILD_S, self._reconnect_s)
            return False
        return over_s >= 0

    # Renewing

    def network_changed(self, now: float, *, lost: bool) -> list[o.Output]:
        """This computer's addresses changed; what stands was made for one that is ``lost``, perhaps.

        Others than before may help where nothing stands.
        """
        if not self._renewable or not (lost or self._renewal is not None):
            return [o.CheckSignalling()]
        if self._attempts.are_new:
            return self._question()
        out = self._attempts.drop()
        if self._renewal is None:
            self._renewal = _Renewal(now, now, now)
        return [*out, *self._ask(now), *self._tell(now)]

    def renewed(self, epoch: int, ice_servers: tuple[IceServer, ...], now: float) -> list[o.Output]:
        """The server counted the pairing up: both build another connection."""
        if self._pairing is None or epoch == self._pairing.epoch:
            return []
        asked, self._asked = self._asked is not None and self._asked == self._pairing.epoch, None
        self._pairing = Pairing(self._pairing.peer, epoch, self._pairing.offering)
        self._attempts.ice_servers = ice_servers or self._attempts.ice_servers
        if self._attempts.are_new:
            return [*self._attempts.open(), *self._attempts.begin(self._pairing)]
        if asked and self._renewal is None:  # it speaks again: we asked in vain
            return [o.SendMessage(Keep(epoch))]
        renewal = self._renewal = self._renewal or _Renewal(now, now, now)
        renewal.build_until = now + patience.BUILD_S
        return [*self._attempts.build(), *self._attempts.begin(self._pairing), *self._tell(now)]

    def resumed(self, pairing: Pairing, ice_servers: tuple[IceServer, ...], now: float) -> list[o.Output]:
        """We are on our seat again, the same peer on the other; it may have renewed the pairing meanwhile.

        Unless we knew of no pairing: then the peer came while we were away, and builds nothing.
        """
        if self.epoch is None or pairing.epoch in {None, self.epoch}:
            return self.adopt(pairing, now)
        self._pairing = Pairing(pairing.peer, self.epoch, pairing.offering)
        return self.renewed(pairing.epoch, ice_servers, now)

    def adopt(self, pairing: Pairing, now: float) -> list[o.Output]:
        """The same peer in a pairing the server knows by another number, or in the one from before.

        Nothing carries over from an epoch the server has forgotten, so what was being built is not.
        """
        same, self._pairing, self._asked = pairing == self._pairing, pairing, None
        if self._renewal is None or (same and self._attempts.building is not None):
            return []
        return [*self._attempts.drop(), *self._ask(now)]

    def unpair(self) -> None:
        """The server knows of no pairing now; it may learn of it again (:meth:`adopt`)."""
        if self._pairing is not None:
            self._pairing, self._asked = Pairing(self._pairing.peer, None, self._pairing.offering), None

    def tick(self, now: float) -> list[o.Output]:
        """Do what is due."""
        renewal, out = self._renewal, self._attempts.verify(now)
        if renewal is None:
            return out
        if self._attempts.building is not None and now >= renewal.build_until:
            out += self._attempts.drop()
            renewal.ask_at = now
        if now >= renewal.tell_at:
            out += self._tell(now)
        if self._attempts.building is None and now >= renewal.ask_at:
            out += self._settled(now) if self._heard_at is None else self._ask(now)
        return out

    @property
    def _renewable(self) -> bool:
        return self._pairing is not None and self._pairing.peer.renews

    def _doubt(self, now: float, heard_at: float) -> list[o.Output]:
        if self._renewal is None:
            self._renewal = _Renewal(heard_at, now + patience.TELL_S, now)
        return self._ask(now) if self._attempts.building is None and now >= self._renewal.ask_at else []

    def _ask(self, now: float) -> list[o.Output]:
        assert self._renewal is not None
        self._renewal.ask_at = now + patience.ASK_AGAIN_S
        return self._question()

    def _question(self) -> list[o.Output]:
        """For another epoch, of a server that perhaps does not answer any more either."""
        if self._pairing is None or self._pairing.epoch is None or not self._pairing.peer.renews:
            return [o.CheckSignalling()]
        self._asked = self._pairing.epoch
        return [o.RenewPairing(self._pairing.epoch), o.CheckSignalling()]

    def _tell(self, now: float) -> list[o.Output]:
        if self._renewal is None or self._renewal.told:
            return []
        self._renewal.told = True
        return [o.Announce(events.Reconnecting(now - self._renewal.heard_at))]

    def _settled(self, now: float) -> list[o.Output]:
        renewal, self._renewal = self._renewal, None
        if renewal is None or not renewal.told:
            return []
        return [o.Announce(events.Reconnected(now - renewal.heard_at))]

    def _kept(self, epoch: int, now: float) -> list[o.Output]:
        """The other end hears the old connection again and builds no new one."""
        if epoch != self.epoch or self._attempts.building is None:
            return []
        out = self._pause(now)
        return out + self._settled(now) if self._heard_at is None else out

    def _pause(self, now: float) -> list[o.Output]:
        """What is being built came to nothing; by the end of the pause it is clear who is heard."""
        assert self._renewal is not None  # nothing is built without
        self._renewal.ask_at = now + patience.PAUSE_S
        return self._attempts.drop()

    def _take_over(self, now: float) -> list[o.Output]:
        new = self._attempts.building
        if new is None or new.path is None or not new.heard:
            return []
        out, self._heard_at = self._attempts.replace(), None
        out += [*self._settled(now), o.MeasurePeer(new.number), *self._on(new.path)]
        return out + self._attempts.verify(now)

    def _on(self, path: events.Path) -> list[o.Output]:
        """The call goes this way now."""
        before, self._path = self._path, path
        if path == before:
            return []
        return [o.Announce(events.PathChanged(path.kind, path.local, path.remote, path.protocol))]
