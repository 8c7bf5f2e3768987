"""What a call does when its media, its server or its network is gone for a while."""

from __future__ import annotations

from pycall.core import events
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.call import Phase
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
    assert isinstance(call.handle(i.OtherLeft("b", "lost"), 20.5)[-1], o.Finish)
