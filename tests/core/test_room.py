from __future__ import annotations

import pytest

from pycall.core.room import (
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
)
from pycall.core.seats import Holding, Member

ANN, BOB, EVE = Member("A", "Ann", extended=True), Member("B", "Bob", extended=True), Member("E", "Eve")
"""They come by connections named like them in small letters; Eve is a plain client."""

HOLDING = Holding(exclusive_s=15, total_s=60, messages_s=30)


class Story:
    """A room, told one thing after the other; ``now`` is set by the test."""

    def __init__(self, *guests: Member) -> None:
        self.room = Room(HOLDING)
        self.now = 1000.0
        for guest in guests:
            self.joins(guest)

    def hears(self, input_: Input) -> list[Output]:
        return self.room.handle(input_, self.now)

    def joins(self, who: Member, by: str = "", received: int | None = None) -> list[Output]:
        return self.hears(JoinAsked(by or who.id.lower(), who, received))

    def says(self, connection: str, payload: str, number: int = 0) -> list[Output]:
        return self.hears(MessageSent(connection, payload, number))

    def loses(self, *connections: str) -> None:
        for connection in connections:
            assert self.hears(ConnectionLost(connection)) == []

    @property
    def members(self) -> list[Member]:
        return [seat.member for seat in self.room.seats]


# Two seats


def test_the_first_one_is_told_that_it_is_alone() -> None:
    assert Story().joins(ANN) == [SendJoined("a", "A", 0, None)]


def test_the_second_one_learns_who_is_there_and_the_first_one_who_came() -> None:
    assert Story(ANN).joins(BOB) == [SendJoined("b", "B", 1, ANN), SendOtherJoined("a", BOB, 1)]


def test_a_third_one_is_told_full_and_nothing_else() -> None:
    story = Story(ANN, BOB)
    assert story.joins(EVE) == [SendFull("e")]
    assert story.says("e", "hello") == []
    for stray in (LeaveAsked("e"), MemberGone("e", "lost"), ConnectionLost("e"), RenewAsked("e", 1)):
        assert story.hears(stray) == []
    assert story.members == [ANN, BOB]


def test_who_is_not_admitted_is_told_the_same_whoever_is_there() -> None:
    for story in (Story(), Story(ANN), Story(ANN, BOB)):
        before = story.members
        assert story.hears(JoinAsked("e", EVE, admitted=False)) == [SendFull("e")]
        assert story.members == before


def test_who_is_not_admitted_takes_no_held_seat_but_its_own() -> None:
    story = Story(ANN, BOB)
    story.loses("a", "b")
    story.now += 20
    assert story.hears(JoinAsked("e", EVE, admitted=False)) == [SendFull("e")]
    assert story.hears(JoinAsked("a2", ANN, admitted=False)) == [SendJoined("a2", "A", 1, BOB, True, True)]
    assert story.hears(JoinAsked("a2", ANN, admitted=False)) == [SendJoined("a2", "A", 1, BOB, True, True)]


def test_joining_again_is_answered_and_not_told_to_the_other() -> None:
    story = Story(ANN, BOB)
    assert story.joins(ANN) == [SendJoined("a", "A", 1, BOB, offers=True, resumed=True)]
    assert story.joins(BOB) == [SendJoined("b", "B", 1, ANN, offers=False, resumed=True)]
    assert story.members == [ANN, BOB]


def test_joining_again_alone_changes_nothing() -> None:
    assert Story(ANN).joins(ANN) == [SendJoined("a", "A", 0, None, resumed=True)]


def test_leaving_is_told_to_both() -> None:
    assert Story(ANN, BOB).hears(LeaveAsked("a")) == [SendLeft("a", "A"), SendBye("b", "A", "left")]


@pytest.mark.parametrize("who", [ANN, EVE])
def test_who_says_that_it_goes_is_gone_at_once(who: Member) -> None:
    story = Story(who, BOB)
    gone = MemberGone(who.id.lower(), "left")
    assert story.hears(gone) == [SendBye("b", who.id, "left")]
    assert story.members == [BOB]


def test_a_plain_client_that_is_lost_is_gone_at_once() -> None:
    story = Story(EVE, BOB)
    assert story.hears(ConnectionLost("e")) == [SendBye("b", "E", "lost")]
    assert story.members == [BOB]


def test_who_fell_silent_is_absent_since_it_was_heard_last() -> None:
    story = Story(ANN, BOB)
    story.hears(ConnectionLost("a", silent_s=14.0))
    assert story.joins(EVE) == [SendFull("e")]
    story.now += 1.0
    assert story.joins(EVE)[0] == SendBye("b", "A", "lost")


def test_the_one_who_stayed_offers_to_the_next_and_the_epoch_counts_up() -> None:
    story = Story(ANN, BOB)
    story.hears(LeaveAsked("a"))
    assert story.joins(EVE) == [SendJoined("e", "E", 2, BOB), SendOtherJoined("b", EVE, 2)]
    assert story.joins(BOB) == [SendJoined("b", "B", 2, EVE, offers=True, resumed=True)]


