"""Pairs of a socket or relay of ours and an address of the other side, bounded in number."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from aioice.candidate import Candidate
from aioice.ice import CandidatePair, StunProtocol, candidate_pair_priority

MAX_PAIRS: Final = 40
"""Pairs that are checked of what the other side tells: it costs packets to addresses of its choice."""

MAX_LEARNED: Final = 16
"""Addresses the other side proved to have without telling them; the oldest makes room."""

State = CandidatePair.State


class Pair(CandidatePair):
    """A pair, and when it was last asked, answered and heard (event loop time)."""

    def __init__(self, protocol: StunProtocol, remote: Candidate) -> None:
        super().__init__(protocol, remote)
        self.asked_at = -math.inf
        self.asked_again = 0
        self.answered_at = -math.inf
        """When our last check was answered: consent to send (RFC 7675)."""
        self.heard_at = -math.inf
        """When anything came."""
        self.mapped: tuple[str, int] | None = None
        """Our address, as the other side sees it."""
        self.checked_plainly = False
        """Whether the other side checks before it nominates; else it nominates all that answers."""

    @property
    def relayed(self) -> bool:
        """Whether packets take a detour through a relay."""
        return "relay" in {self.local_candidate.type, self.remote_candidate.type}

    @property
    def undecided(self) -> bool:
        """Whether it may still turn out to work."""
        return self.state in {State.FROZEN, State.WAITING, State.IN_PROGRESS}

    def rank(self, *, controlling: bool) -> tuple[bool, int]:
        """Direct pairs before relayed ones, then by RFC 8445 section 6.1.2.3."""
        priority = candidate_pair_priority(self.local_candidate, self.remote_candidate, controlling)
        return not self.relayed, priority


class Pairs:
    """All pairs of a connection; ``listed`` is aioice's check list, kept in order of rank."""

    def __init__(self, listed: list[Any]) -> None:
        self._listed = listed
        self._by_ends: dict[tuple[StunProtocol, tuple[str, int]], Pair] = {}

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._listed)

    def find(self, protocol: StunProtocol, address: tuple[str, int]) -> Pair | None:
        """The pair of these two ends."""
        return self._by_ends.get((protocol, address))

    def add(self, protocol: StunProtocol, remote: Candidate, *, controlling: bool) -> Pair | None:
        """A new pair in its place; ``None`` when it is there, or too many better ones are."""
        if (protocol, (remote._network_host, remote.port)) in self._by_ends:
            return None
        pair = Pair(protocol, remote)
        if len(self._listed) >= MAX_PAIRS:
            spare = self._spare(pair, controlling=controlling)
            if spare is None:
                return None
            self.remove(spare)
        self._by_ends[protocol, pair.remote_addr] = pair
        self._listed.append(pair)
        self.sort(controlling=controlling)
        return pair

    def _spare(self, better: Pair, *, controlling: bool) -> Pair | None:
        """The pair to give up for another: one that failed, or the worst that was not checked yet."""
        failed = next((each for each in self if each.state is State.FAILED), None)
        if failed is not None:
            return failed
        waiting = [each for each in self if each.state is State.FROZEN]
        worst = min(waiting, key=lambda each: each.rank(controlling=controlling), default=None)
        if worst is None or worst.rank(controlling=controlling) >= better.rank(controlling=controlling):
            return None
        return worst

    def remove(self, pair: Pair) -> None:
        """Forget a pair; its check is cancelled."""
        if pair.task is not None:
            pair.task.cancel()
        self._listed.remove(pair)
        del self._by_ends[pair.protocol, pair.remote_addr]

    def sort(self, *, controlling: bool) -> None:
        """Best first."""
        self._listed.sort(key=lambda pair: pair.rank(controlling=controlling), reverse=True)
