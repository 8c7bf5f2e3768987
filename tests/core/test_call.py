"""The call's decisions, told as conversations: what happened, and what it wants done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pycall.core import events
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.call import Call, Phase
from pycall.core.messages import Answer, Bye, Candidate, Offer, Ping, State
from pycall.core.negotiation import MAX_EARLY_CANDIDATES
from pycall.core.patience import (
    CANDIDATES_S,
    CONNECT_TIMEOUT_S,
    FIRST_PAUSE_S,
    JOIN_TIMEOUT_S,
    KNOCK_S,
    RESEAT_S,
)
from pycall.core.terms import CallTerms
from pycall.core.verification import NO_WORDS, commitment_to
from pycall.errors import JoinRefused, NobodyCame, NoConnection, PeerLost, ServerUnreachable

BOB = i.PeerInfo("b", "Bob", renews=True)
CY = i.PeerInfo("c", "Cy", renews=True)
PATH = events.Path("direct", "host", "srflx")
RELAYED = events.Path("relay", "relay", "srflx", "tcp")
TERMS = CallTerms("den")
CANDIDATE = Candidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", 0, 1)


def alone(terms: CallTerms = TERMS) -> Call:
    """A call that joined an empty room at time 0."""
    call = Call(terms)
    assert call.handle(i.SignallingOpened(), 0.0) == [o.JoinRoom()]
    assert call.handle(i.JoinedRoom("a", None, None, ()), 0.0) == [
        o.Announce(events.Joined("den", "a", peer=False)),
        o.OpenPeer(1, ()),
    ]
    return call


def offering(terms: CallTerms = TERMS) -> Call:
    """A call whose other one came at time 10."""
    call = alone(terms)
    assert call.handle(i.OtherJoined(BOB, 1), 10.0) == [
        o.Announce(events.PeerJoined("b", "Bob")),
        o.Announce(events.Connecting()),
        o.CreateOffer(1),
    ]
    return call


def talking(terms: CallTerms = TERMS) -> Call:
    """A call that is connected since time 11."""
    call = offering(terms)
    assert call.handle(i.OfferCreated(1, "offer", bytes(16)), 10.1) == [
        o.SendMessage(Offer("offer", 1, commitment_to("A" * 22)))
    ]
    assert call.handle(i.MessageReceived(Answer("answer", 1)), 10.2) == [
        o.AcceptAnswer(1, "answer"),
        o.Announce(NO_WORDS),
        o.SendMedia(1),
    ]
    assert call.handle(i.PeerConnected(1, PATH), 11.0) == [
        o.MeasurePeer(1),
        o.Announce(events.Connected("direct", "host", "srflx", "udp", 1.0)),
    ]
    return call


def orders(out: list[o.Output], kind: type[o.Output]) -> list[o.Output]:
    return [order for order in out if isinstance(order, kind)]


def test_the_peer_connection_is_made_at_joined_so_that_gathering_begins_while_one_waits() -> None:
    alone()


def test_the_one_already_there_offers() -> None:
    talking()


def test_the_one_who_comes_second_waits_for_the_offer_and_answers() -> None:
    call = Call(TERMS)
    out = call.handle(i.JoinedRoom("b", 1, i.PeerInfo("a", "Ann", renews=True), ()), 0.0)
    assert out == [
        o.Announce(events.Joined("den", "b", peer=True)),
        o.OpenPeer(1, ()),
        o.Announce(events.PeerJoined("a", "Ann")),
        o.Announce(events.Connecting()),
    ]
    assert call.handle(i.MessageReceived(Offer("offer", 1)), 0.1) == [
        o.AcceptOffer(1, "offer"),
        o.Announce(NO_WORDS),
        o.SendMedia(1),
    ]
    assert call.handle(i.AnswerCreated(1, "answer", bytes(16)), 0.2) == [o.SendMessage(Answer("answer", 1))]
    call.handle(i.PeerConnected(1, RELAYED), 0.5)
    assert call.phase is Phase.CONNECTED


def test_an_offer_from_a_server_that_tells_no_peer_is_answered() -> None:
    call = alone()
    out = call.handle(i.MessageReceived(Offer("offer", None)), 1.0)
    assert o.AcceptOffer(1, "offer", wait_s=CANDIDATES_S) in out
    assert call.phase is Phase.CONNECTING


def test_candidates_that_come_before_the_description_are_kept_for_it() -> None:
    call = offering()
    assert call.handle(i.MessageReceived(CANDIDATE), 10.1) == []
    assert call.handle(i.MessageReceived(Answer("answer", 1)), 10.2) == [
        o.AcceptAnswer(1, "answer"),
        o.AddCandidate(1, CANDIDATE),
        o.Announce(NO_WORDS),
        o.SendMedia(1),
    ]
    assert call.handle(i.MessageReceived(CANDIDATE), 10.3) == [o.AddCandidate(1, CANDIDATE)]


def test_a_flood_of_early_candidates_is_bounded() -> None:
    call = offering()
    for _ in range(1_000):
        call.handle(i.MessageReceived(CANDIDATE), 10.1)
    out = call.handle(i.MessageReceived(Answer("answer", 1)), 10.2)
    assert len(orders(out, o.AddCandidate)) == MAX_EARLY_CANDIDATES


def test_messages_of_another_epoch_are_dropped() -> None:
    call = offering()
    assert call.handle(i.MessageReceived(Answer("stale", 7)), 10.1) == []
    assert call.handle(i.MessageReceived(replace(CANDIDATE, epoch=7)), 10.1) == []


def test_reports_of_an_earlier_attempt_are_dropped() -> None:
    call = offering()
    assert call.handle(i.OtherLeft("b", "left"), 10.5)[-2:] == [
        o.ClosePeer(1, say_bye=False),
        o.OpenPeer(2, ()),
    ]
    assert call.handle(i.OfferCreated(1, "late", bytes(16)), 10.6) == []
    assert call.handle(i.PeerFailed(1, "late"), 10.6) == []


def test_a_second_offer_or_answer_in_one_attempt_is_ignored() -> None:
    call = talking()
    assert call.handle(i.MessageReceived(Answer("again", 1)), 12.0) == []
    assert call.handle(i.MessageReceived(Offer("again", 1)), 12.0) == []


def test_hanging_up_says_bye_and_leaves_the_room() -> None:
    assert talking().handle(i.HungUp(), 20.0) == [
        o.ClosePeer(1, say_bye=True),
        o.LeaveRoom(),
        o.Finish("hangup"),
    ]


def test_the_other_sides_bye_ends_the_call_normally() -> None:
    out = talking().handle(i.ControlReceived(1, Bye()), 20.0)
    assert out[0] == o.Announce(events.PeerLeft("b", "left"))
    assert out[-1] == o.Finish("peer-hangup")


def test_with_stay_the_next_caller_is_awaited_after_a_hang_up() -> None:
    call = talking(CallTerms("den", stay=True))
    out = call.handle(i.OtherLeft("b", "left"), 20.0)
    assert out == [
        o.Announce(events.PeerLeft("b", "left")),
        o.ClosePeer(1, say_bye=False),
        o.OpenPeer(2, ()),
    ]
    again = call.handle(i.OtherJoined(CY, 2), 30.0)
    assert again[-1] == o.CreateOffer(2)


def test_a_peer_that_leaves_before_the_call_stood_is_waited_for_again() -> None:
    call = offering()
    call.handle(i.OtherLeft("b", "lost"), 11.0)
    assert call.phase is Phase.WAITING


def test_bye_about_somebody_else_is_ignored() -> None:
    assert talking().handle(i.OtherLeft("stranger", "left"), 12.0) == []


def test_a_peer_the_server_lost_is_kept_while_its_media_flows() -> None:
    call = talking()
    assert call.handle(i.OtherLeft("b", "lost"), 20.0) == []
    assert call.handle(i.MediaSilent(1, 1.5), 21.5) == []
    out = call.handle(i.MediaSilent(1, 3.0), 23.0)
    assert isinstance(out[-1], o.Finish)
    assert isinstance(out[-1].error, PeerLost)


def test_who_comes_while_the_lost_one_is_still_missed_is_called_once_it_counts_as_gone() -> None:
    call = talking(CallTerms("den", stay=True))
    call.handle(i.OtherLeft("b", "lost"), 20.0)
    assert call.handle(i.OtherJoined(CY, 2), 21.0) == []
    assert call.handle(i.MediaSilent(1, 3.0), 23.0)[-3:] == [
        o.Announce(events.PeerLeft("b", "lost")),
        o.ClosePeer(1, say_bye=False),
        o.OpenPeer(2, ()),
    ]
    assert call.deadline == 23.0 + KNOCK_S
    assert call.handle(i.DeadlinePassed(), 23.0 + KNOCK_S) == [
        o.Announce(events.PeerJoined("c", "Cy")),
        o.Announce(events.Connecting()),
        o.CreateOffer(2),
    ]


def test_who_knocked_and_was_only_the_one_who_just_hung_up_is_not_called() -> None:
    call = talking(CallTerms("den", stay=True))
    call.handle(i.OtherLeft("b", "lost"), 20.0)
    call.handle(i.OtherJoined(i.PeerInfo("b2", "Bob"), 2), 21.0)
    call.handle(i.ControlReceived(1, Bye()), 22.0)
    call.handle(i.OtherLeft("b2", "left"), 22.1)
    assert call.deadline is None
    assert call.phase is Phase.WAITING


def test_who_came_and_went_again_in_that_time_is_not_called() -> None:
    call = talking(CallTerms("den", stay=True))
    call.handle(i.OtherLeft("b", "lost"), 20.0)
    call.handle(i.OtherJoined(CY, 2), 21.0)
    assert call.handle(i.OtherLeft("c", "left"), 22.0) == []
    assert not orders(call.handle(i.MediaSilent(1, 3.0), 23.0), o.CreateOffer)


def test_a_seat_lost_during_the_call_is_told_and_ends_nothing() -> None:
    (notice,) = talking().handle(i.RoomFull(), 20.0)
    assert isinstance(notice, o.Announce)


def test_a_full_room_is_refused_with_a_hint() -> None:
    (finish,) = Call(TERMS).handle(i.RoomFull(), 0.0)
    assert isinstance(finish, o.Finish)
    assert isinstance(finish.error, JoinRefused)
    assert finish.error.refusal == "full"
    assert finish.error.hint


def test_a_refused_join_ends_the_call_and_a_refused_message_does_not() -> None:
    (finish,) = Call(TERMS).handle(i.Refused("bad-room", "No such name."), 0.0)
    assert isinstance(finish, o.Finish)
    (notice,) = talking().handle(i.Refused("message-too-large", "Too large."), 20.0)
    assert isinstance(notice, o.Announce)


def test_a_closed_room_ends_a_call_that_did_not_begin_and_no_other() -> None:
    refused = i.Refused("password-refused", "The password is wrong.")
    (finish,) = Call(TERMS).handle(refused, 0.0)
    assert isinstance(finish, o.Finish)
    assert isinstance(finish.error, JoinRefused)
    assert (finish.error.message, finish.error.refusal) == ("The password is wrong.", "password-refused")
    call = talking()
    (notice,) = call.handle(refused, 20.0)
    assert isinstance(notice, o.Announce)
    assert call.handle(refused, 21.0) == []
    assert call.handle(i.DeadlinePassed(), 21.0 + RESEAT_S) == [o.JoinRoom()]


def test_an_unreachable_server_ends_the_call_with_its_error() -> None:
    error = ServerUnreachable("Nobody answers.")
    assert Call(TERMS).handle(i.SignallingFailed(error), 0.0) == [o.Finish("error", error)]


def test_nobody_came_within_the_wait() -> None:
    call = alone(CallTerms("den", wait_s=5))
    assert call.deadline == 5.0
    finish = call.handle(i.DeadlinePassed(), 5.0)[-1]
    assert isinstance(finish, o.Finish)
    assert isinstance(finish.error, NobodyCame)


def test_without_wait_one_waits_for_ever() -> None:
    assert alone().deadline is None


def test_no_connection_within_the_limit_is_an_error() -> None:
    call = offering()
    assert call.deadline == 10.0 + CONNECT_TIMEOUT_S
    finish = call.handle(i.DeadlinePassed(), 10.0 + CONNECT_TIMEOUT_S)[-1]
    assert isinstance(finish, o.Finish)
    assert isinstance(finish.error, NoConnection)


def test_with_stay_a_failed_attempt_takes_a_fresh_seat_after_a_pause_that_grows() -> None:
    call = offering(CallTerms("den", stay=True, wait_s=30))
    now, pause_s = 12.0, FIRST_PAUSE_S
    for attempt in (1, 2, 3):
        out = call.handle(i.PeerFailed(attempt, "no path."), now)
        assert out[0] == o.Announce(events.PeerLeft("b", "lost"))
        assert out[2:] == [o.LeaveRoom(), o.ClosePeer(attempt, say_bye=False)]
        assert call.deadline == now + pause_s
        now += pause_s
        assert call.handle(i.DeadlinePassed(), now) == [o.JoinRoom()]
        call.handle(i.JoinedRoom("a", None, None, ()), now)
        assert call.deadline == now + 30
        call.handle(i.OtherJoined(BOB, 1), now)
        pause_s *= 2


def test_a_server_that_does_not_answer_the_join_is_no_pycall_server() -> None:
    call = Call(TERMS)
    call.handle(i.SignallingOpened(), 5.0)
    assert call.deadline == 5.0 + JOIN_TIMEOUT_S
    finish = call.handle(i.DeadlinePassed(), 5.0 + JOIN_TIMEOUT_S)[-1]
    assert isinstance(finish, o.Finish)
    assert isinstance(finish.error, ServerUnreachable)


def test_who_lost_the_seat_during_the_call_asks_for_one_before_waiting_for_the_next() -> None:
    call = talking(CallTerms("den", stay=True))
    call.handle(i.RoomFull(), 20.0)
    out = call.handle(i.ControlReceived(1, Bye()), 21.0)
    assert out[1:] == [o.ClosePeer(1, say_bye=False), o.JoinRoom()]
    (notice,) = call.handle(i.RoomFull(), 22.0)
    assert isinstance(notice, o.Announce)
    assert call.handle(i.DeadlinePassed(), 22.0 + FIRST_PAUSE_S) == [o.JoinRoom()]
    (notice,) = call.handle(i.Refused("invite-refused", "The invite is over."), 24.0)
    assert isinstance(notice, o.Announce)
    assert call.deadline == 24.0 + 2 * FIRST_PAUSE_S


def test_the_duration_counts_from_the_first_connection() -> None:
    call = talking(CallTerms("den", duration_s=60))
    assert call.deadline == 71.0
    assert call.handle(i.DeadlinePassed(), 71.0)[-1] == o.Finish("duration")


def test_a_deadline_that_is_not_over_changes_nothing() -> None:
    assert talking().handle(i.DeadlinePassed(), 12.0) == []


def test_what_the_other_side_does_is_announced() -> None:
    state = State(muted=True, camera_off=False, recording=True)
    assert talking().handle(i.ControlReceived(1, state), 12.0) == [
        o.Announce(events.PeerState(muted=True, camera_off=False, recording=True))
    ]
    assert talking().handle(i.ControlReceived(1, Ping(1.0)), 12.0) == []


def test_what_the_other_side_repeats_of_itself_is_announced_once() -> None:
    call, state = talking(), State(muted=True, camera_off=False, recording=False)
    assert len(call.handle(i.ControlReceived(1, state), 12.0)) == 1
    assert call.handle(i.ControlReceived(1, state), 13.0) == []


def test_the_first_frame_of_a_kind_is_announced() -> None:
    call = talking()
    assert call.handle(i.MediaArrived(1, "video"), 12.0) == [o.Announce(events.FirstFrame("video"))]
    assert call.handle(i.MediaArrived(1, "video"), 13.0) == []


@pytest.mark.parametrize("reason", ["left", "lost"])
def test_an_ended_call_is_silent(reason: str) -> None:
    call = talking()
    call.handle(i.Interrupted(), 20.0)
    assert call.deadline is None
    assert call.handle(i.OtherLeft("b", reason), 21.0) == []  # type: ignore[arg-type]
