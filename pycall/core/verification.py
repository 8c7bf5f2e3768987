"""Words by which two people notice that somebody sits between their programs (RFC 8826 section 4.3.2.2).

Whoever passes the descriptions on could put keys of its own into them, and hear everything: DTLS proves the
key that was signalled, not who signalled it. So each end makes words of what it said and heard, a short
authentication string as in ZRTP (RFC 6189 section 7). People compare them by voice; they differ when anything
was changed on the way. Each end adds a nonce, and the one who offers commits to its own before it is told
the other's. So somebody in between cannot look for keys that give the same words: it has one guess in 2^24.

While both ends keep their keys, the words stay, whatever number of connections follow each other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
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

Words = tuple[str, ...]


class Finding(Enum):
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


def words_of(offer: str, answer: str, offer_nonce: str, answer_nonce: str) -> Words:
    """The words of an exchange: 24 bits of the hash of the two descriptions and the two nonces."""
    said = (offer.encode(), answer.encode(), offer_nonce.encode(), answer_nonce.encode())
    whole = hashlib.sha256(_WORDS_LABEL + b"".join(hashlib.sha256(each).digest() for each in said))
    return spell(whole.digest()[:WORDS_BYTES])


def keys_in(sdp: str) -> frozenset[str]:
    """The fingerprints a description names (RFC 8122 section 5), any of which its connection may show.

    What only some parser takes for one counts, too: not all end lines and words where RFC 8866 does.
    """
    return frozenset(key.upper() for key in _FINGERPRINT.findall(sdp))


class Exchange:
    """One offer and one answer, as this end said and heard them, and the words that follow.

    ``known`` is the commitment of the exchange whose words the user was shown, if that was with the same end.
    """

    def __init__(self, known: str | None) -> None:
        self.known = known
        self.commitment: str | None = None
        self.finding = Finding.AWAITED
        self._offer = self._answer = ""
        self._offer_nonce: str | None = None
        self._answer_nonce: str | None = None
        self.is_known_there = False
        """Whether the other end shows the words of the exchange :attr:`known`, too."""

    @property
    def is_awaited(self) -> bool:
        """Whether the other end has not said yet what the words are made of."""
        return self.finding is Finding.AWAITED

    @property
    def keys(self) -> tuple[frozenset[str], frozenset[str]]:
        """The fingerprints of who offered and of who answered."""
        return keys_in(self._offer), keys_in(self._answer)

    @property
    def words(self) -> Words:
        """What the users compare; none unless they are known."""
        if self.finding is not Finding.KNOWN or self._offer_nonce is None or self._answer_nonce is None:
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
            self.finding = Finding.NONE

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
        self.finding = Finding.NONE if nonce is None or self._offer_nonce is None else Finding.KNOWN
        return None if nonce is None else self._offer_nonce

    def hear_nonce(self, nonce: str) -> None:
        """The other end, which offered, reveals its nonce; only the first one counts."""
        if self.finding is Finding.AWAITED and self.commitment is not None and self._answer_nonce is not None:
            is_it = hmac.compare_digest(commitment_to(nonce), self.commitment)
            self._offer_nonce = nonce
            self.finding = Finding.KNOWN if is_it else Finding.FORGED

    def give_up(self) -> None:
        """What is still awaited does not come any more."""
        if self.is_awaited:
            self.finding = Finding.NONE


@dataclass(frozen=True, slots=True)
class _Shown:
    """The exchange whose words the user was shown."""

    commitment: str
    keys: frozenset[frozenset[str]]


class Verification:
    """What the user was shown of one other end, over all connections to it."""

    def __init__(self) -> None:
        self._shown: _Shown | None = None
        self._told: Finding | None = None

    def begin(self) -> Exchange:
        """The exchange of another connection."""
        return Exchange(self._shown.commitment if self._shown else None)

    def conclude(self, exchange: Exchange) -> list[o.Output]:
        """A connection that carries the call, or is the only one, had this exchange: tell what is new."""
        match exchange.finding:
            case Finding.AWAITED:
                return []
            case Finding.KNOWN if exchange.commitment is not None:
                return self._show(exchange, exchange.commitment)
            case finding:
                is_news, self._told, self._shown = finding is not self._told, finding, None
                return [o.Announce(_NOTICES[finding])] if is_news else []

    def _show(self, exchange: Exchange, commitment: str) -> list[o.Output]:
        keys, before = frozenset(exchange.keys), self._shown
        if before is not None and commitment == before.commitment:
            return []
        is_other_key = before is not None and keys != before.keys
        if (
            before is not None
            and not is_other_key
            and exchange.is_known_there
            and exchange.known == before.commitment
        ):
            return []
        self._shown, self._told = _Shown(commitment, keys), Finding.KNOWN
        return [o.Announce(events.Words(exchange.words, changed=is_other_key))]


NO_WORDS: Final = events.Notice(
    "no-words", "The other side has no words to compare: only the server vouches for who it is."
)
FORGED: Final = events.Notice(
    "words-forged", "Somebody between you changes what is said; do not trust this call."
)
_NOTICES: Final = {Finding.NONE: NO_WORDS, Finding.FORGED: FORGED}


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
