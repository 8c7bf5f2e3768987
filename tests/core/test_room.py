from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import get_args

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pycall.core.room import (
    SEATS,
    ByeReason,
    Dismiss,
    JoinAsked,
    LeaveAsked,
    Member,
    MemberGone,
    MessageSent,
    Output,
    Relay,
    Room,
    SendBye,
    SendFull,
    SendJoined,
    SendLeft,
    SendOtherJoined,
)

ANN, BOB, EVE = Member("a", "Ann"), Member("b", "Bob"), Member("e", "Eve")


def pair() -> Room:
    room = Room()
    room.handle(JoinAsked(ANN))
    room.handle(JoinAsked(BOB))
    return room


def pair_with_tokens() -> Room:
    room = Room()
    room.handle(JoinAsked(ANN, token="ann's"))
    room.handle(JoinAsked(BOB, token="bob's"))
    return room


def members(room: Room) -> list[Member]:
    return [seat.member for seat in room.seats]


def test_the_first_one_is_told_that_it_is_alone() -> None:
    assert Room().handle(JoinAsked(ANN)) == [SendJoined("a", "a", 0, None)]


def test_the_second_one_learns_who_is_there_and_the_first_one_who_came() -> None:
    room = Room()
    room.handle(JoinAsked(ANN))
    assert room.handle(JoinAsked(BOB)) == [SendJoined("b", "b", 1, ANN), SendOtherJoined("a", BOB, 1)]


def test_a_third_one_is_told_full_and_nothing_else() -> None:
    room = pair()
    assert room.handle(JoinAsked(EVE)) == [SendFull("e")]
    assert room.handle(MessageSent("e", "hello")) == []
    assert room.handle(LeaveAsked("e")) == []
    assert room.handle(MemberGone("e", "lost")) == []
    assert members(room) == [ANN, BOB]


def test_joining_again_is_answered_and_not_told_to_the_other() -> None:
    room = pair()
    assert room.handle(JoinAsked(ANN)) == [SendJoined("a", "a", 1, BOB, resumed=True)]
    assert room.handle(JoinAsked(BOB)) == [SendJoined("b", "b", 1, ANN, resumed=True)]
    assert members(room) == [ANN, BOB]


def test_joining_again_alone_changes_nothing() -> None:
    room = Room()
    room.handle(JoinAsked(ANN))
    assert room.handle(JoinAsked(ANN)) == [SendJoined("a", "a", 0, None, resumed=True)]


def test_a_message_goes_to_the_other_one_only() -> None:
    room = pair()
    assert room.handle(MessageSent("a", {"type": "offer"})) == [Relay("b", {"type": "offer"})]
    assert room.handle(MessageSent("b", None)) == [Relay("a", None)]


def test_a_message_of_one_alone_goes_nowhere() -> None:
    room = Room()
    room.handle(JoinAsked(ANN))
    assert room.handle(MessageSent("a", "hello")) == []


def test_leaving_is_told_to_both() -> None:
    assert pair().handle(LeaveAsked("a")) == [SendLeft("a", "a"), SendBye("b", "a", "left")]


def test_a_lost_one_is_told_to_the_one_who_stays() -> None:
    assert pair().handle(MemberGone("b", "lost")) == [SendBye("a", "b", "lost")]


def test_the_one_who_stayed_is_the_first_of_the_next_pair_and_the_epoch_counts_up() -> None:
    room = pair()
    room.handle(LeaveAsked("a"))
    assert room.handle(JoinAsked(EVE)) == [SendJoined("e", "e", 2, BOB), SendOtherJoined("b", EVE, 2)]


# A seat that moves to another connection


def test_a_token_comes_with_the_seat_and_with_every_answer_about_it() -> None:
    room = Room()
    assert room.handle(JoinAsked(ANN, token="ann's")) == [SendJoined("a", "a", 0, None, "ann's")]
    again = JoinAsked(ANN, token="another")
    assert room.handle(again) == [SendJoined("a", "a", 0, None, "ann's", resumed=True)]


def test_a_seat_moves_to_who_has_its_token_and_the_other_one_is_told_nothing() -> None:
    room = pair_with_tokens()
    back = JoinAsked(Member("a2", "Anna"), token="new", resume="ann's")
    assert room.handle(back) == [Dismiss("a"), SendJoined("a2", "a", 1, BOB, "ann's", resumed=True)]
    assert members(room) == [ANN, BOB]


def test_after_a_move_the_seat_is_reached_on_the_new_connection_and_known_by_its_old_id() -> None:
    room = pair_with_tokens()
    room.handle(JoinAsked(Member("a2"), resume="ann's"))
    assert room.handle(MessageSent("b", "hello")) == [Relay("a2", "hello")]
    assert room.handle(MessageSent("a2", "hello")) == [Relay("b", "hello")]
    assert room.handle(LeaveAsked("b")) == [SendLeft("b", "b"), SendBye("a2", "b", "left")]
    assert room.handle(JoinAsked(EVE)) == [SendJoined("e", "e", 2, ANN), SendOtherJoined("a2", EVE, 2)]
    assert room.handle(LeaveAsked("a2")) == [SendLeft("a2", "a"), SendBye("e", "a", "left")]


