"""How a call outlives its connection: silence, renewal, and which of two connections goes on."""

from __future__ import annotations

import pytest

from pycall.core import events
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.attempts import Pairing
from pycall.core.link import Link
from pycall.core.messages import Answer, IceServer, Keep, Offer
from pycall.core.patience import ASK_AGAIN_S, BUILD_S, FRESH_S, PAUSE_S, TELL_S

BOB = i.PeerInfo("b", "Bob", renews=True)
PLAIN = i.PeerInfo("p", "Pia")
DIRECT = events.Path("direct", "host", "host")
RELAYED = events.Path("relay", "relay", "host")
ASKED = [o.RenewPairing(1), o.CheckSignalling()]


def standing(peer: i.PeerInfo = BOB, *, offering: bool = True) -> Link:
    """A link that carries since time 10, in epoch 1."""
    link = Link(60.0)
    assert link.open((), 0.0) == [o.OpenPeer(1, ())]
    link.pair(Pairing(peer, 1, offering=offering), (), 0.0)
    link.received(Answer("answer", 1) if offering else Offer("offer", 1), 9.0)
    assert link.connected(1, DIRECT, 10.0) == [o.MeasurePeer(1)]
    assert link.heard(1, 10.1) == []
    assert link.deadline is None
    return link


def silent() -> Link:
    """The same, silent since time 20 and known to be since 22."""
    link = standing()
    assert link.silent_for(1, 1.5, 21.5) == []
    assert link.silent_for(1, 2.0, 22.0) == [*ASKED, o.Announce(events.Reconnecting(2.0))]
    return link


def building() -> Link:
    """The same, where the server has told the new epoch at time 22.1."""
    link = silent()
    assert link.renewed(2, (), 22.1) == [o.OpenPeer(2, ()), o.CreateOffer(2)]
    return link


def test_silence_asks_for_another_epoch_and_says_so() -> None:
    silent()


def test_the_new_connection_takes_over_once_it_stands_and_is_heard() -> None:
    link = building()
    assert link.received(Answer("answer", 2), 22.3) == [o.AcceptAnswer(2, "answer")]
    assert link.connected(2, DIRECT, 22.5) == []
    assert link.heard(2, 22.6) == [
        o.ClosePeer(1, say_bye=False),
        o.Announce(events.Reconnected(pytest.approx(2.6))),  # type: ignore[arg-type]
        o.MeasurePeer(2),
        o.SendMedia(2),
    ]
    assert link.deadline is None
    assert link.silence(22.7) == 0.0
    assert link.owns(2)
    assert not link.owns(1)


def test_a_new_way_is_told_when_it_is_another() -> None:
    link = building()
    link.heard(2, 22.5)
    assert link.connected(2, RELAYED, 22.6)[-1] == o.Announce(
        events.PathChanged("relay", "relay", "host", "udp")
    )


def test_the_old_connection_goes_on_when_it_speaks_first_and_the_other_end_is_told() -> None:
    link = building()
    assert link.heard(1, 22.4) == [
        o.ClosePeer(2, say_bye=False),
        o.SendMessage(Keep(2)),
        o.Announce(events.Reconnected(pytest.approx(2.4))),  # type: ignore[arg-type]
    ]
    assert link.deadline is None
    assert link.epoch == 2


def test_the_new_connection_goes_on_when_both_speak() -> None:
    link = building()
    link.connected(2, DIRECT, 22.5)
    assert link.heard(1, 22.5) == []
    assert link.heard(2, 22.6)[0] == o.ClosePeer(1, say_bye=False)


def test_an_epoch_that_comes_after_the_silence_ended_by_itself_is_given_back() -> None:
    link = silent()
    assert link.heard(1, 22.1) == [o.Announce(events.Reconnected(pytest.approx(2.1)))]  # type: ignore[arg-type]
    assert link.renewed(2, (), 22.2) == [o.SendMessage(Keep(2))]
    assert link.deadline is None


def test_who_hears_well_follows_the_one_who_does_not() -> None:
    link = standing(offering=False)
    assert link.renewed(2, (), 30.0) == [o.OpenPeer(2, ()), o.Announce(events.Reconnecting(0.0))]
    assert link.received(Offer("offer", 2), 30.1) == [o.AcceptOffer(2, "offer")]
    link.connected(2, DIRECT, 31.5)
    assert o.Announce(events.Reconnected(2.0)) in link.heard(2, 32.0)