def test_who_leaves_and_comes_again_is_a_newcomer_with_the_same_id() -> None:
    story = Story(ANN, BOB)
    story.hears(LeaveAsked("a"))
    assert story.joins(ANN) == [SendJoined("a", "A", 2, BOB), SendOtherJoined("b", ANN, 2)]


# Messages


def test_a_message_goes_to_the_other_one_only_numbered_for_who_counts() -> None:
    story = Story(ANN, EVE)
    assert story.says("a", '{"type":"offer"}') == [Relay("e", '{"type":"offer"}')]
    assert story.says("e", "null") == [Relay("a", "null", 1)]
    assert story.says("e", "two") == [Relay("a", "two", 2)]


def test_a_message_of_one_alone_goes_nowhere() -> None:
    assert Story(ANN).says("a", "hello") == []


def test_a_message_sent_twice_arrives_once() -> None:
    story = Story(ANN, BOB)
    assert story.says("a", "one", 1) == [Relay("b", "one", 1)]
    assert story.says("a", "one", 1) == []
    assert story.says("a", "four", 4) == [Relay("b", "four", 2)]
    assert story.says("a", "three", 3) == []
    assert story.says("a", "not counted") == [Relay("b", "not counted", 3)]
    assert story.says("a", "five", 5) == [Relay("b", "five", 4)]


# A seat that moves to another connection


def test_a_seat_moves_to_its_owner_s_new_connection_and_the_other_one_is_told_nothing() -> None:
    story = Story(ANN, BOB)
    assert story.joins(ANN, "a2") == [Dismiss("a"), SendJoined("a2", "A", 1, BOB, offers=True, resumed=True)]
    assert story.members == [ANN, BOB]
    assert story.says("b", "hello") == [Relay("a2", "hello", 1)]
    assert story.says("a2", "hello") == [Relay("b", "hello", 1)]


def test_a_connection_whose_seat_has_moved_is_that_of_a_stranger() -> None:
    story = Story(ANN, BOB)
    story.joins(ANN, "a2")
    assert story.says("a", "hello") == []
    for stray in (LeaveAsked("a"), MemberGone("a", "lost"), ConnectionLost("a"), RenewAsked("a", 1)):
        assert story.hears(stray) == []


def test_of_two_connections_of_one_owner_the_newest_has_the_seat() -> None:
    story = Story(ANN, BOB)
    story.joins(BOB, "b2")
    assert story.joins(BOB, "b3") == [Dismiss("b2"), SendJoined("b3", "B", 1, ANN, resumed=True)]


def test_a_plain_client_with_the_id_of_another_does_not_get_its_seat() -> None:
    story = Story(EVE, BOB)
    assert story.joins(Member("E"), "thief") == [SendFull("thief")]


# A seat that is held


def test_of_a_break_the_other_one_is_told_nothing_and_its_owner_comes_back() -> None:
    story = Story(ANN, BOB)
    story.loses("a")
    story.now += 59
    assert story.joins(ANN, "a2") == [SendJoined("a2", "A", 1, BOB, offers=True, resumed=True)]
    assert story.room.deadline is None


def test_both_may_be_away_and_come_back_to_their_pairing() -> None:
    story = Story(ANN, BOB)
    story.loses("a", "b")
    assert story.joins(BOB, "b2") == [SendJoined("b2", "B", 1, ANN, resumed=True)]
    assert story.joins(ANN, "a2") == [SendJoined("a2", "A", 1, BOB, offers=True, resumed=True)]


def test_a_held_seat_is_nobody_elses_at_first() -> None:
    story = Story(ANN, BOB)
    story.loses("a")
    story.now += 14.9
    assert story.joins(EVE) == [SendFull("e")]


def test_then_a_newcomer_may_take_it_and_only_now_the_other_one_is_told() -> None:
    story = Story(ANN, BOB)
    story.loses("a")
    story.now += 15
    assert story.joins(EVE) == [
        SendBye("b", "A", "lost"),
        SendJoined("e", "E", 2, BOB),
        SendOtherJoined("b", EVE, 2),
    ]
    assert story.joins(ANN, "a2") == [SendFull("a2")]


def test_after_a_minute_it_is_vacated() -> None:
    story = Story(ANN, BOB)
    story.loses("a")
    assert story.room.deadline == story.now + 60
    story.now += 59.9
    assert story.hears(Expired()) == []
    story.now += 0.1
    assert story.hears(Expired()) == [SendBye("b", "A", "lost")]
    assert story.room.deadline is None
    assert story.members == [BOB]
    assert story.joins(ANN, "a2") == [SendJoined("a2", "A", 2, BOB), SendOtherJoined("b", ANN, 2)]


def test_a_room_of_absent_ones_ends() -> None:
    story = Story(ANN, BOB)
    story.loses("a", "b")
    story.now += 60
    assert story.hears(Expired()) == []
    assert story.members == []


