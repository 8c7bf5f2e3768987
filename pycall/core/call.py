"""The caller's decisions, from joining the room to the end: a state machine without I/O or clock.

The driver feeds :meth:`Call.handle` with what happened and carries out what it returns. The order
of things is the classic one: on `joined` the peer connection is made at once, so that STUN and TURN
are asked while the other side is awaited; on `other_joined` the one already there offers. Roles are
fixed by who was there first, so two offers can never cross (RFC 8829 section 4.1.8.2 has no work).

A new peer connection is a new *attempt*. The server numbers every pairing of the room with an
*epoch*; what the other end says carries it. Reports of an older attempt and messages of another
epoch are dropped at the head of :meth:`Call.handle`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, Literal, assert_never

from pycall.core import events
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.messages import Answer, Bye, Candidate, IceServer, Message, Offer, Ping, Pong, State
from pycall.errors import CallError, JoinRefused, NobodyCame, NoConnection, PeerLost, PycallError

CONNECT_TIMEOUT_S: Final = 20.0
"""From both being in the room to media; an ICE pair that works answers within a few seconds."""

SILENCE_LOST_S: Final = 30.0
"""Silence after which the peer counts as lost although the server still sees it (RFC 7675)."""

SILENCE_AFTER_BYE_S: Final = 3.0
"""The same when the server has already lost it."""

MAX_EARLY_CANDIDATES: Final = 40
"""Candidates kept until the description they belong to has come."""


class Phase(enum.Enum):
    """What is known of the call."""

    JOINING = "joining"
    WAITING = "waiting"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CallTerms:
    """What the user asked for; durations in seconds, ``None`` is without limit."""

    room: str
    duration_s: float | None = None
    wait_s: float | None = None
    stay: bool = False


class Call:
    """One stay in a room and the calls made there, one after the other."""

    def __init__(self, terms: CallTerms) -> None:
        self._terms = terms
        self.phase = Phase.JOINING
        self.peer: i.PeerInfo | None = None
        self._id = ""
        self._attempt = 0
        self._epoch: int | None = None
        self._offering = False
        self._described = False
        self._early: list[Candidate] = []
        self._ice_servers: tuple[IceServer, ...] = ()
        self._dropped_by_server = False
        self._knocking: tuple[i.PeerInfo, int | None] | None = None
        self._paired_at = 0.0
        self._wait_until: float | None = None
        self._connect_until: float | None = None
        self._talk_until: float | None = None

    @property
    def deadline(self) -> float | None:
        """When :class:`~pycall.core.inputs.DeadlinePassed` is wanted, on the clock of ``now``."""
        match self.phase:
            case Phase.JOINING | Phase.ENDED:
                return None
            case Phase.WAITING:
                return _earliest(self._wait_until, self._talk_until)
            case Phase.CONNECTING:
                return _earliest(self._connect_until, self._talk_until)
            case Phase.CONNECTED:
                return self._talk_until

    def handle(self, happened: i.Input, now: float) -> list[o.Output]:
        """What to do about ``happened``; ``now`` is monotonic seconds. Never raises on what a peer sent."""
        if self.phase is Phase.ENDED or (
            isinstance(happened, i.OfAttempt) and happened.attempt != self._attempt
        ):
            return []
        match happened:
            case i.SignallingOpened():
                return [o.JoinRoom()]
            case i.SignallingLost():
                return [_notice("signalling-lost", "The signalling server is gone; dialling it again.")]
            case i.SignallingFailed(error):
                return self._finish("error", error)
            case i.JoinedRoom():
                return self._joined(happened, now)
            case i.OtherJoined(peer, epoch):
                return self._other_joined(peer, epoch, now)
            case i.OtherLeft(peer_id, reason):
                return self._other_left(peer_id, reason, now)
            case i.RoomFull():
                return self._full()
            case i.Refused(code, message):
                return self._refused(code, message)
            case i.MessageReceived(message):
                return self._received(message, now)
            case i.HungUp():
                return self._finish("hangup")
            case i.Interrupted():
                return self._finish("interrupted")
            case i.DeadlinePassed():
                return self._deadline_passed(now)
            case _:
                return self._attempt_reported(happened, now)

    # The room

    def _joined(self, joined: i.JoinedRoom, now: float) -> list[o.Output]:
        first_time = self.phase is Phase.JOINING
        self._id, self._ice_servers = joined.id, joined.ice_servers
        if self.phase is Phase.CONNECTED:  # the call outlived its signalling connection
            return []
        out: list[o.Output] = []
        if first_time:
            self._wait_until = _after(now, self._terms.wait_s)
            out.append(o.Announce(events.Joined(self._terms.room, joined.id, joined.peer is not None)))
        if self.phase is not Phase.WAITING:
            out += self._open()
        if joined.peer is not None:
            self._offering = False
            out += self._pair(joined.peer, joined.epoch, now)
        return out

    def _other_joined(self, peer: i.PeerInfo, epoch: int | None, now: float) -> list[o.Output]:
        if self.phase is Phase.JOINING:
            return []
        if self.phase is Phase.CONNECTED:
            # The same one, back at the server, or the next one: the media of the old decides.
            self._knocking = (peer, epoch)
            return []
        out = self._open() if self.phase is Phase.CONNECTING else []
        self._offering = True
        return [*out, *self._pair(peer, epoch, now), o.CreateOffer(self._attempt)]

    def _pair(self, peer: i.PeerInfo, epoch: int | None, now: float) -> list[o.Output]:
        self.peer, self._epoch = peer, epoch
        self.phase = Phase.CONNECTING
        self._paired_at = now
        self._connect_until = now + CONNECT_TIMEOUT_S
        return [o.Announce(events.PeerJoined(peer.id, peer.name)), o.Announce(events.Connecting())]

    def _other_left(self, peer_id: str, reason: Literal["left", "lost"], now: float) -> list[o.Output]:
        if self._knocking is not None and self._knocking[0].id == peer_id:
            self._knocking, self._dropped_by_server = None, True
            return []
        if self.peer is None or self.peer.id != peer_id:
            return []
        if reason == "lost" and self.phase is Phase.CONNECTED:
            self._dropped_by_server = True  # its media decides whether it is gone
            return []
        return self._peer_gone(reason, now)

    def _full(self) -> list[o.Output]:
        if self.phase is Phase.CONNECTED:
            return [
                _notice("seat-taken", "Somebody else took our place in the room; the call itself goes on.")
            ]
        error = JoinRefused(
            f"The room {self._terms.room} is full: two are talking there already.",
            "Choose another room name, or try again later.",
            refusal="full",
        )
        return self._finish("error", error)

    def _refused(self, code: str, message: str) -> list[o.Output]:
        if self.phase is Phase.JOINING:
            return self._finish("error", JoinRefused(message, refusal=code))
        return [_notice(code, message)]

    # The two ends

    def _received(self, message: Message, now: float) -> list[o.Output]:
        if self.phase is Phase.WAITING and isinstance(message, Offer):
            # A server that speaks only the plain protocol does not tell who is in the room already.
            return [*self._pair(i.PeerInfo("", ""), message.epoch, now), *self._received(message, now)]
        if self.phase is not Phase.CONNECTING:
            return []
        if None not in (message.epoch, self._epoch) and message.epoch != self._epoch:
            return []
        match message:
            case Offer(sdp) if not self._offering and not self._described:
                return self._describe(o.AcceptOffer(self._attempt, sdp))
            case Answer(sdp) if self._offering and not self._described:
                return self._describe(o.AcceptAnswer(self._attempt, sdp))
            case Candidate():
                return self._candidate(message)
            case _:
                return []

    def _describe(self, order: o.AcceptOffer | o.AcceptAnswer) -> list[o.Output]:
        early, self._early = self._early, []
        self._described = True
        return [order, *(o.AddCandidate(self._attempt, candidate) for candidate in early)]

    def _candidate(self, candidate: Candidate) -> list[o.Output]:
        if self._described:
            return [o.AddCandidate(self._attempt, candidate)]
        if len(self._early) < MAX_EARLY_CANDIDATES:
            self._early.append(candidate)
        return []

    # The peer connection

    def _attempt_reported(self, report: i.OfAttempt, now: float) -> list[o.Output]:
        match report:
            case i.OfferCreated(_, sdp):
                return [o.SendMessage(Offer(sdp, self._epoch))]
            case i.AnswerCreated(_, sdp):
                return [o.SendMessage(Answer(sdp, self._epoch))]
            case i.PeerConnected(_, path):
                return self._connected(path, now)
            case i.PeerFailed(_, why):
                return self._failed(why)
            case i.PeerClosed():
                return self._peer_gone("left", now)
            case i.ControlReceived(_, control):
                return self._control(control, now)
            case i.MediaArrived(_, kind):
                return [o.Announce(events.FirstFrame(kind))]
            case i.MediaSilent(_, silent_s):
                return self._silent(silent_s, now)
            case _:
                assert_never(report)

    def _connected(self, path: events.PathKind, now: float) -> list[o.Output]:
        if self.phase is not Phase.CONNECTING:
            return []
        self.phase = Phase.CONNECTED
        if self._talk_until is None:
            self._talk_until = _after(now, self._terms.duration_s)
        return [o.Announce(events.Connected(path, now - self._paired_at))]

    def _control(self, control: State | Bye | Ping | Pong, now: float) -> list[o.Output]:
        match control:
            case State(muted, camera_off, recording):
                return [o.Announce(events.PeerState(muted, camera_off, recording))]
            case Bye():
                return self._peer_gone("left", now)
            case Ping() | Pong():
                return []
            case _:
                assert_never(control)

    def _silent(self, silent_s: float, now: float) -> list[o.Output]:
        limit = SILENCE_AFTER_BYE_S if self._dropped_by_server else SILENCE_LOST_S
        if self.phase is not Phase.CONNECTED or silent_s < limit:
            return []
        return self._peer_gone("lost", now)

    def _failed(self, why: str) -> list[o.Output]:
        match self.phase:
            case Phase.CONNECTED:
                error: CallError = PeerLost(f"The connection to {self._peer_word} broke: {why}")
            case Phase.CONNECTING:
                error = NoConnection(
                    f"No connection to {self._peer_word} came about: {why}",
                    "Both sides need a network path to each other; a firewall may block UDP.",
                )
            case _:
                error = CallError(why)
        return self._give_up(error)

    # Endings

    def _deadline_passed(self, now: float) -> list[o.Output]:
        if self._talk_until is not None and now >= self._talk_until:
            return self._finish("duration")
        match self.phase:
            case Phase.WAITING if self._wait_until is not None and now >= self._wait_until:
                error: CallError = NobodyCame(
                    f"Nobody came to the room {self._terms.room} within {self._terms.wait_s:g} s.",
                    "Wait longer with --wait, or agree on the room name with the other side.",
                )
                return self._finish("error", error)
            case Phase.CONNECTING if self._connect_until is not None and now >= self._connect_until:
                return self._failed(f"nothing answered within {CONNECT_TIMEOUT_S:g} s.")
            case _:
                return []

    def _peer_gone(self, reason: Literal["left", "lost"], now: float) -> list[o.Output]:
        """The other one left or vanished: end, or wait for the next."""
        talked = self.phase is Phase.CONNECTED
        word = self._peer_word
        peer_id = self.peer.id if self.peer else ""
        out: list[o.Output] = [o.Announce(events.PeerLeft(peer_id, reason))]
        self.peer = None
        if not talked or self._terms.stay:
            self._wait_until = _after(now, self._terms.wait_s)
            knocking, self._knocking = self._knocking, None
            out += self._open()
            return out if knocking is None else out + self._other_joined(*knocking, now)
        if reason == "lost":
            return out + self._finish("error", PeerLost(f"The connection to {word} was lost."))
        return out + self._finish("peer-hangup")

    def _give_up(self, error: CallError) -> list[o.Output]:
        """This attempt cannot go on: end, or take a fresh seat and wait."""
        if not self._terms.stay:
            return self._finish("error", error)
        self.peer = None
        notice = _notice(error.code, error.message)
        return [notice, o.LeaveRoom(), *self._open(), o.JoinRoom()]

    def _finish(self, reason: events.EndReason, error: PycallError | None = None) -> list[o.Output]:
        out: list[o.Output] = []
        if self._attempt:
            out.append(o.ClosePeer(self._attempt, say_bye=True))
        if self._id:
            out.append(o.LeaveRoom())
        self.phase = Phase.ENDED
        return [*out, o.Finish(reason, error)]

    # Attempts

    def _open(self) -> list[o.Output]:
        out: list[o.Output] = []
        if self._attempt:
            out.append(o.ClosePeer(self._attempt, say_bye=False))
        self._attempt += 1
        self.phase = Phase.WAITING
        self._offering = self._described = self._dropped_by_server = False
        self._early = []
        self._epoch = None
        out.append(o.OpenPeer(self._attempt, self._ice_servers))
        return out

    @property
    def _peer_word(self) -> str:
        return (self.peer.name if self.peer else "") or "the other side"


def _notice(code: str, message: str) -> o.Announce:
    return o.Announce(events.Notice(code, message))


def _after(now: float, seconds: float | None) -> float | None:
    return None if seconds is None else now + seconds


def _earliest(first: float | None, second: float | None) -> float | None:
    return min((t for t in (first, second) if t is not None), default=None)
