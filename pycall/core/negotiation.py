"""The exchange of descriptions and candidates of one attempt (RFC 8829, RFC 8838)."""

from __future__ import annotations

from typing import Final

from pycall.core import outputs as o
from pycall.core.messages import Answer, Candidate, Message, Offer, Reveal
from pycall.core.verification import WordsExchange

MAX_EARLY_CANDIDATES: Final = 40
"""Candidates kept until the description they belong to has come."""


class Negotiation:
    """What one peer connection has said and heard. Exactly one offer and one answer are exchanged."""

    def __init__(self, attempt: int, exchange: WordsExchange) -> None:
        self.attempt = attempt
        self.exchange = exchange
        self._epoch: int | None = None
        self._offering: bool | None = None
        self._wait_s = 0.0
        self._described = False
        self._early: list[Candidate] = []

    def begin(self, epoch: int | None, *, offering: bool, wait_s: float) -> list[o.Output]:
        """The other side is there, in pairing ``epoch``; the one who was there first offers.

        Our own description waits up to ``wait_s`` for candidates: some clients take none later.
        """
        self._epoch, self._offering, self._wait_s = epoch, offering, wait_s
        return [o.CreateOffer(self.attempt, wait_s)] if offering else []

    def offered(self, sdp: str, nonce: bytes) -> list[o.Output]:
        """Our offer is ready; ``nonce`` is our part of the words."""
        commitment = self.exchange.offer(sdp, nonce)
        return [o.SendMessage(Offer(sdp, self._epoch, commitment, self.exchange.known))]

    def answered(self, sdp: str, nonce: bytes) -> list[o.Output]:
        """Our answer is ready; ``nonce`` is our part of the words."""
        ours = self.exchange.answer(sdp, nonce)
        return [o.SendMessage(Answer(sdp, self._epoch, ours, self.exchange.known))]

    def gathered(self, line: str | None) -> list[o.Output]:
        """We have a candidate more than we described, or no more; all is bundled on the first section."""
        index = None if line is None else 0
        return [o.SendMessage(Candidate(line, None, index, self._epoch))]

    def received(self, message: Message) -> list[o.Output]:
        """The other side's message; what is of another pairing or out of turn is dropped."""
        if None not in (message.epoch, self._epoch) and message.epoch != self._epoch:
            return []
        match message:
            case Offer(sdp, _, commitment, known) if self._offering is False and not self._described:
                self.exchange.hear_offer(sdp, commitment, known)
                return self._describe(o.AcceptOffer(self.attempt, sdp, self._wait_s))
            case Answer(sdp, _, nonce, known) if self._offering is True and not self._described:
                ours = self.exchange.hear_answer(sdp, nonce, known)
                reveal = [] if ours is None else [o.SendMessage(Reveal(ours, self._epoch))]
                return [*reveal, *self._describe(o.AcceptAnswer(self.attempt, sdp))]
            case Reveal(nonce) if self._offering is False and self._described:
                self.exchange.hear_nonce(nonce)
                return []
            case Candidate() if self._offering is not None:
                return self._candidate(message)
            case _:
                return []

    def _describe(self, order: o.AcceptOffer | o.AcceptAnswer) -> list[o.Output]:
        early, self._early = self._early, []
        self._described = True
        return [order, *(o.AddCandidate(self.attempt, candidate) for candidate in early)]

    def _candidate(self, candidate: Candidate) -> list[o.Output]:
        if self._described:
            return [o.AddCandidate(self.attempt, candidate)]
        if len(self._early) < MAX_EARLY_CANDIDATES:
            self._early.append(candidate)
        return []