def test_of_two_held_seats_a_newcomer_takes_that_of_who_is_away_longer() -> None:
    story = Story(ANN, BOB)
    story.loses("b")
    story.now += 1
    story.loses("a")
    story.now += 20
    assert story.joins(EVE) == [SendJoined("e", "E", 1, None)]
    assert story.members == [ANN, EVE]
    assert story.joins(ANN, "a2") == [
        SendJoined("a2", "A", 2, EVE, resumed=True),
        SendOtherJoined("e", ANN, 2),
    ]


def test_who_comes_beside_a_held_seat_is_alone_until_its_owner_is_back() -> None:
    story = Story(ANN, BOB)
    story.loses("a")
    story.hears(LeaveAsked("b"))
    assert story.joins(EVE) == [SendJoined("e", "E", 1, None)]
    assert story.says("e", "anybody?") == []
    assert story.joins(EVE) == [SendJoined("e", "E", 1, None, resumed=True)]
    assert story.joins(ANN, "a2") == [
        SendJoined("a2", "A", 2, EVE, resumed=True),
        SendOtherJoined("e", ANN, 2),
    ]
    assert story.says("e", "you") == [Relay("a2", "you", 1)]


def test_who_comes_beside_a_held_seat_is_not_told_when_it_is_vacated() -> None:
    story = Story(ANN)
    story.loses("a")
    story.joins(BOB)
    story.now += 60
    assert story.hears(Expired()) == []
    assert story.joins(EVE) == [SendJoined("e", "E", 1, BOB), SendOtherJoined("b", EVE, 1)]


def test_who_comes_back_to_an_empty_room_is_told_so() -> None:
    story = Story(ANN, BOB)
    story.loses("a")
    assert story.hears(LeaveAsked("b")) == [SendLeft("b", "B")]
    assert story.joins(ANN, "a2") == [SendJoined("a2", "A", 1, None, resumed=True)]


def test_the_role_is_told_with_the_seat_for_the_same_two_may_have_paired_anew() -> None:
    story = Story(ANN, BOB)
    story.loses("b")
    story.hears(LeaveAsked("a"))
    story.joins(ANN)
    assert story.joins(BOB, "b2") == [
        SendJoined("b2", "B", 2, ANN, offers=False, resumed=True),
        SendOtherJoined("a", BOB, 2),
    ]
    story = Story(ANN, BOB)
    story.hears(LeaveAsked("a"))
    story.joins(ANN)  # which Bob's connection, dead already, never told him
    assert story.joins(BOB, "b2")[1] == SendJoined("b2", "B", 2, ANN, offers=True, resumed=True)


# What was missed


def test_what_was_missed_comes_again_in_order_with_the_same_numbers() -> None:
    story = Story(ANN, BOB)
    for payload in ("one", "two"):
        story.says("b", payload)
    story.loses("a")
    assert story.says("b", "three") == []
    back = SendJoined("a2", "A", 1, BOB, offers=True, resumed=True)
    assert story.joins(ANN, "a2", received=1) == [back, Relay("a2", "two", 2), Relay("a2", "three", 3)]
    assert story.says("b", "four") == [Relay("a2", "four", 4)]
    assert story.joins(ANN, "a3", received=4)[2:] == []


def test_who_does_not_count_is_sent_nothing_again() -> None:
    story = Story(ANN, BOB)
    story.says("b", "one")
    story.loses("a")
    assert len(story.joins(ANN, "a2", received=None)) == 1


def test_joining_again_by_the_same_connection_sends_nothing_again() -> None:
    story = Story(ANN, BOB)
    story.joins(ANN, "a2", received=0)
    story.says("b", "one")
    assert len(story.joins(ANN, "a2", received=0)) == 1


def test_a_newcomer_is_sent_nothing_of_what_was_said_before() -> None:
    story = Story(ANN, BOB)
    story.says("b", "one")
    story.loses("a")
    story.now += 15
    assert story.joins(EVE, received=0)[1:] == [SendJoined("e", "E", 2, BOB), SendOtherJoined("b", EVE, 2)]


def test_what_is_sent_again_is_at_most_so_old() -> None:
    story = Story(ANN, BOB)
    story.loses("a")
    story.says("b", "one")
    story.now += 20
    story.says("b", "two")
    story.now += 10
    assert story.joins(ANN, "a2", received=0)[1:] == [Relay("a2", "two", 2)]


def test_what_cannot_be_sent_again_any_more_is_not_kept() -> None:
    story = Story(ANN, BOB)
    story.says("b", "one")
    assert story.room.deadline == story.now + 30
    story.now += 30
    assert story.hears(Expired()) == []
    assert story.room.deadline is None


def test_nothing_is_kept_for_plain_clients() -> None:
    story = Story(ANN, EVE)
    story.says("a", "one")
    assert story.room.deadline is None
