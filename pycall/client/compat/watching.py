"""The chosen path, watched: consent, and another pair when it falls silent.

Stock, six consent checks of half a second without a response end a call. Here nothing ends it: who
watches the media decides that. Without consent for 30 s nothing is sent any more (RFC 7675 section 5.1),
but checks go on, so that the path may speak again. In silence every working pair is checked each second:
a check from behind a NAT that gave us another address teaches the other side that address.
"""

from __future__ import annotations

import asyncio
import random
from typing import Final, Protocol

from pycall.client.compat.pairs import Pair, Pairs, State

TICK_S: Final = 0.25
CONSENT_INTERVAL_S: Final = 5.0
CONSENT_S: Final = 30.0

SILENT_S: Final = 1.2
"""Both ends say something each second at least: pings of the control channel, or reports of media."""

SILENT_INTERVAL_S: Final = 1.0
RETRIES: Final = 2
"""Retransmissions of a consent check; it may be answered for 3.5 s."""

MAX_OTHERS: Final = 3


class Watched(Protocol):
    """The connection whose path it is."""

    pairs: Pairs
    ice_controlling: bool

    @property
    def chosen(self) -> Pair | None:
        """The pair in use."""

    async def ask(self, pair: Pair, *, nominate: bool = False, retries: int = 0) -> bool:
        """One check of a pair; whether it was answered."""

    def nominate(self, pair: Pair) -> None:
        """Tell the other side that this pair is used, and use it."""

    def choose(self, pair: Pair) -> None:
        """Use this pair."""


class Watch:
    """Watches one connection; :meth:`run` as long as it is connected."""

    def __init__(self, connection: Watched) -> None:
        self._connection = connection
        self._asking: set[asyncio.Task[bool]] = set()

    def may_send(self, pair: Pair) -> bool:
        """Whether the other side agreed lately to be sent to."""
        return _now() - pair.answered_at < CONSENT_S

    async def run(self) -> None:
        """Ask for consent every five seconds, in silence every second; until cancelled."""
        due = _now() + _spread(CONSENT_INTERVAL_S)
        try:
            while True:
                await asyncio.sleep(_spread(TICK_S))
                pair, now = self._connection.chosen, _now()
                if pair is None:
                    continue
                silent = now > pair.heard_at + SILENT_S
                if now >= due or (silent and now > pair.asked_at + SILENT_INTERVAL_S):
                    self._ask(pair)
                    due = now + _spread(CONSENT_INTERVAL_S)
                    for other in self._others(pair) if silent else ():
                        self._ask(other)
                self.heal()
        finally:
            for task in self._asking:
                task.cancel()
            await asyncio.gather(*self._asking, return_exceptions=True)

    def heal(self) -> None:
        """Move to a pair that answered lately when the chosen one is silent.

        The one who controls nominates it; the other one need not wait for that when its own check from a
        new address, or to one, was answered.
        """
        chosen, now = self._connection.chosen, _now()
        if chosen is None or (now <= chosen.heard_at + SILENT_S and chosen.state is State.SUCCEEDED):
            return
        alive = [pair for pair in self._others(chosen) if now <= pair.answered_at + SILENT_S]
        if not alive:
            return
        if self._connection.ice_controlling:
            self._connection.nominate(alive[0])
        else:
            self._connection.choose(alive[0])

    def _others(self, chosen: Pair) -> list[Pair]:
        """The working pairs besides the chosen one, those answered last first."""
        others = [
            pair for pair in self._connection.pairs if pair.state is State.SUCCEEDED and pair is not chosen
        ]
        return sorted(others, key=lambda pair: pair.answered_at, reverse=True)[:MAX_OTHERS]

    def _ask(self, pair: Pair) -> None:
        task = asyncio.create_task(self._connection.ask(pair, retries=RETRIES), name="pycall-consent-check")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _spread(seconds: float) -> float:
    """Not in step with the other end (RFC 7675 section 5.1)."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311  no secret
