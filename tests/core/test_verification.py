"""The words are the same while the server passes on what it is told, and others when it does not."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any, Final

import pytest

from pycall.core.messages import Reveal, dump_message
from pycall.core.patience import WORDS_S
from pycall.core.verification import (
    Verdict,
    WordsExchange,
    commitment_to,
    keys_in,
    words_of,
)
from tests.core.between import Between, Passed, with_own_key

CALLS: Final = 1_000
PAIRS: Final = 1_000_000


def test_an_honest_server_leaves_both_ends_the_same_three_words() -> None:
    seen = set()
    for seed in range(50):
        call = Between(seed)
        call.connect()
        [words] = call.caller.words
        assert call.callee.words == [words]
        assert len(words) == 3
        assert call.caller.notices == call.callee.notices == []
        seen.add(words)
    assert len(seen) == 50


def test_the_one_who_offers_keeps_its_nonce_until_the_answer_is_there() -> None:
    sent = []

    def listening(sender: str, payload: dict[str, Any]) -> Passed:
        sent.append((sender, payload["type"], set(payload)))
        return [payload]

    Between(0, listening).connect()
    assert sent == [
        ("caller", "offer", {"type", "sdp", "epoch", "commitment"}),
        ("callee", "answer", {"type", "sdp", "epoch", "nonce"}),
        ("caller", "reveal", {"type", "epoch", "nonce"}),
    ]


# --- a server that changes what is said -------------------------------------------------------------


MUTATIONS: Final = ("fingerprint", "another beside it", "candidate", "port", "one character", "one line less")


class Mutating:
    """A server that changes one thing in what passes, another one in each call."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"server {seed}")
        self._victim = self._random.choice(["offer", "answer"])
        self.mutation = self._random.choice(MUTATIONS)

    def __call__(self, _: str, payload: dict[str, Any]) -> Passed:
        if payload["type"] != self._victim:
            return [payload]
        sdp = self._changed(payload["sdp"])
        assert sdp != payload["sdp"]
        return [payload | {"sdp": sdp}]

    def _changed(self, sdp: str) -> str:
        lines = sdp.split("\r\n")
        fingerprint = next(at for at, line in enumerate(lines) if line.startswith("a=fingerprint"))
        candidate = next(at for at, line in enumerate(lines) if line.startswith("a=candidate"))
        own = f"a=fingerprint:sha-256 {self._random.randbytes(32).hex(':').upper()}"
        match self.mutation:
            case "fingerprint":
                lines[fingerprint] = own
            case "another beside it":
                lines.insert(fingerprint, own)
            case "candidate":
                lines[candidate] = re.sub(r" \S+ (\d+) typ ", r" 233.252.0.9 \1 typ ", lines[candidate])
            case "port":
                lines[candidate] = re.sub(r" \d+ typ ", " 7 typ ", lines[candidate])
            case "one character":
                at = self._random.randrange(len(sdp))
                return sdp[:at] + chr(ord(sdp[at]) ^ 1) + sdp[at + 1 :]
            case _:
                del lines[self._random.randrange(len(lines) - 1)]
        return "\r\n".join(lines)


def test_a_server_that_changes_descriptions_is_noticed_in_every_one_of_a_thousand_calls() -> None:
    mutations = Counter[str]()
    for seed in range(CALLS):
        server = Mutating(seed)
        call = Between(seed, server)
        call.connect()
        assert call.caller.described, "media could flow, and by now the words are there"
        assert call.callee.described
        assert call.caller.words != call.callee.words, server.mutation
        assert call.caller.words
        assert call.callee.words
        mutations[server.mutation] += 1
    assert min(mutations.values()) > CALLS / 12


def test_a_server_that_speaks_for_each_end_by_all_rules_is_noticed_in_every_one_of_a_thousand_calls() -> None:
    for seed in range(CALLS):
        call, chance = Between(seed), random.Random(f"server {seed}")
        caller, callee, as_callee, as_caller = (WordsExchange(None) for _ in range(4))
        offer, answer = call.caller.sdp, call.callee.sdp
        own_offer, own_answer = with_own_key(offer, chance), with_own_key(answer, chance)
        # it has the callee's part, and so its words, before it answers the caller
        callee.hear_offer(own_offer, as_caller.offer(own_offer, chance.randbytes(16)), None)
        revealed = as_caller.hear_answer(answer, callee.answer(answer, chance.randbytes(16)), None)
        assert revealed is not None
        callee.hear_nonce(revealed)
        as_callee.hear_offer(offer, caller.offer(offer, chance.randbytes(16)), None)
        caller.hear_answer(own_answer, as_callee.answer(own_answer, chance.randbytes(16)), None)
        assert caller.verdict is callee.verdict is Verdict.KNOWN
        assert callee.words == as_caller.words
        assert caller.words != callee.words