def test_a_connection_the_other_end_closed_may_only_be_the_beginning_of_its_goodbye() -> None:
    link = standing()
    assert link.broke(1, 30.0) == [o.ClosePeer(1, say_bye=False), *ASKED]
    assert link.deadline == 30.0 + TELL_S
    assert link.tick(30.0 + TELL_S) == [o.Announce(events.Reconnecting(TELL_S))]


def test_what_is_kept_at_the_other_end_is_kept_here_unless_it_is_silent_here() -> None:
    hearing = standing()
    hearing.renewed(2, (), 30.0)
    assert hearing.received(Keep(7), 30.1) == []
    assert hearing.received(Keep(2), 30.5) == [
        o.ClosePeer(2, say_bye=False),
        o.Announce(events.Reconnected(0.5)),
    ]
    assert hearing.deadline is None
    deaf = building()
    assert deaf.received(Keep(2), 22.5) == [o.ClosePeer(2, say_bye=False)]
    assert deaf.tick(22.5 + PAUSE_S) == [o.RenewPairing(2), o.CheckSignalling()]


def test_a_question_that_went_astray_is_asked_again() -> None:
    link = silent()
    assert link.deadline == 22.0 + ASK_AGAIN_S
    assert link.tick(24.0) == ASKED


def test_what_cannot_be_built_is_tried_again_in_the_next_epoch() -> None:
    link = building()
    assert link.deadline == 22.1 + BUILD_S
    assert link.tick(22.1 + BUILD_S) == [
        o.ClosePeer(2, say_bye=False),
        o.RenewPairing(2),
        o.CheckSignalling(),
    ]
    assert link.renewed(3, (), 33.0) == [o.OpenPeer(3, ()), o.CreateOffer(3)]
    assert link.broke(3, 34.0) == [o.ClosePeer(3, say_bye=False)]
    assert link.tick(34.0 + PAUSE_S) == [o.RenewPairing(3), o.CheckSignalling()]


def test_a_broken_successor_of_a_connection_that_speaks_ends_the_renewal() -> None:
    link = standing()
    link.renewed(2, (), 30.0)
    assert link.broke(2, 30.5) == [o.ClosePeer(2, say_bye=False)]
    assert link.tick(30.5 + PAUSE_S) == [o.Announce(events.Reconnected(0.5 + PAUSE_S))]
    assert link.deadline is None


def test_a_connection_that_breaks_is_replaced() -> None:
    link = standing()
    assert link.broke(1, 30.0) == [o.ClosePeer(1, say_bye=False), *ASKED]
    link.renewed(2, (), 30.0)
    link.connected(2, DIRECT, 30.4)
    assert link.heard(2, 30.5) == [o.Announce(events.Reconnected(0.5)), o.MeasurePeer(2)]


def test_a_first_connection_that_breaks_and_one_to_a_plain_client_are_not_replaced() -> None:
    link = Link(60.0)
    link.open((), 0.0)
    link.pair(Pairing(BOB, 1, offering=True), (), 0.0)
    assert link.broke(1, 5.0) is None
    assert standing(PLAIN).broke(1, 30.0) is None


def test_a_plain_client_is_missed_all_the_same() -> None:
    link = standing(PLAIN)
    assert link.silent_for(1, 2.0, 22.0) == [o.CheckSignalling(), o.Announce(events.Reconnecting(2.0))]
    assert link.heard(1, 25.0) == [o.Announce(events.Reconnected(5.0))]


def test_the_time_for_reconnecting_counts_from_the_last_that_was_heard() -> None:
    link = building()
    assert not link.gave_up(79.9)
    assert link.gave_up(80.0)


def test_a_lost_address_replaces_the_connection_before_it_falls_silent() -> None:
    link = standing()
    assert link.network_changed(30.0, lost=True) == [*ASKED, o.Announce(events.Reconnecting(0.0))]
    assert link.renewed(2, (), 30.1) == [o.OpenPeer(2, ()), o.CreateOffer(2)]
    assert link.network_changed(30.2, lost=False) == [
        o.ClosePeer(2, say_bye=False),
        o.RenewPairing(2),
        o.CheckSignalling(),
    ]


def test_one_address_more_leaves_a_connection_that_stands() -> None:
    link = standing()
    assert link.network_changed(30.0, lost=False) == [o.CheckSignalling()]
    assert link.deadline is None


def test_a_lost_address_leaves_the_connection_to_one_that_cannot_renew() -> None:
    link = standing(PLAIN)
    assert link.network_changed(30.0, lost=True) == [o.CheckSignalling()]
    assert link.deadline is None


