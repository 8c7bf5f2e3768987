"""What a call does when its media, its server or its network is gone for a while."""

from __future__ import annotations

from pycall.core import events
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.call import Phase
from pycall.core.patience import RESEAT_S
from pycall.core.terms import CallTerms
from pycall.errors import PeerLost
from tests.core.test_call import BOB, CY, alone, offering, orders, talking


def test_the_call_goes_on_when_the_signalling_server_goes_and_comes() -> None:
    call = talking()
    (notice,) = call.handle(i.SignallingLost(), 20.0)
    assert isinstance(notice, o.Announce)
    assert call.handle(i.SignallingOpened(), 25.0) == [o.JoinRoom()]
    assert call.handle(i.JoinedRoom("a", None, None, ()), 25.1) == []
    assert call.handle(i.OtherJoined(BOB, 7), 25.2) == []
    assert call.phase is Phase.CONNECTED
    assert o.RenewPairing(7) in call.handle(i.MediaSilent(1, 2.0), 30.0)


def test_a_stranger_in_the_room_of_a_new_server_is_no_partner_for_reconnecting() -> None:
    call = talking()
    call.handle(i.SignallingOpened(), 25.0)
    assert call.handle(i.JoinedRoom("a", 1, CY, ()), 25.1) == []
    out = call.handle(i.MediaSilent(1, 3.0), 30.0)
    assert not orders(out, o.RenewPairing)
    assert isinstance(out[-1], o.Finish)


def test_one_who_waits_gathers_anew_when_the_addresses_change() -> None:
    call = alone(CallTerms("den", wait_s=60))
    out = call.handle(i.NetworkChanged(), 5.0)
    assert out == [o.ClosePeer(1, say_bye=False), o.OpenPeer(2, ()), o.CheckSignalling()]
    assert call.deadline == 60.0


def test_who_came_while_our_connection_was_away_is_met_from_the_old_seat() -> None:
    call = alone()
    out = call.handle(i.JoinedRoom("a", 1, BOB, (), resumed=True, offering=True), 5.0)
    assert out[-1] == o.CreateOffer(1)


def test_what_changed_while_our_connection_was_away_is_caught_up_with() -> None:
    gone = offering()
    assert o.Announce(events.PeerLeft("b", "lost")) in gone.handle(
        i.JoinedRoom("a", 1, None, (), resumed=True), 11.0
    )
    other = offering()
    out = other.handle(i.JoinedRoom("a", 2, CY, (), resumed=True), 11.0)
    assert out[-2:] == [o.Announce(events.PeerJoined("c", "Cy")), o.Announce(events.Connecting())]
    talks = talking()
    assert talks.handle(i.JoinedRoom("a", 1, None, (), resumed=True), 20.0) == []
    assert isinstance(talks.handle(i.MediaSilent(1, 3.0), 23.0)[-1], o.Finish)


def test_who_renewed_while_our_connection_was_away_is_followed() -> None:
    out = talking().handle(i.JoinedRoom("a", 2, BOB, (), resumed=True, offering=True), 20.0)
    assert out[:2] == [o.OpenPeer(2, ()), o.CreateOffer(2)]
    early = offering()
    out = early.handle(i.JoinedRoom("a", 2, BOB, (), resumed=True, offering=True), 11.0)
    assert out == [o.ClosePeer(1, say_bye=False), o.OpenPeer(2, ()), o.CreateOffer(2)]


def test_a_negotiation_goes_on_from_the_old_seat() -> None:
    call = offering()
    assert call.handle(i.JoinedRoom("a", 1, BOB, (), resumed=True), 11.0) == []
    assert call.phase is Phase.CONNECTING


def test_silence_alone_ends_the_call_only_after_the_time_for_reconnecting() -> None:
    call = talking()
    assert o.Announce(events.Reconnecting(2.0)) in call.handle(i.MediaSilent(1, 2.0), 22.0)
    assert not orders(call.handle(i.DeadlinePassed(), 79.9), o.Finish)
    assert call.deadline == 80.0
    finish = call.handle(i.DeadlinePassed(), 80.0)[-1]
    assert isinstance(finish, o.Finish)
    assert isinstance(finish.error, PeerLost)
    assert "60 s" in finish.error.message


def test_without_time_for_reconnecting_the_call_ends_when_the_silence_is_noticed() -> None:
    call = talking(CallTerms("den", reconnect_s=0))
    call.handle(i.MediaSilent(1, 2.0), 22.0)
    assert call.deadline == 22.0
    assert isinstance(call.handle(i.DeadlinePassed(), 22.0)[-1], o.Finish)


def test_a_peer_the_server_has_lost_is_gone_at_once_when_its_media_is_silent_already() -> None:
    call = talking()
    call.handle(i.MediaSilent(1, 2.5), 20.0)
    assert isinstance(call.handle(i.OtherLeft("b", "lost"), 20.6)[-1], o.Finish)


def test_a_stay_outlives_an_outage_of_the_whole_network() -> None:
    call = talking(CallTerms("den", stay=True))
    call.handle(i.SignallingLost(), 12.0)
    call.handle(i.MediaSilent(1, 2.0), 12.0)
    now = 12.0
    while now < 600.0 and call.deadline is not None:
        now = call.deadline
        assert not orders(call.handle(i.DeadlinePassed(), now), o.Finish)
    assert call.phase is Phase.JOINING
    assert call.handle(i.SignallingOpened(), 600.0) == [o.JoinRoom()]


def test_a_server_that_stops_ends_nobody_who_waits_for_a_seat() -> None:
    call = offering(CallTerms("den", stay=True))
    call.handle(i.PeerFailed(1, "no path."), 12.0)
    assert call.handle(i.Refused("server-stopping", "The server is stopping."), 12.1) == []
    assert call.phase is Phase.JOINING


def test_a_seat_somebody_took_is_asked_for_again_while_the_call_goes_on() -> None:
    call = talking()
    assert len(call.handle(i.RoomFull(), 20.0)) == 1
    assert call.deadline == 20.0 + RESEAT_S
    call.handle(i.SignallingOpened(), 21.0)
    assert call.handle(i.DeadlinePassed(), 25.0) == [o.JoinRoom()]
    assert call.handle(i.RoomFull(), 25.1) == []
    call.handle(i.DeadlinePassed(), 30.1)
    call.handle(i.JoinedRoom("a", 3, BOB, (), offering=True), 30.2)
    assert call.deadline is None
    assert o.RenewPairing(3) in call.handle(i.MediaSilent(1, 2.0), 40.0)


def test_a_short_silence_does_not_end_the_call_with_one_the_server_has_lost() -> None:
    call = talking()
    call.handle(i.MediaSilent(1, 1.1), 20.0)
    assert call.handle(i.OtherLeft("b", "lost"), 20.0) == []
    call.handle(i.MediaHeard(1), 20.2)
    assert call.phase is Phase.CONNECTED


def test_nobody_is_waited_for_whose_connection_and_seat_are_gone() -> None:
    call = talking()
    call.handle(i.PeerFailed(1, "it broke."), 20.0)
    out = call.handle(i.JoinedRoom("a", 1, None, (), resumed=True), 20.5)
    assert isinstance(out[-1], o.Finish)


def test_a_connection_closed_while_connecting_is_no_goodbye_of_one_who_renews() -> None:
    call = offering()
    assert call.handle(i.PeerClosed(1), 11.0) == []
    out = call.handle(i.Renewed(2), 11.1)
    assert out == [o.ClosePeer(1, say_bye=False), o.OpenPeer(2, ()), o.CreateOffer(2)]
