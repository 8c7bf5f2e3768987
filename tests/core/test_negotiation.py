from __future__ import annotations

from dataclasses import replace

from pycall.core import outputs as o
from pycall.core.messages import Answer, Candidate, Offer
from pycall.core.negotiation import MAX_EARLY_CANDIDATES, Negotiation
from pycall.core.verification import WordsExchange, commitment_to

CANDIDATE = Candidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", 0, 7)


def begun(*, offering: bool) -> Negotiation:
    negotiation = Negotiation(3, WordsExchange(None))
    assert negotiation.begin(7, offering=offering, wait_s=0.5) == (
        [o.CreateOffer(3, 0.5)] if offering else []
    )
    return negotiation


def test_who_offers_sends_an_offer_and_takes_one_answer() -> None:
    negotiation = begun(offering=True)
    assert negotiation.offered("offer", bytes(16)) == [
        o.SendMessage(Offer("offer", 7, commitment_to("A" * 22)))
    ]
    assert negotiation.received(Offer("crossing", 7)) == []
    assert negotiation.received(Answer("answer", 7)) == [o.AcceptAnswer(3, "answer")]
    assert negotiation.received(Answer("again", 7)) == []


def test_who_answers_takes_one_offer_and_sends_an_answer() -> None:
    negotiation = begun(offering=False)
    assert negotiation.received(Answer("crossing", 7)) == []
    assert negotiation.received(Offer("offer", 7)) == [o.AcceptOffer(3, "offer", 0.5)]
    assert negotiation.received(Offer("again", 7)) == []
    assert negotiation.answered("answer", bytes(16)) == [o.SendMessage(Answer("answer", 7))]


def test_nothing_is_taken_before_the_other_side_is_there() -> None:
    negotiation = Negotiation(3, WordsExchange(None))
    assert negotiation.received(Offer("early", 7)) == []
    assert negotiation.received(CANDIDATE) == []


def test_a_message_without_an_epoch_is_of_this_pairing_and_one_of_another_is_dropped() -> None:
    negotiation = begun(offering=False)
    assert negotiation.received(Offer("old", 6)) == []
    assert negotiation.received(replace(CANDIDATE, epoch=6)) == []
    assert negotiation.received(Offer("plain", None)) == [o.AcceptOffer(3, "plain", 0.5)]


def test_early_candidates_follow_their_description_and_are_bounded() -> None:
    negotiation = begun(offering=False)
    for _ in range(1_000):
        assert negotiation.received(CANDIDATE) == []
    out = negotiation.received(Offer("offer", 7))
    assert out == [o.AcceptOffer(3, "offer", 0.5), *[o.AddCandidate(3, CANDIDATE)] * MAX_EARLY_CANDIDATES]
    assert negotiation.received(CANDIDATE) == [o.AddCandidate(3, CANDIDATE)]


def test_what_is_gathered_later_follows_the_description_for_its_first_section() -> None:
    negotiation = begun(offering=True)
    assert negotiation.gathered("candidate:1") == [o.SendMessage(Candidate("candidate:1", None, 0, 7))]
    assert negotiation.gathered(None) == [o.SendMessage(Candidate(None, None, None, 7))]
