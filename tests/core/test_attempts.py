"""At most one attempt carries the call and one is being built to replace it; the words are of who carries."""

from __future__ import annotations

from typing import Any

from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.attempts import Attempts, Pairing
from pycall.core.events import Path, Words
from pycall.core.patience import CANDIDATES_S, WORDS_S
from pycall.core.verification import MOST_UNSEEN
from tests.core.between import Between, Passed, honest, in_the_middle

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


def test_the_words_stay_while_both_ends_keep_their_keys() -> None:
    call = Between(1)
    call.connect()
    for _ in range(5):
        call.renew()
    assert len(call.caller.words) == 1
    assert call.callee.words == call.caller.words


def test_another_key_makes_other_words_and_the_end_that_kept_its_own_is_told_so() -> None:
    call = Between(1)
    call.connect()
    call.callee.change_key()
    call.renew()
    assert len(call.caller.words) == 2
    assert call.caller.words == call.callee.words
    assert [event.changed for event in call.caller.told if isinstance(event, Words)] == [False, True]


def test_a_server_that_comes_between_later_is_noticed_by_the_words_that_change() -> None:
    call = Between(1)
    call.connect()
    call.server = in_the_middle
    call.renew()
    for end in (call.caller, call.callee):
        assert [event.changed for event in end.told if isinstance(event, Words)] == [False, True]
    assert call.caller.words[-1] != call.callee.words[-1]


def test_words_that_were_seen_while_a_server_was_between_do_not_stay_when_it_leaves() -> None:
    call = Between(1, in_the_middle)
    call.connect()
    before = (call.caller.words[-1], call.callee.words[-1])
    call.server = honest
    call.renew()
    assert before[0] != before[1]
    assert call.caller.words[-1] == call.callee.words[-1]
    assert call.caller.words[-1] not in before


def test_the_words_are_of_the_connection_that_carries_the_call_and_not_of_one_that_is_being_built() -> None:
    call = Between(1, in_the_middle)
    call.connect()
    call.server = honest
    before = (call.caller.words, call.callee.words)
    call.build()
    assert (call.caller.words, call.callee.words) == before


def test_another_key_is_told_as_soon_as_it_is_heard_of_and_once_until_its_words_are() -> None:
    call = Between(1)
    call.connect()
    call.server = in_the_middle
    call.build()
    call.build()
    for end in (call.caller, call.callee):
        assert end.notices == ["other-key"]
        assert len(end.words) == 1
    call.take_over()
    call.server = honest
    call.build()
    for end in (call.caller, call.callee):
        assert end.notices == ["other-key", "other-key"]


def test_an_exchange_that_is_played_again_with_another_key_is_another_exchange() -> None:
    said: list[dict[str, Any]] = []

    def listening(_: str, payload: dict[str, Any]) -> Passed:
        said.append(payload)
        return [payload]

    call = Between(1, listening)
    call.connect()
    [commitment] = [each["commitment"] for each in said if each["type"] == "offer"]
    [nonce] = [each["nonce"] for each in said if each["type"] == "reveal"]

    def replaying(sender: str, payload: dict[str, Any]) -> Passed:
        match payload["type"]:
            case "offer":
                return in_the_middle(sender, payload | {"commitment": commitment, "known": commitment})
            case "reveal":
                return [payload | {"nonce": nonce}]
            case _:
                return in_the_middle(sender, payload)

    call.server = replaying
    call.renew()
    assert [event.changed for event in call.callee.told if isinstance(event, Words)] == [False, True]
    assert call.callee.words[-1] != call.caller.words[-1]


def test_there_are_no_words_with_whom_breaks_off_again_and_again_before_they_are_seen() -> None:
    nonces = []

    def guessing(_: str, payload: dict[str, Any]) -> Passed:
        nonces.append(payload.get("nonce"))
        return [] if payload["type"] == "reveal" else [payload]

    call = Between(1, guessing)
    call.connect(stands=False)
    for _ in range(3 * MOST_UNSEEN):
        call.renew_unconnected()
    assert sum(nonce is not None for nonce in nonces) == 2 * MOST_UNSEEN  # an answer and a reveal each
    assert call.callee.words == []
    assert call.callee.notices == ["no-words"]
    assert call.caller.notices == ["no-words"]


