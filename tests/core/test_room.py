from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pycall.core.room import (
    SEATS,
    JoinAsked,
    LeaveAsked,
    Member,
    MemberGone,
    MessageSent,
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


def test_the_first_one_is_told_that_it_is_alone() -> None:
    assert Room().handle(JoinAsked(ANN)) == [SendJoined("a", 0, None)]


def test_the_second_one_learns_who_is_there_and_the_first_one_who_came() -> None:
    room = Room()
    room.handle(JoinAsked(ANN))
    assert room.handle(JoinAsked(BOB)) == [SendJoined("b", 1, ANN), SendOtherJoined("a", BOB, 1)]


def test_a_third_one_is_told_full_and_nothing_else() -> None:
    room = pair()
    assert room.handle(JoinAsked(EVE)) == [SendFull("e")]
    assert room.handle(MessageSent("e", "hello")) == []
    assert room.handle(LeaveAsked("e")) == []
    assert room.handle(MemberGone("e", "lost")) == []
    assert room.seats == (ANN, BOB)


def test_joining_again_is_answered_and_not_told_to_the_other() -> None:
    room = pair()
    assert room.handle(JoinAsked(ANN)) == [SendJoined("a", 1, BOB)]
    assert room.handle(JoinAsked(BOB)) == [SendJoined("b", 1, ANN)]
    assert room.seats == (ANN, BOB)


def test_joining_again_alone_changes_nothing() -> None:
    room = Room()
    room.handle(JoinAsked(ANN))
    assert room.handle(JoinAsked(ANN)) == [SendJoined("a", 0, None)]


def test_a_message_goes_to_the_other_one_only() -> None:
    room = pair()
    assert room.handle(MessageSent("a", {"type": "offer"})) == [Relay("b", {"type": "offer"})]
    assert room.handle(MessageSent("b", None)) == [Relay("a", None)]


def test_a_message_of_one_alone_goes_nowhere() -> None:
    room = Room()
    room.handle(JoinAsked(ANN))
    assert room.handle(MessageSent("a", "hello")) == []


def test_leaving_is_told_to_both() -> None:
    assert pair().handle(LeaveAsked("a")) == [SendLeft("a"), SendBye("b", "a", "left")]


def test_a_lost_one_is_told_to_the_one_who_stays() -> None:
    assert pair().handle(MemberGone("b", "lost")) == [SendBye("a", "b", "lost")]


def test_the_one_who_stayed_is_the_first_of_the_next_pair_and_the_epoch_counts_up() -> None:
    room = pair()
    room.handle(LeaveAsked("a"))
    assert room.handle(JoinAsked(EVE)) == [SendJoined("e", 2, BOB), SendOtherJoined("b", EVE, 2)]


people = st.sampled_from([Member(letter, letter.upper()) for letter in "abcdef"])


class Guests(RuleBasedStateMachine):
    """Six people do what they like; a list of who should be inside is kept beside the room."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room()
        self.inside: list[Member] = []
        self.pairings = 0

    @rule(who=people)
    def joins(self, who: Member) -> None:
        others = [member for member in self.inside if member != who]
        outputs = self.room.handle(JoinAsked(who))
        if who in self.inside:
            assert outputs == [SendJoined(who.id, self.pairings, others[0] if others else None)]
        elif len(self.inside) == SEATS:
            assert outputs == [SendFull(who.id)]
        else:
            self.inside.append(who)
            self.pairings += len(self.inside) == SEATS
            told: list[object] = [SendJoined(who.id, self.pairings, others[0] if others else None)]
            told += [SendOtherJoined(other.id, who, self.pairings) for other in others]
            assert outputs == told

    @rule(who=people)
    def leaves(self, who: Member) -> None:
        was_inside, others = self._out(who)
        left: list[object] = [SendLeft(who.id)] if was_inside else []
        assert self.room.handle(LeaveAsked(who.id)) == left + [SendBye(o.id, who.id, "left") for o in others]

    @rule(who=people, reason=st.sampled_from(["left", "lost"]))
    def vanishes(self, who: Member, reason: str) -> None:
        _, others = self._out(who)
        outputs = self.room.handle(MemberGone(who.id, reason))  # type: ignore[arg-type]
        assert outputs == [SendBye(other.id, who.id, reason) for other in others]  # type: ignore[arg-type]

    @rule(who=people, payload=st.integers())
    def speaks(self, who: Member, payload: int) -> None:
        hearers = [member for member in self.inside if member != who] if who in self.inside else []
        assert self.room.handle(MessageSent(who.id, payload)) == [Relay(o.id, payload) for o in hearers]

    @invariant()
    def holds_who_is_inside_in_the_order_they_came(self) -> None:
        assert list(self.room.seats) == self.inside
        assert len(self.inside) <= SEATS
        assert self.room.epoch == self.pairings

    def _out(self, who: Member) -> tuple[bool, list[Member]]:
        if who not in self.inside:
            return False, []
        self.inside.remove(who)
        return True, list(self.inside)


test_a_room_does_what_a_list_of_guests_says = Guests.TestCase
