"""Words by which two people notice that somebody sits between their programs (RFC 8826 section 4.3.2.2).

Whoever passes the descriptions on could put keys of its own into them, and hear everything: DTLS proves the
key that was signalled, not who signalled it. So each end makes words of what it said and heard, a short
authentication string as in ZRTP (RFC 6189 section 7). People compare them by voice; they differ when anything
was changed on the way. Each end adds a nonce, and the one who offers commits to its own before it is told
the other's. So somebody in between cannot look for keys that give the same words, but has to guess, one in
2^24. Who is told a nonce and then breaks off has guessed unseen; that is possible :data:`MOST_UNSEEN` times.

While both ends keep their keys, the words stay, whatever number of connections follow each other. Another key
is told as soon as it is heard of, and no connection gets media before the user was told what is known of it.
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

MOST_UNSEEN: Final = 8
"""Exchanges in a row whose words nobody saw; after those there are no words with this other end any more."""

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
    One that ``is_mute`` discloses no nonce and makes no words.
    """

    def __init__(self, known: str | None, *, is_mute: bool = False) -> None:
        self.known = known
        self.is_mute = is_mute
        self.commitment: str | None = None
        self.verdict = Verdict.NONE if is_mute else Verdict.AWAITED
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

    def offer(self, sdp: str, nonce: bytes) -> str | None:
        """This end offers; returns the commitment that is to go with it."""
        self._offer = sdp
        if self.is_mute:
            return None
        self._offer_nonce = _text(nonce)
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
        is_asked = self.commitment is not None and not self.is_mute
        self._answer, self._answer_nonce = sdp, _text(nonce) if is_asked else None
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
        self._is_other_key_told = False
        self._concluded: WordsExchange | None = None
        self._unseen = 0
        """Exchanges begun since one was concluded with words."""

    def begin(self) -> WordsExchange:
        """The exchange of another connection."""
        self._unseen += 1
        return WordsExchange(self._commitment, is_mute=self._unseen > MOST_UNSEEN)

    def knows(self, exchange: WordsExchange) -> bool:
        """Whether a connection with this exchange has the keys that were shown."""
        return self._keys is not None and exchange.keys == self._keys

    def look(self, exchange: WordsExchange) -> list[o.Output]:
        """Tell of another key than the one that was shown, whatever becomes of its connection."""
        is_other = None not in (self._keys, exchange.keys) and exchange.keys != self._keys
        if not is_other or self._is_other_key_told:
            return []
        self._is_other_key_told = True
        return [o.Announce(OTHER_KEY)]

    def conclude(self, exchange: WordsExchange) -> list[o.Output]:
        """The connection that carries the call, or will, had this exchange: tell what is new."""
        if exchange is self._concluded or exchange.is_awaited:
            return []
        self._concluded = exchange
        if exchange.verdict is Verdict.KNOWN:
            return self._show(exchange)
        if exchange.is_mute and self.knows(exchange):
            return []
        is_news = exchange.verdict is not self._told
        self._told, self._commitment = exchange.verdict, None
        return [o.Announce(_NOTICES[exchange.verdict])] if is_news else []

    def _show(self, exchange: WordsExchange) -> list[o.Output]:
        is_same_key, self._unseen, self._is_other_key_told = self.knows(exchange), 0, False
        if is_same_key and exchange.is_known_there and exchange.known == self._commitment:
            return []
        is_other_key = self._keys is not None and not is_same_key
        self._commitment, self._keys, self._told = exchange.commitment, exchange.keys, Verdict.KNOWN
        return [o.Announce(events.Words(exchange.words, changed=is_other_key))]


NO_WORDS: Final = events.Notice(
    "no-words", "The other side has no words to compare: only the server vouches for who it is."
)
FORGED: Final = events.Notice(
    "words-forged", "Somebody between you changes what is said; do not trust this call."
)
OTHER_KEY: Final = events.Notice(
    "other-key", "The other side shows another key than before, as a page that was loaded again does."
)
_NOTICES: Final = {Verdict.NONE: NO_WORDS, Verdict.FORGED: FORGED}


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
