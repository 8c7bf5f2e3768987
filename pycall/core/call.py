"""The caller's decisions, from joining the room to the end: a state machine without I/O or clock.

The driver feeds :meth:`Call.handle` with what happened and carries out what it returns. The order
of things is the classic one: on `joined` the peer connection is made at once, so that STUN and TURN
are asked while the other side is awaited; on `other_joined` the one already there offers. Roles are
fixed by who was there first, so two offers can never cross (RFC 8829 section 4.1.8.2 has no work).

A new peer connection is a new *attempt*. The server numbers every pairing of the room with an
*epoch*; what the other end says carries it. Reports of an older attempt and messages of another
epoch are dropped, each in one place. How a call outlives its connection is :mod:`pycall.core.link`'s.
"""

from __future__ import annotations

import enum
from typing import Literal, assert_never

from pycall.core import credentials, endings, events, patience
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.attempts import Pairing
from pycall.core.impression import Impression
from pycall.core.link import Link
from pycall.core.messages import Bye, Control, IceServer, Message, Offer, Ping, Pong, Sending, State
from pycall.core.terms import CallTerms
from pycall.errors import CallError, PeerLost, PycallError


class Phase(enum.Enum):
    """What is known of the call."""

    JOINING = "joining"
    WAITING = "waiting"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    ENDED = "ended"


