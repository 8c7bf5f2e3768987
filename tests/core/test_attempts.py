"""At most one attempt carries the call and one is being built to replace it."""

from __future__ import annotations

from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.attempts import Attempts, Pairing
from pycall.core.events import Path
from pycall.core.patience import CANDIDATES_S

PATH = Path("direct", "host", "host")


def test_who_opens_twice_has_one_and_it_is_a_new_one() -> None:
    attempts = Attempts()
    assert attempts.newest is None
    assert attempts.open() == [o.OpenPeer(1, ())]
    assert attempts.open() == [o.ClosePeer(1, say_bye=False), o.OpenPeer(2, ())]
    assert attempts.are_new
    assert not attempts.owns(1)
    assert attempts.owns(2)


def test_what_is_built_is_the_one_that_negotiates_and_takes_the_place_of_what_carries() -> None:
    attempts = Attempts()
    attempts.open()
    assert attempts.carrying is not None
    attempts.carrying.path = PATH
    assert not attempts.are_new
    assert attempts.build() == [o.OpenPeer(2, ())]
    assert attempts.negotiation_of(1) is None
    assert attempts.negotiation_of(2) is not None
    assert attempts.build() == [o.ClosePeer(2, say_bye=False), o.OpenPeer(3, ())]
    assert attempts.replace() == [o.ClosePeer(1, say_bye=False)]
    assert [attempts.owns(number) for number in (1, 2, 3)] == [False, False, True]
    assert attempts.drop() == []
    assert attempts.close(say_bye=True) == [o.ClosePeer(3, say_bye=True)]
    assert attempts.newest is None


def test_a_description_for_an_end_that_takes_no_later_candidates_waits_for_all() -> None:
    for renews, wait_s in ((True, 0.0), (False, CANDIDATES_S)):
        attempts = Attempts()
        attempts.open()
        pairing = Pairing(i.PeerInfo("b", "Bob", renews=renews), 1, offering=True)
        assert attempts.begin(pairing) == [o.CreateOffer(1, wait_s)]


def test_nothing_is_told_of_words_where_nothing_carries() -> None:
    attempts = Attempts()
    assert attempts.verify(0.0) == []
    assert attempts.deadline is None