def test_a_million_pairs_of_exchanges_have_no_words_in_common_but_by_chance() -> None:
    """Chance is one in 2^24 for each pair, so 0.06 in all: two would be one case in 600."""
    exchanges = 1_415
    assert exchanges * (exchanges - 1) // 2 >= PAIRS
    seen = Counter(words_of("offer", "answer", str(number), "nonce") for number in range(exchanges))
    assert sum(count * (count - 1) // 2 for count in seen.values()) <= 1


def test_all_twenty_four_bits_are_used_alike() -> None:
    exchanges = 60_000
    seen = Counter(words_of("offer", "answer", "nonce", str(number)) for number in range(exchanges))
    collisions = sum(count * (count - 1) // 2 for count in seen.values())
    expected = exchanges * (exchanges - 1) / 2 / 2**24
    assert abs(collisions - expected) < 5 * expected**0.5
    for place in range(3):
        assert len({words[place] for words in seen}) == 256


def test_each_of_what_the_words_are_made_of_matters() -> None:
    plain = words_of("offer", "answer", "one", "other")
    assert plain != words_of("offer!", "answer", "one", "other")
    assert plain != words_of("offer", "answer!", "one", "other")
    assert plain != words_of("offer", "answer", "two", "other")
    assert plain != words_of("offer", "answer", "one", "another")
    assert plain != words_of("offera", "nswer", "one", "other")
    assert plain != words_of("answer", "offer", "other", "one")


# --- a server that spoils the exchange --------------------------------------------------------------


def without(*names: str) -> Any:
    """A server that leaves these fields out."""
    return lambda _, payload: [{key: value for key, value in payload.items() if key not in names}]


@pytest.mark.parametrize(("field", "blind"), [("commitment", ["caller", "callee"]), ("nonce", ["caller"])])
def test_words_that_are_kept_back_are_missed(field: str, blind: list[str]) -> None:
    def keeping_back(sender: str, payload: dict[str, Any]) -> Passed:
        return without(field)(sender, payload) if payload["type"] != "reveal" else [payload]

    call = Between(1, keeping_back)
    call.connect()
    for end in (call.caller, call.callee):
        if end.name in blind:
            assert (end.words, end.notices) == ([], ["no-words"])


def test_a_reveal_that_is_kept_back_is_missed_after_a_while() -> None:
    call = Between(1, lambda _, payload: [] if payload["type"] == "reveal" else [payload])
    call.connect()
    assert (call.callee.words, call.callee.notices) == ([], [])
    due = call.callee.link.deadline
    assert due == 1.0 + WORDS_S
    call.wait(due)
    assert call.callee.notices == ["no-words"]
    assert call.callee.link.deadline is None


def test_a_reveal_that_was_not_committed_to_is_told() -> None:
    def forging(_: str, payload: dict[str, Any]) -> Passed:
        return [payload | {"nonce": "A" * 22}] if payload["type"] == "reveal" else [payload]

    call = Between(1, forging)
    call.connect()
    assert (call.callee.words, call.callee.notices) == ([], ["words-forged"])


def test_only_the_first_reveal_counts() -> None:
    twice = dump_message(Reveal("A" * 22, 1))
    call = Between(1, lambda _, payload: [payload, twice] if payload["type"] == "reveal" else [payload])
    call.connect()
    assert call.callee.words == call.caller.words


def test_a_reveal_before_the_answer_is_none() -> None:
    early = dump_message(Reveal("A" * 22, 1))
    exchange = WordsExchange(None)
    exchange.hear_offer("offer", commitment_to("A" * 22), None)
    exchange.hear_nonce("A" * 22)
    assert exchange.is_awaited
    call = Between(1, lambda _, payload: [early, payload] if payload["type"] == "offer" else [payload])
    call.connect()
    assert call.callee.words == call.caller.words


def test_an_answer_before_the_offer_makes_no_words() -> None:
    exchange = WordsExchange(None)
    assert exchange.hear_answer("answer", "A" * 22, None) is None
    exchange.offer("offer", bytes(16))
    assert (exchange.verdict, exchange.words) == (Verdict.NONE, ())


@pytest.mark.parametrize(
    "hidden", ["\na=fingerprint:sha-256\tAA", "\x0ba=fingerprint:sha-256 AA", "\ra=fingerprint:a AA"]
)
def test_a_key_that_only_some_parser_sees_is_another_key(hidden: str) -> None:
    """aiortc's reads lines and words as Python splits texts, and takes any of the fingerprints."""
    sdp = "v=0\r\na=fingerprint:sha-256 00:11\r\na=mid:0"
    assert keys_in(sdp.replace("a=mid:0", f"a=mid:0{hidden}")) != keys_in(sdp)
    assert keys_in(sdp.replace("sha-256 00:11", f"sha-256 00:11{hidden}")) != keys_in(sdp)