def test_a_first_connection_begins_anew_with_other_addresses() -> None:
    link = Link(60.0)
    link.open((), 0.0)
    link.pair(Pairing(BOB, 1, offering=True), (), 0.0)
    assert link.network_changed(5.0, lost=True) == ASKED
    assert link.renewed(2, (), 5.1) == [o.ClosePeer(1, say_bye=False), o.OpenPeer(2, ()), o.CreateOffer(2)]


def test_a_server_that_forgot_the_pairing_is_asked_under_its_new_number() -> None:
    link = silent()
    link.unpair()
    assert link.tick(24.0) == [o.CheckSignalling()]
    assert link.adopt(Pairing(BOB, 7, offering=False), 25.0) == [o.RenewPairing(7), o.CheckSignalling()]
    assert link.renewed(8, (), 25.1) == [o.OpenPeer(2, ())]


def test_who_comes_back_to_a_peer_that_came_meanwhile_asks_before_it_builds() -> None:
    link = standing()
    link.unpair()
    link.network_changed(20.0, lost=True)
    assert link.resumed(Pairing(BOB, 1, offering=True), (), 20.5) == ASKED
    link = standing()
    link.unpair()
    assert link.resumed(Pairing(BOB, 1, offering=True), (), 20.5) == []


def test_coming_back_to_the_pairing_it_was_leaves_what_is_being_built() -> None:
    link = building()
    assert link.adopt(Pairing(BOB, 2, offering=True), 23.0) == []
    assert link.owns(2)
    assert link.adopt(Pairing(BOB, 5, offering=True), 23.0) == [
        o.ClosePeer(2, say_bye=False),
        o.RenewPairing(5),
        o.CheckSignalling(),
    ]


def test_candidates_go_out_with_the_epoch_of_the_newest_connection() -> None:
    link = building()
    assert link.described(i.CandidateGathered(1, "late")) == []
    (order,) = link.described(i.CandidateGathered(2, "candidate:1"))
    assert isinstance(order, o.SendMessage)
    assert order.message.epoch == 2


def test_a_successor_that_breaks_before_silence_could_be_noticed_ends_nothing() -> None:
    link = standing()
    link.network_changed(30.0, lost=True)
    link.renewed(2, (), 30.1)
    assert link.broke(2, 30.9) == [o.ClosePeer(2, say_bye=False)]
    link.silent_for(1, 1.0, 31.0)
    assert link.tick(30.9 + PAUSE_S) == [o.RenewPairing(2), o.CheckSignalling()]


def test_who_hears_in_snatches_does_not_take_back_what_the_deaf_one_builds() -> None:
    link = standing()
    link.renewed(2, (), 30.0)
    link.silent_for(1, 1.2, 31.2)
    assert link.heard(1, 31.3) == []
    assert link.owns(2)


def test_what_the_other_end_gave_up_is_given_up_although_it_stands_here() -> None:
    link = building()
    link.connected(2, DIRECT, 22.4)
    assert link.received(Keep(2), 22.5) == [o.ClosePeer(2, say_bye=False)]


def test_a_closed_connection_is_replaced_also_while_the_server_has_forgotten_the_pairing() -> None:
    link = building()
    link.connected(2, DIRECT, 22.5)
    link.unpair()
    assert link.broke(1, 22.6) == [o.ClosePeer(1, say_bye=False)]
    assert link.heard(2, 22.7)[-1] == o.MeasurePeer(2)
    assert link.broke(2, 30.0) == [o.ClosePeer(2, say_bye=False), o.CheckSignalling()]


def test_a_question_the_server_has_forgotten_answers_nobody_later() -> None:
    link = silent()
    link.unpair()
    link.heard(1, 23.0)
    link.adopt(Pairing(BOB, 7, offering=True), 24.0)
    assert link.renewed(8, (), 90.0)[0] == o.OpenPeer(2, ())


def test_a_sleep_over_the_time_for_reconnecting_leaves_time_for_one_more_try() -> None:
    link = silent()
    assert not link.gave_up(500.0)
    assert not link.gave_up(500.0 + BUILD_S - 0.1)
    assert link.gave_up(500.0 + BUILD_S)


def test_what_was_gathered_long_before_somebody_came_is_gathered_anew() -> None:
    link = Link(60.0)
    link.open((), 0.0)
    fresh = (IceServer(("stun:a",)),)
    assert link.pair(Pairing(BOB, 1, offering=True), fresh, FRESH_S + 0.1) == [
        o.ClosePeer(1, say_bye=False),
        o.OpenPeer(2, fresh),
        o.CreateOffer(2),
    ]