def test_whoever_kept_its_key_keeps_its_words_however_often_connections_come_to_nothing() -> None:
    call = Between(1)
    call.connect()
    for _ in range(2 * MOST_UNSEEN):
        call.build()
    call.take_over()
    assert len(call.caller.words) == len(call.callee.words) == 1
    assert call.caller.notices == call.callee.notices == []


def test_a_server_that_comes_between_and_is_never_heard_gets_no_media() -> None:
    call = Between(1)
    call.connect()
    for _ in range(3):
        call.server = in_the_middle
        call.build()
        for end in (call.caller, call.callee):
            assert end.sending == {1}, "the one that carries the call"


def test_a_connection_with_the_keys_that_were_shown_sends_as_soon_as_both_are_described() -> None:
    call = Between(1)
    call.connect()
    assert call.caller.sending == call.callee.sending == {1}
    call.build()
    assert call.caller.sending == call.callee.sending == {1, 2}


def test_one_with_other_keys_sends_when_it_carries_the_call_and_that_was_told() -> None:
    call = Between(1)
    call.connect()
    call.callee.change_key()
    call.build()
    assert call.caller.sending == {1}
    call.take_over()
    assert call.caller.sending == call.callee.sending == {2}
    assert len(call.caller.words) == 2


def test_nothing_is_sent_where_the_words_are_kept_back_before_that_is_told() -> None:
    call = Between(1)
    call.connect()
    call.callee.change_key()
    call.server = lambda _, payload: [] if payload["type"] == "reveal" else [payload]
    call.renew()
    assert call.callee.sending == set()
    due = call.callee.link.deadline
    assert due is not None
    call.wait(due)
    assert call.callee.notices == ["other-key", "no-words"]
    assert call.callee.sending == {2}


def test_another_key_is_noticed_behind_a_connection_without_words() -> None:
    call = Between(1)
    call.connect()
    call.server = lambda _, payload: (
        [] if payload["type"] == "reveal" else [{key: payload[key] for key in ("type", "sdp", "epoch")}]
    )
    call.renew()
    assert call.caller.notices == call.callee.notices == ["no-words"]
    call.server = in_the_middle
    call.renew()
    for end in (call.caller, call.callee):
        assert [event.changed for event in end.told if isinstance(event, Words)] == [False, True]


def test_nothing_is_due_for_words_of_a_connection_that_is_gone() -> None:
    call = Between(1, lambda _, payload: [] if payload["type"] == "reveal" else [payload])
    call.connect()
    link = call.callee.link
    first = link.deadline
    assert first is not None
    link.broke(1, 2.0)
    for _ in range(20):  # each deadline leads to a later one, or to none
        due = link.deadline
        if due is None:
            break
        link.tick(due)
        assert link.deadline is None or link.deadline > due


def test_the_next_connection_has_the_whole_time_for_its_words() -> None:
    call = Between(1, lambda _, payload: [] if payload["type"] == "reveal" else [payload])
    call.connect()
    call.callee.link.broke(1, 3.0)
    call.epoch = 5
    call.renew()
    due = call.callee.link.deadline
    assert due is not None
    assert due >= 6.0 + WORDS_S
    assert call.callee.notices == []


def test_an_end_that_never_learned_the_words_learns_new_ones_with_the_next_connection() -> None:
    call = Between(1, lambda _, payload: [] if payload["type"] == "reveal" else [payload])
    call.connect()
    call.server = honest
    call.renew()
    assert call.callee.words == [call.caller.words[-1]]
    assert len(call.caller.words) == 2
    assert not any(event.changed for event in call.caller.told if isinstance(event, Words))
