"""Every order of events: who has the seats, and what arrives over connections that break at any moment."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pycall.core.room import (
    ByeReason,
    ConnectionLost,
    Dismiss,
    Expired,
    Input,
    JoinAsked,
    LeaveAsked,
    MemberGone,
    MessageSent,
    Output,
    Relay,
    RenewAsked,
    Room,
    SendBye,
    SendFull,
    SendJoined,
    SendLeft,
    SendOtherJoined,
    SendRenewed,
)
from pycall.core.seats import SEATS, Holding, Member

HOLDING = Holding(exclusive_s=15, total_s=60, messages_s=30)
PEOPLE = [Member(name.upper(), name, extended=name < "e") for name in "abcdef"]
people = st.sampled_from(PEOPLE)
connections = st.integers(0, 2)
"""Everybody has three."""


@dataclass
class Believed:
    """What somebody on a connection knows from what it was told there."""

    peer: str | None
    epoch: int
    offers: bool


class Guests(RuleBasedStateMachine):
    """People do what they like; what each is told must fit together."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(HOLDING)
        self.now = 0.0
        self.inside: dict[str, Believed] = {}
        """By connection, as told; plain and extended."""

        self.held: dict[str, float] = {}
        """Since when the seat of an id waits for its owner."""

        self.epoch = 0

    @rule(who=people, number=connections, admitted=st.sampled_from([True, True, True, False]))
    def joins(self, who: Member, number: int, *, admitted: bool) -> None:
        connection = f"{who.id}{number}"
        held = who.extended and who.id in self.held
        here = [each for each in self.inside if each[0] == who.id and (who.extended or each == connection)]
        free = len(self.inside) + len(self.held) < SEATS or any(
            self.now - since >= HOLDING.exclusive_s for since in self.held.values()
        )
        outputs = self._tell(JoinAsked(connection, self._on(connection, who), admitted=admitted))
        if held or here or (free and admitted):
            [joined] = [each for each in outputs if isinstance(each, SendJoined)]
            assert (joined.to, joined.resumed) == (connection, bool(held or here))
        else:
            assert outputs == [SendFull(connection)]

    @rule(who=people, number=connections)
    def leaves(self, who: Member, number: int) -> None:
        connection = f"{who.id}{number}"
        was_inside = connection in self.inside
        outputs = self._tell(LeaveAsked(connection))
        assert (outputs[:1] == [SendLeft(connection, self._on(connection, who).id)]) is was_inside

    @rule(who=people, number=connections, reason=st.sampled_from(get_args(ByeReason)))
    def goes(self, who: Member, number: int, reason: ByeReason) -> None:
        self.inside.pop(f"{who.id}{number}", None)
        self._tell(MemberGone(f"{who.id}{number}", reason))

    @rule(who=people, number=connections, silent_s=st.sampled_from([0.0, 0.0, 14.0]))
    def breaks(self, who: Member, number: int, silent_s: float) -> None:
        connection = f"{who.id}{number}"
        if self.inside.pop(connection, None) is not None and who.extended:
            self.held[who.id] = self.now - silent_s
        outputs = self._tell(ConnectionLost(connection, silent_s))
        assert not (who.extended and outputs)

    @rule(who=people, number=connections, back=st.integers(0, 1))
    def renews(self, who: Member, number: int, back: int) -> None:
        connection, before = f"{who.id}{number}", self.epoch
        believed = self.inside.get(connection)
        outputs = self._tell(RenewAsked(connection, before - back))
        if back or believed is None or believed.peer is None or not who.extended:
            assert outputs == []
        assert self.epoch == before + bool(outputs)

    @rule(seconds=st.sampled_from([0.5, 7.5, 15.0, 30.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        until = self.now + seconds
        while (deadline := self.room.deadline) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self._tell(Expired())
            assert self.room.deadline != deadline
        self.now = until

    @invariant()
    def two_at_most_and_nobody_absent_for_too_long(self) -> None:
        seats = self.room.seats
        assert len(seats) <= SEATS
        assert len({seat.member.id for seat in seats}) == len(seats)
        assert {seat.connection for seat in seats if seat.connection} == set(self.inside)
        assert {seat.member.id for seat in seats if not seat.connection} == set(self.held)
        assert all(self.now - since < HOLDING.total_s for since in self.held.values())
        assert all(seat.member.extended for seat in seats if not seat.connection)

    @invariant()
    def two_who_are_there_believe_the_same_and_one_of_them_offers(self) -> None:
        believed = dict(self.inside)
        if len(believed) == SEATS:
            (one, first), (two, second) = believed.items()
            assert first.epoch == second.epoch == self.room.epoch
            assert (first.peer, second.peer) == (self._id(two), self._id(one))
            assert first.offers is not second.offers

    def _on(self, connection: str, who: Member) -> Member:
        """Plain clients are another one on each connection."""
        return who if who.extended else Member(connection, who.name)

    def _id(self, connection: str) -> str:
        return next(seat.member.id for seat in self.room.seats if seat.connection == connection)

    def _tell(self, input_: Input) -> list[Output]:
        outputs = self.room.handle(input_, self.now)
        for output in outputs:
            self._heed(output)
        present = {seat.member.id for seat in self.room.seats}
        self.held = {id_: since for id_, since in self.held.items() if id_ in present}
        return outputs

    def _heed(self, output: Output) -> None:
        match output:
            case SendJoined(to, id_, epoch, peer, offers):
                self._sees(epoch)
                self.held.pop(id_, None)
                self.inside[to] = Believed(peer.id if peer else None, epoch, offers)
            case SendOtherJoined(to, other, epoch):
                assert epoch > self.inside[to].epoch
                assert self.inside[to].peer is None, "somebody came whose predecessor has not gone"
                self._sees(epoch)
                self.inside[to] = Believed(other.id, epoch, offers=True)
            case SendRenewed(to, epoch):
                assert epoch == self.inside[to].epoch + 1
                self._sees(epoch)
                self.inside[to].epoch = epoch
            case SendBye(to, other, _):
                assert self.inside[to].peer == other
                self.inside[to].peer = None
            case Dismiss(to) | SendLeft(to, _):
                del self.inside[to]
            case SendFull(to):
                assert to not in self.inside
            case Relay():
                raise AssertionError("nobody said anything")

    def _sees(self, epoch: int) -> None:
        assert epoch >= self.epoch or not self.inside
        self.epoch = epoch


@dataclass
class End:
    """A client that counts, on connections that lose whatever is under way."""

    member: Member
    connections: int = 0
    connected: bool = False
    up: deque[tuple[int, int]] = field(default_factory=deque)
    """Under way to the server, as number and payload; ``down`` is under way from it."""

    down: deque[Relay] = field(default_factory=deque)
    said: list[int] = field(default_factory=list)
    unconfirmed: deque[tuple[int, int]] = field(default_factory=deque)
    heard: list[int] = field(default_factory=list)
    received: int = 0

    @property
    def connection(self) -> str:
        return f"{self.member.id}{self.connections}"


class Letters(RuleBasedStateMachine):
    """Two talk over connections that break at any moment, noticed by the server or not."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(HOLDING)
        self.ends = [End(PEOPLE[0]), End(PEOPLE[1])]
        for end in self.ends:
            end.connected = True
            self._tell(JoinAsked(end.connection, end.member))

    @rule(which=st.integers(0, 1))
    def says(self, which: int) -> None:
        end = self.ends[which]
        if len(end.said) - len(self.ends[1 - which].heard) >= 60:
            return  # more than is kept
        end.said.append(len(end.said) + 1)
        end.unconfirmed.append((len(end.said), len(end.said)))
        if end.connected:
            end.up.append(end.unconfirmed[-1])

    @rule(which=st.integers(0, 1), confirmed=st.booleans())
    def the_server_hears(self, which: int, confirmed: bool) -> None:
        end = self.ends[which]
        if end.up:
            number, payload = end.up.popleft()
            self._tell(MessageSent(end.connection, str(payload), number))
            while confirmed and end.unconfirmed and end.unconfirmed[0][0] <= number:
                end.unconfirmed.popleft()

    @rule(which=st.integers(0, 1))
    def hears(self, which: int) -> None:
        end = self.ends[which]
        if end.down:
            relay = end.down.popleft()
            end.heard.append(int(relay.payload))
            assert relay.number == end.received + 1
            end.received = relay.number

    @rule(which=st.integers(0, 1), noticed=st.booleans())
    def breaks(self, which: int, noticed: bool) -> None:
        end = self.ends[which]
        end.connected = False
        end.up.clear()
        end.down.clear()
        if noticed:
            self._tell(ConnectionLost(end.connection))

    @rule(which=st.integers(0, 1))
    def comes_back(self, which: int) -> None:
        end = self.ends[which]
        if not end.connected:
            end.connections += 1
            end.connected = True
            outputs = self._tell(JoinAsked(end.connection, end.member, end.received))
            assert [out.resumed for out in outputs if isinstance(out, SendJoined)] == [True]
            end.up.extend(end.unconfirmed)

    @invariant()
    def nothing_is_doubled_or_out_of_order(self) -> None:
        for end, other in zip(self.ends, reversed(self.ends), strict=True):
            assert other.heard == end.said[: len(other.heard)]

    def teardown(self) -> None:
        for which in range(SEATS):
            self.comes_back(which)
        for which, end in enumerate(self.ends):
            while end.up:
                self.the_server_hears(which, confirmed=True)
        for which, end in enumerate(self.ends):
            while end.down:
                self.hears(which)
        for end, other in zip(self.ends, reversed(self.ends), strict=True):
            assert other.heard == end.said

    def _tell(self, input_: Input) -> list[Output]:
        outputs = self.room.handle(input_, 0.0)
        for output in outputs:
            for end in self.ends:
                if isinstance(output, Relay) and end.connected and output.to == end.connection:
                    end.down.append(output)
        return outputs


TestSeats = Guests.TestCase
TestMessages = Letters.TestCase
TestSeats.settings = TestMessages.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def test_who_missed_that_its_seat_is_a_fresh_one_misses_no_message() -> None:
    room, (ann, bob, *_) = Room(HOLDING), PEOPLE
    room.handle(JoinAsked("a", ann, received=5), 0.0)  # counted at a server that was restarted since
    room.handle(JoinAsked("b", bob), 0.0)
    room.handle(ConnectionLost("a"), 0.0)
    room.handle(MessageSent("b", "one"), 0.0)
    assert room.handle(JoinAsked("a2", ann, received=5), 0.0)[1:] == [Relay("a2", "one", 6)]
    assert room.handle(MessageSent("b", "two"), 0.0) == [Relay("a2", "two", 7)]