class Call:
    """One stay in a room and the calls made there, one after the other."""

    def __init__(self, terms: CallTerms) -> None:
        self._terms = terms
        self.phase = Phase.JOINING
        self.peer: i.PeerInfo | None = None
        self._impression = Impression()
        self._ice_servers: tuple[IceServer, ...] = ()
        self._link = Link(terms.reconnect_s)
        self._online = False
        self._was_seated = self._seated = False
        self._reseat_at: float | None = None
        self._dropped_by_server = False
        self._knocking: Pairing | None = None
        self._paired_at = 0.0
        self._pause_s = patience.FIRST_PAUSE_S
        self._pausing = False
        self._phase_until: float | None = None
        self._knock_at: float | None = None
        self._talk_until: float | None = None

    @property
    def deadline(self) -> float | None:
        """When :class:`~pycall.core.inputs.DeadlinePassed` is wanted, on the clock of ``now``."""
        if self.phase is Phase.ENDED:
            return None
        own = (self._phase_until, self._knock_at, self._reseat_at, self._talk_until)
        return min((time for time in (*own, self._link.deadline) if time is not None), default=None)

    def handle(self, happened: i.Input, now: float) -> list[o.Output]:
        """What to do about ``happened``; ``now`` is monotonic seconds. Never raises on what a peer sent."""
        if self.phase is Phase.ENDED:
            return []
        match happened:
            case i.SignallingOpened():
                self._online = True
                return self._ask(now) if self.phase is Phase.JOINING else [o.JoinRoom()]
            case i.SignallingLost(why):
                self._online = False
                if self.phase is Phase.JOINING:
                    self._phase_until = None  # dialling has its own patience
                return [o.notice("signalling-lost", why)]
            case i.SignallingFailed(error):
                return self._finish("error", error)
            case i.JoinedRoom():
                return self._joined(happened, now)
            case i.OtherJoined(peer, epoch, ice_servers):
                self._ice_servers = ice_servers or self._ice_servers
                return self._other_joined(Pairing(peer, epoch, offering=True), now)
            case i.OtherLeft(peer_id, reason):
                return self._other_left(peer_id, reason, now)
            case i.Renewed(epoch, ice_servers):
                self._ice_servers = ice_servers or self._ice_servers
                return self._link.renewed(epoch, ice_servers, now)
            case i.RoomFull():
                return self._unseated(endings.room_full(self._terms.room), now)
            case i.Refused(code, message) if code in credentials.REFUSED:
                return self._unseated(endings.refused(code, message), now)
            case i.Refused(code, message):
                return self._refused(code, message)
            case i.MessageReceived(message):
                return self._received(message, now)
            case i.NetworkChanged(lost):
                return self._network_changed(now, lost=lost)
            case i.HungUp():
                return self._finish("hangup")
            case i.Interrupted():
                return self._finish("interrupted")
            case i.DeadlinePassed():
                return self._deadline_passed(now)
            case _:
                return self._attempt_reported(happened, now) if self._link.owns(happened.attempt) else []

    # The room

    def _ask(self, now: float) -> list[o.Output]:
        """For a seat; while the server is away, when it is back."""
        self.phase, self._pausing = Phase.JOINING, False
        self._phase_until = now + patience.JOIN_TIMEOUT_S if self._online else None
        return [o.JoinRoom()] if self._online else []

    def _joined(self, joined: i.JoinedRoom, now: float) -> list[o.Output]:
        self._ice_servers = joined.ice_servers
        self._was_seated = self._seated = True
        self._reseat_at = None
        pairing = Pairing(joined.peer, joined.epoch, joined.offering) if joined.peer else None
        out: list[o.Output] = []
        match self.phase:
            case Phase.CONNECTED:  # the call outlived its signalling connection
                return self._joined_again(pairing, now, resumed=joined.resumed)
            case Phase.CONNECTING if joined.resumed and pairing is not None and self._is_peer(pairing):
                return self._link.resumed(pairing, joined.ice_servers, now)
            case Phase.CONNECTING if joined.resumed and pairing is None:
                return self._peer_gone("lost", now)
            case Phase.JOINING:
                out.append(o.Announce(events.Joined(self._terms.room, joined.id, joined.peer is not None)))
                out += self._open(now)
            case Phase.CONNECTING:
                out += self._open(now)
            case _:
                pass
        return out if pairing is None else out + self._pair(pairing, now)

    def _joined_again(self, pairing: Pairing | None, now: float, *, resumed: bool) -> list[o.Output]:
        """We are in the room again, in the middle of a call; ``pairing`` is with who is there now."""
        if pairing is None:
            self._dropped_by_server = resumed  # a seat of ours that is fresh tells nothing of the other one
            self._link.unpair()
            return self._lost_if_silent(now)
        if not self._is_peer(pairing):
            return self._knocked(pairing, now)
        self._dropped_by_server = False
        if resumed:
            return self._link.resumed(pairing, self._ice_servers, now)
        return self._link.adopt(pairing, now)

    def _is_peer(self, pairing: Pairing) -> bool:
        return self.peer is not None and pairing.peer.id == self.peer.id

    def _other_joined(self, pairing: Pairing, now: float) -> list[o.Output]:
        match self.phase:
            case Phase.JOINING:
                return []
            case Phase.CONNECTED if self._is_peer(pairing):  # back at a server that had forgotten it
                self._dropped_by_server = False
                return self._link.adopt(pairing, now)
            case Phase.CONNECTED:
                return self._knocked(pairing, now)
            case Phase.CONNECTING:
                return [*self._open(now), *self._pair(pairing, now)]
            case _:
                return self._pair(pairing, now)

    def _knocked(self, pairing: Pairing, now: float) -> list[o.Output]:
        """Somebody else has the other seat: the media of the one we talk to decides when it is gone."""
        self._knocking = pairing
        self._link.unpair()
        return self._lost_if_silent(now)

    def _pair(self, pairing: Pairing, now: float) -> list[o.Output]:
        self.peer = pairing.peer
        self._knocking = self._knock_at = None
        self.phase = Phase.CONNECTING
        self._paired_at = now
        self._phase_until = now + patience.CONNECT_TIMEOUT_S
        return [
            o.Announce(events.PeerJoined(pairing.peer.id, pairing.peer.name)),
            o.Announce(events.Connecting()),
            *self._link.pair(pairing, self._ice_servers, now),
        ]

    def _other_left(self, peer_id: str, reason: Literal["left", "lost"], now: float) -> list[o.Output]:
        if self._knocking is not None and self._knocking.peer.id == peer_id:
            self._knocking = self._knock_at = None
            self._dropped_by_server = True
            return []
        if self.peer is None or self.peer.id != peer_id:
            return []
        if reason == "lost" and self.phase is Phase.CONNECTED:
            self._dropped_by_server = True  # its media decides whether it is gone
            return self._lost_if_silent(now)
        return self._peer_gone(reason, now)

    def _network_changed(self, now: float, *, lost: bool) -> list[o.Output]:
        if self.phase is not Phase.WAITING:
            return self._link.network_changed(now, lost=lost)
        return [*self._link.open(self._ice_servers, now), o.CheckSignalling()]  # gather what there is now

    def _unseated(self, error: PycallError, now: float) -> list[o.Output]:
        self._seated = False
        if self.phase is Phase.CONNECTED:
            told, self._reseat_at = self._reseat_at is not None, now + patience.RESEAT_S
            return [] if told else [o.notice("seat-taken", endings.SEAT_TAKEN)]
        if self._was_seated and self._terms.stay:
            return [o.notice(error.code, error.message), *self._rejoin(now)]
        return self._finish("error", error)

    def _refused(self, code: str, message: str) -> list[o.Output]:
        if code == "server-stopping":  # its connection ends now, and another one is dialled
            return []
        if self.phase is Phase.JOINING and not self._pausing:
            return self._finish("error", endings.refused(code, message))
        return [o.notice(code, message)]

    # The two ends

    def _received(self, message: Message, now: float) -> list[o.Output]:
        if not self._link.is_open:
            return []
        out: list[o.Output] = []
        if self.phase is Phase.WAITING and isinstance(message, Offer):
            # A server that speaks only the plain protocol does not tell who is in the room already.
            out = self._pair(Pairing(i.PeerInfo("", ""), message.epoch, offering=False), now)
        return out + self._link.received(message, now)

    def _attempt_reported(self, report: i.OfAttempt, now: float) -> list[o.Output]:
        match report:
            case i.OfferCreated() | i.AnswerCreated() | i.CandidateGathered():
                return self._link.described(report)
            case i.PeerConnected(attempt, path):
                return self._connected(attempt, path, now)
            case i.PathChanged(attempt, path):
                return self._link.path_changed(attempt, path)
            case i.PeerFailed(attempt, why, hint):
                return self._failed(attempt, why, hint, now)
            case i.PeerClosed() if self.phase is Phase.CONNECTING and self.peer and self.peer.renews:
                return []  # it begins anew, or is about to leave: either is told by the server
            case i.PeerClosed(attempt):
                replaced = self._link.broke(attempt, now)
                if replaced is None:
                    return self._peer_gone("left", now)
                return [*replaced, *self._lost_if_silent(now)]
            case i.ControlReceived(_, control):
                return self._control(control, now)
            case i.MediaArrived(_, kind):
                return self._impression.arrived(kind)
            case i.MediaSilent(attempt, silent_s):
                return [*self._link.silent_for(attempt, silent_s, now), *self._lost_if_silent(now)]
            case i.MediaHeard(attempt):
                return self._link.heard(attempt, now)
            case _:
                assert_never(report)

    def _connected(self, attempt: int, path: events.Path, now: float) -> list[o.Output]:
        out = self._link.connected(attempt, path, now)
        if self.phase is not Phase.CONNECTING:
            return out
        self.phase, self._phase_until = Phase.CONNECTED, None
        self._pause_s = patience.FIRST_PAUSE_S
        if self._talk_until is None:
            self._talk_until = _after(now, self._terms.duration_s)
        setup_s = now - self._paired_at
        connected = events.Connected(path.kind, path.local, path.remote, path.protocol, setup_s)
        return [*out, o.Announce(connected)]

    def _control(self, control: Control, now: float) -> list[o.Output]:
        match control:
            case State():
                return self._impression.said(control)
            case Bye():
                return self._peer_gone("left", now)
            case Ping() | Pong() | Sending():
                return []
            case _:
                assert_never(control)

    def _lost_if_silent(self, now: float) -> list[o.Output]:
        """Nobody to build another connection with: the server has somebody else in its seat, or nobody."""
        unseated = self._dropped_by_server or self._knocking is not None
        silent_s = self._link.silence(now)
        if self.phase is not Phase.CONNECTED or not unseated or silent_s < patience.SILENCE_AFTER_BYE_S:
            return []
        return self._peer_gone("lost", now)

    def _failed(self, attempt: int, why: str, hint: str, now: float) -> list[o.Output]:
        replaced = self._link.broke(attempt, now)
        if replaced is not None:
            return [*replaced, *self._lost_if_silent(now)]
        match self.phase:
            case Phase.CONNECTED:
                error: CallError = endings.broken(self._peer_word, why)
            case Phase.CONNECTING:
                error = endings.no_connection(self._peer_word, why, hint)
            case _:
                error = CallError(why, hint)
        return self._give_up(error, now)

    # Endings

    def _deadline_passed(self, now: float) -> list[o.Output]:
        if self._talk_until is not None and now >= self._talk_until:
            return self._finish("duration")
        if self._knocking is not None and self._knock_at is not None and now >= self._knock_at:
            return self._pair(self._knocking, now)
        if self._reseat_at is not None and now >= self._reseat_at:
            self._reseat_at = now + patience.RESEAT_S
            return [o.JoinRoom()] if self._online else []
        if self._phase_until is None or now < self._phase_until:
            if not self._link.gave_up(now):
                return self._link.tick(now)
            error = endings.not_reconnected(self._peer_word, self._terms.reconnect_s)
            return [*self._say_gone("lost"), *self._give_up(error, now)]
        match self.phase:
            case Phase.JOINING if self._pausing:
                return self._ask(now)
            case Phase.JOINING:
                return self._finish("error", endings.no_answer_to_join())
            case Phase.WAITING:
                return self._finish("error", endings.nobody_came(self._terms.room, self._terms.wait_s))
            case Phase.CONNECTING:
                why = f"nothing answered within {patience.CONNECT_TIMEOUT_S:g} s."
                return self._give_up(endings.no_connection(self._peer_word, why), now)
            case _:
                return []

    def _peer_gone(self, reason: Literal["left", "lost"], now: float) -> list[o.Output]:
        """The other one left or vanished: end, or wait for the next."""
        word, out = self._peer_word, self._say_gone(reason)
        if self.phase is Phase.CONNECTED and not self._terms.stay:
            if reason == "lost":
                return out + self._finish("lost", endings.lost(word))
            return out + self._finish("peer-hangup")
        if not self._seated:
            return [*out, *self._close(), *self._ask(now)]
        knocking = self._knocking
        out += self._open(now)
        if knocking is not None:
            self._knocking, self._knock_at = knocking, now + patience.KNOCK_S
        return out

    def _give_up(self, error: CallError, now: float) -> list[o.Output]:
        """This attempt cannot go on: end, or take a fresh seat after a pause."""
        if not self._terms.stay:
            return self._finish("lost" if isinstance(error, PeerLost) else "error", error)
        gone = self._say_gone("lost") if self.peer is not None else []
        return [*gone, o.notice(error.code, error.message), o.LeaveRoom(), *self._rejoin(now)]

    def _rejoin(self, now: float) -> list[o.Output]:
        out = self._close()
        self.phase, self._pausing = Phase.JOINING, True
        self._phase_until = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, patience.LONGEST_PAUSE_S)
        return out

    def _say_gone(self, reason: Literal["left", "lost"]) -> list[o.Output]:
        peer_id = self.peer.id if self.peer else ""
        self.peer = None
        return [o.Announce(events.PeerLeft(peer_id, reason))]

    def _finish(self, reason: events.EndReason, error: PycallError | None = None) -> list[o.Output]:
        out = self._close(say_bye=True)
        if self._was_seated:
            out.append(o.LeaveRoom())
        self.phase = Phase.ENDED
        return [*out, o.Finish(reason, error)]

    # Attempts

    def _open(self, now: float) -> list[o.Output]:
        """A fresh connection, ready for whoever comes."""
        out = self._close()
        self.phase = Phase.WAITING
        self._phase_until = _after(now, self._terms.wait_s)
        return [*out, *self._link.open(self._ice_servers, now)]

    def _close(self, *, say_bye: bool = False) -> list[o.Output]:
        self._dropped_by_server = False
        self._knocking = self._knock_at = self._reseat_at = None
        self._impression = Impression()
        return self._link.close(say_bye=say_bye)

    @property
    def _peer_word(self) -> str:
        return (self.peer.name if self.peer else "") or "the other side"


def _after(now: float, seconds: float | None) -> float | None:
    return None if seconds is None else now + seconds