def test_a_connection_whose_seat_has_moved_is_that_of_a_stranger() -> None:
    room = pair_with_tokens()
    room.handle(JoinAsked(Member("a2"), resume="ann's"))
    assert room.handle(MessageSent("a", "hello")) == []
    assert room.handle(LeaveAsked("a")) == []
    assert room.handle(MemberGone("a", "lost")) == []
    assert room.handle(JoinAsked(ANN)) == [SendFull("a")]


def test_of_two_connections_with_one_token_the_newest_has_the_seat() -> None:
    room = pair_with_tokens()
    room.handle(JoinAsked(Member("b2"), resume="bob's"))
    third = JoinAsked(Member("b3"), resume="bob's")
    assert room.handle(third) == [Dismiss("b2"), SendJoined("b3", "b", 1, ANN, "bob's", resumed=True)]


@pytest.mark.parametrize("resume", ["", "wrong", "ann", "ann's "])
def test_a_token_that_fits_no_seat_counts_as_none(resume: str) -> None:
    assert pair_with_tokens().handle(JoinAsked(EVE, resume=resume)) == [SendFull("e")]
    assert pair().handle(JoinAsked(EVE, resume=resume)) == [SendFull("e")]


def test_the_token_of_a_seat_given_up_is_stale() -> None:
    room = pair_with_tokens()
    room.handle(MemberGone("a", "lost"))
    back = JoinAsked(Member("a2", "Ann"), token="new", resume="ann's")
    assert room.handle(back) == [
        SendJoined("a2", "a2", 2, BOB, "new"),
        SendOtherJoined("b", Member("a2", "Ann"), 2),
    ]


def test_no_token_is_ever_shown() -> None:
    room = pair_with_tokens()
    asked = JoinAsked(ANN, token="secret", resume="secret")
    joined = SendJoined("a", "a", 0, None, "secret")
    assert not any(word in repr((room, asked, joined)) for word in ("secret", "ann's", "bob's"))


connections = st.sampled_from("abcdef")


@dataclass
class Guest:
    """Somebody inside."""

    member: Member
    connection: str
    token: str


class Guests(RuleBasedStateMachine):
    """People on six connections do what they like; a list of who should be inside is kept beside the room."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room()
        self.inside: list[Guest] = []
        self.pairings = 0
        self.numbers = itertools.count()

    @rule(connection=connections)
    def joins(self, connection: str) -> None:
        self._asks(connection, resume="")

    @rule(connection=connections, number=st.integers(0, SEATS))
    def joins_with_the_token_of_a_seat(self, connection: str, number: int) -> None:
        self._asks(connection, resume=self.inside[number].token if number < len(self.inside) else "stale")

    @rule(connection=connections)
    def leaves(self, connection: str) -> None:
        gone, others = self._out(connection)
        told: list[Output] = [SendLeft(connection, guest.member.id) for guest in gone]
        told += [SendBye(o.connection, guest.member.id, "left") for guest in gone for o in others]
        assert self.room.handle(LeaveAsked(connection)) == told

    @rule(connection=connections, reason=st.sampled_from(get_args(ByeReason)))
    def vanishes(self, connection: str, reason: ByeReason) -> None:
        gone, others = self._out(connection)
        told = [SendBye(other.connection, guest.member.id, reason) for guest in gone for other in others]
        assert self.room.handle(MemberGone(connection, reason)) == told

    @rule(connection=connections, payload=st.integers())
    def speaks(self, connection: str, payload: int) -> None:
        speaking = any(guest.connection == connection for guest in self.inside)
        hearers = [guest for guest in self.inside if guest.connection != connection] if speaking else []
        told = [Relay(hearer.connection, payload) for hearer in hearers]
        assert self.room.handle(MessageSent(connection, payload)) == told

    @invariant()
    def holds_who_is_inside_in_the_order_they_came(self) -> None:
        inside = [(guest.member, guest.connection, guest.token) for guest in self.inside]
        assert [(seat.member, seat.connection, seat.token) for seat in self.room.seats] == inside
        assert len(self.inside) <= SEATS
        assert len({guest.connection for guest in self.inside}) == len(self.inside)
        assert self.room.epoch == self.pairings

    def _asks(self, connection: str, resume: str) -> None:
        member, token = Member(connection, connection.upper()), f"token {next(self.numbers)}"
        outputs = self.room.handle(JoinAsked(member, token, resume))
        here = [guest for guest in self.inside if guest.connection == connection]
        mine = here or [guest for guest in self.inside if guest.token == resume]
        told: list[Output] = []
        if mine and not here:
            told.append(Dismiss(mine[0].connection))
            mine[0].connection = connection
        elif not mine and len(self.inside) == SEATS:
            assert outputs == [SendFull(connection)]
            return
        elif not mine:
            self.inside.append(Guest(member, connection, token))
            self.pairings += len(self.inside) == SEATS
        [seat] = mine or self.inside[-1:]
        others = [guest for guest in self.inside if guest is not seat]
        peer = others[0].member if others else None
        about = (connection, seat.member.id, self.pairings, peer, seat.token)
        told.append(SendJoined(*about, resumed=bool(mine)))
        if not mine:
            told += [SendOtherJoined(other.connection, member, self.pairings) for other in others]
        assert outputs == told

    def _out(self, connection: str) -> tuple[list[Guest], list[Guest]]:
        """Who goes, at most one, and who stays."""
        gone = [guest for guest in self.inside if guest.connection == connection]
        self.inside = [guest for guest in self.inside if guest.connection != connection]
        return gone, self.inside


test_a_room_does_what_a_list_of_guests_says = Guests.TestCase
