"""Words by which two people notice that somebody sits between their programs (RFC 8826 section 4.3.2.2).

Whoever passes the descriptions on could put keys of its own into them, and hear everything: DTLS proves the
key that was signalled, not who signalled it. So each end makes words of what it said and heard, a short
authentication string as in ZRTP (RFC 6189 section 7). People compare them by voice; they differ when anything
was changed on the way. Each end adds a nonce, and the one who offers commits to its own before it is told
the other's. So somebody in between cannot look for keys that give the same words: it has one guess in 2^24.

While both ends keep their keys, the words stay, whatever number of connections follow each other. With other
keys than those that were shown, a connection gets no media before the user is told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from enum import Enum, auto
from typing import Final

from pycall.core import events
from pycall.core import outputs as o
from pycall.core.wordlist import spell

NONCE_BYTES: Final = 16

WORDS_BYTES: Final = 3
"""So many words are compared."""

_COMMITMENT_LABEL: Final = b"pycall commitment 1\0"
_WORDS_LABEL: Final = b"pycall words 1\0"
_FINGERPRINT: Final = re.compile(r"fingerprint:([^\r\n]*)", re.IGNORECASE)


class Verdict(Enum):
    """What an end knows of the words it and the other one should have."""

    AWAITED = auto()
    NONE = auto()
    """The other end makes none."""
    FORGED = auto()
    """The nonce that was revealed is not the one that was committed to."""
    KNOWN = auto()


def commitment_to(nonce: str) -> str:
    """What tells of a nonce that it was chosen, and not which it is."""
    return _text(hashlib.sha256(_COMMITMENT_LABEL + nonce.encode()).digest())


def words_of(offer: str, answer: str, offer_nonce: str, answer_nonce: str) -> tuple[str, ...]:
    """The words of an exchange: 24 bits of the hash of the two descriptions and the two nonces."""
    said = (offer.encode(), answer.encode(), offer_nonce.encode(), answer_nonce.encode())
    whole = hashlib.sha256(_WORDS_LABEL + b"".join(hashlib.sha256(each).digest() for each in said))
    return spell(whole.digest()[:WORDS_BYTES])


def keys_in(sdp: str) -> frozenset[str]:
    """The fingerprints a description names (RFC 8122 section 5), any of which its connection may show.

    What only some parser takes for one counts, too: not all end lines and words where RFC 8866 does. So one
    that is written otherwise is another key: that errs to the safe side.
    """
    return frozenset(key.upper() for key in _FINGERPRINT.findall(sdp))


class WordsExchange:
    """One offer and one answer, as this end said and heard them, and the words that follow.

    ``known`` is the commitment of the exchange whose words the user was shown, if that was with the same end.
    """

    def __init__(self, known: str | None) -> None:
        self.known = known
        self.commitment: str | None = None
        self.verdict = Verdict.AWAITED
        self._offer = self._answer = ""
        self._offer_nonce: str | None = None
        self._answer_nonce: str | None = None
        self.is_known_there = False
        """Whether the other end shows the words of the exchange :attr:`known`, too."""

    @property
    def is_awaited(self) -> bool:
        """Whether the other end has not said yet what the words are made of."""
        return self.verdict is Verdict.AWAITED

    @property
    def keys(self) -> frozenset[frozenset[str]] | None:
        """The fingerprints of each end; None until both are described."""
        if not (self._offer and self._answer):
            return None
        return frozenset((keys_in(self._offer), keys_in(self._answer)))

    @property
    def words(self) -> tuple[str, ...]:
        """What the users compare; none unless they are known."""
        if self.verdict is not Verdict.KNOWN or self._offer_nonce is None or self._answer_nonce is None:
            return ()
        return words_of(self._offer, self._answer, self._offer_nonce, self._answer_nonce)

    def offer(self, sdp: str, nonce: bytes) -> str:
        """This end offers; returns the commitment that is to go with it."""
        self._offer, self._offer_nonce = sdp, _text(nonce)
        self.commitment = commitment_to(self._offer_nonce)
        return self.commitment

    def hear_offer(self, sdp: str, commitment: str | None, known: str | None) -> None:
        """The other end offers."""
        self._offer, self.commitment = sdp, commitment
        self.is_known_there = known is not None and known == self.known
        if commitment is None:
            self.verdict = Verdict.NONE

    def answer(self, sdp: str, nonce: bytes) -> str | None:
        """This end answers; returns the nonce that is to go with it, if the offer came with a commitment."""
        self._answer, self._answer_nonce = sdp, None if self.commitment is None else _text(nonce)
        return self._answer_nonce

    def hear_answer(self, sdp: str, nonce: str | None, known: str | None) -> str | None:
        """The other end answers; returns the nonce that is to be revealed now, and not before.

        What comes before our offer is no answer to it, and makes no words.
        """
        self._answer, self._answer_nonce = sdp, nonce
        self.is_known_there = known is not None and known == self.known
        self.verdict = Verdict.NONE if nonce is None or self._offer_nonce is None else Verdict.KNOWN
        return None if nonce is None else self._offer_nonce

    def hear_nonce(self, nonce: str) -> None:
        """The other end, which offered, reveals its nonce; only the first one counts."""
        if self.verdict is Verdict.AWAITED and self.commitment is not None and self._answer_nonce is not None:
            is_it = hmac.compare_digest(commitment_to(nonce), self.commitment)
            self._offer_nonce = nonce
            self.verdict = Verdict.KNOWN if is_it else Verdict.FORGED

    def give_up(self) -> None:
        """What is still awaited does not come any more."""
        if self.is_awaited:
            self.verdict = Verdict.NONE


class Verification:
    """What the user was shown of one other end, over all connections to it."""

    def __init__(self) -> None:
        self._commitment: str | None = None
        """Of the exchange whose words the user sees."""

        self._keys: frozenset[frozenset[str]] | None = None
        """Those of the last words, whether or not the user sees them still."""

        self._told: Verdict | None = None

    def begin(self) -> WordsExchange:
        """The exchange of another connection."""
        return WordsExchange(self._commitment)

    @property
    def has_shown(self) -> bool:
        """Whether there are keys that another connection should have, too."""
        return self._keys is not None

    def knows(self, exchange: WordsExchange) -> bool:
        """Whether a connection with this exchange has the keys that were shown, if there were any."""
        return self._keys is None or exchange.keys == self._keys

    def conclude(self, exchange: WordsExchange) -> list[o.Output]:
        """The connection that carries the call, or will, had this exchange: tell what is new."""
        match exchange.verdict:
            case Verdict.AWAITED:
                return []
            case Verdict.KNOWN if exchange.commitment is not None:
                return self._show(exchange, exchange.commitment)
            case verdict:
                is_news, self._told, self._commitment = verdict is not self._told, verdict, None
                return [o.Announce(_NOTICES[verdict])] if is_news else []

    def _show(self, exchange: WordsExchange, commitment: str) -> list[o.Output]:
        if commitment == self._commitment:
            return []
        is_other_key = not self.knows(exchange)
        is_shown = exchange.is_known_there and exchange.known == self._commitment
        if is_shown and not is_other_key:
            return []
        self._commitment, self._keys, self._told = commitment, exchange.keys, Verdict.KNOWN
        return [o.Announce(events.Words(exchange.words, changed=is_other_key))]


NO_WORDS: Final = events.Notice(
    "no-words", "The other side has no words to compare: only the server vouches for who it is."
)
FORGED: Final = events.Notice(
    "words-forged", "Somebody between you changes what is said; do not trust this call."
)
_NOTICES: Final = {Verdict.NONE: NO_WORDS, Verdict.FORGED: FORGED}


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
