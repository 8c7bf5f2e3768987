"""ICE as pycall wants it, in the place of aioice's connection.

Stock, the first pair that answers wins, and what was not checked by then never is. Here pairs are checked
and one of them is nominated afterwards (RFC 8445 section 8.1.1), direct ones before relays, and the path
is watched (:mod:`pycall.client.compat.watching`) and moved when another one carries on.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from aioice import stun
from aioice.ice import StunProtocol

from pycall.client.compat.pairs import MAX_PAIRS, Pair, State
from pycall.client.compat.trickling import TricklingConnection
from pycall.client.compat.watching import Watch

logger = logging.getLogger(__name__)

PACE_S: Final = 0.02
CHECK_S: Final = 15.0
"""How long pairs are checked; after that there is no path, or no better one."""

CHECK_RETRIES: Final = 4
"""Retransmissions of a check, after 0.5, 1.5, 3.5 and 7.5 s; each end waits 8 s for the last."""

LEAST_PATIENCE_S: Final = 0.3
MOST_PATIENCE_S: Final = 1.0
"""How long a direct pair may take to answer before a relayed one is nominated: twice what that one took."""

LEARNED_PATIENCE_S: Final = 0.25
"""How long signalling may take to say that an address we learned is a relay's."""

BETTER_PATIENCE_S: Final = 0.05
SETTLED_S: Final = 1.0
"""How long better direct pairs may still answer after one was chosen."""

AGAIN_S: Final = 0.02
MAX_AGAIN: Final = 5
"""How often a pair is asked anew because the other side's check came: now its NAT lets ours in."""


class IceConnection(TricklingConnection):
    """Checks pairs and chooses one; takes the place of :class:`aioice.ice.Connection`."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._watch = Watch(self)
        self._outcome: asyncio.Future[None] | None = None
        self._nomination: asyncio.Task[None] | None = None
        self._reconsidering: asyncio.TimerHandle | None = None
        self._began_at = self._chosen_at = 0.0
        self._checked = 0
        self._over = False

    async def connect(self) -> None:
        """Check until a pair is chosen; raises :class:`ConnectionError` when none works."""
        if not self._local_candidates or self.remote_password is None:
            raise ConnectionError("There is nothing to check.")
        loop = asyncio.get_running_loop()
        self._outcome = loop.create_future()
        self._began_at = loop.time()
        for remote in self._remote_candidates:
            self._pair_remote_candidate(remote)
        self._early_checks_done = True
        early = list(self._early_checks)
        self._early_checks.clear()
        for check in early:
            self.check_incoming(*check)
        self._start(self._check_in_turn(), "pycall-checks")
        await self._outcome
        self._start(self._watch.run(), "pycall-consent")

    async def _check_in_turn(self) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < self._began_at + CHECK_S and not self._settled():
            pair = next((pair for pair in self.pairs if pair.state in {State.FROZEN, State.WAITING}), None)
            if pair is not None and self._checked < MAX_PAIRS:
                self._checked += 1
                self._check(pair)
            elif self._hopeless():
                break
            await asyncio.sleep(PACE_S)
        self._over = True
        for pair in self.pairs:
            if pair.undecided:
                pair.state = State.FAILED
                if pair.task is not None:
                    pair.task.cancel()
        self._consider()
        self._give_up_when_over()

    def _settled(self) -> bool:
        chosen = self.chosen
        if chosen is None or (chosen.relayed and not self.relay_only):
            return False
        return asyncio.get_running_loop().time() > self._chosen_at + SETTLED_S

    def _hopeless(self) -> bool:
        return (
            not self._remote_candidates_expected()
            and self.gathering is not None
            and self.gathering.complete
            and all(pair.state is State.FAILED for pair in self.pairs)
        )

    def _check(self, pair: Pair) -> None:
        pair.state = State.IN_PROGRESS
        pair.task = self._start(self._check_once(pair), "pycall-check")

    async def _check_once(self, pair: Pair) -> None:
        if await self.ask(pair, retries=CHECK_RETRIES):
            return
        if pair.undecided:
            pair.state = State.FAILED

    async def ask(self, pair: Pair, *, nominate: bool = False, retries: int = 0) -> bool:
        """One check of a pair; whether it was answered."""
        assert self.remote_password is not None
        loop = asyncio.get_running_loop()
        for _ in range(3):  # a conflict of roles is repaired, and the check repeated
            controlling = self.ice_controlling
            request = self.build_request(pair, nominate=nominate)
            pair.asked_at = loop.time()
            try:
                response, source = await pair.protocol.request(
                    request,
                    pair.remote_addr,
                    integrity_key=self.remote_password.encode(),
                    retransmissions=retries,
                )
            except stun.TransactionFailed as failed:
                if failed.response.error_code != 487:
                    return False
                if self.ice_controlling == controlling:
                    self.switch_role(ice_controlling=not controlling)
            except stun.TransactionError:
                return False
            else:
                if source != pair.remote_addr:
                    return False
                pair.mapped = response.attributes.get("XOR-MAPPED-ADDRESS")
                self._answered(pair)
                return True
        return False

    def _answered(self, pair: Pair) -> None:
        pair.answered_at = pair.heard_at = asyncio.get_running_loop().time()
        if pair.state is State.SUCCEEDED:
            return
        pair.state = State.SUCCEEDED
        if pair.task is not None and pair.task is not asyncio.current_task():
            pair.task.cancel()
        if self.ice_controlling:
            self._consider()
        elif pair.remote_nominated:
            self._follow(pair)
        self._watch.heal()

    def check_incoming(self, message: stun.Message, addr: tuple[str, int], protocol: StunProtocol) -> None:
        """Answer a check with one of our own, and learn where it came from (RFC 8445 section 7.3.1)."""
        remote = next(
            (each for each in self._remote_candidates if (each._network_host, each.port) == addr), None
        )
        pair = self.pairs.find(protocol, addr) or self._pair(protocol, remote or self._learn(message, addr))
        if pair is None:
            return
        now = asyncio.get_running_loop().time()
        pair.heard_at = now
        if pair.state is State.IN_PROGRESS and now > pair.asked_at + AGAIN_S and pair.asked_again < MAX_AGAIN:
            pair.asked_at = now
            pair.asked_again += 1
            self._start(self._ask_again(pair), "pycall-check-again")
        elif pair.state not in {State.IN_PROGRESS, State.SUCCEEDED}:
            self._check(pair)
        if "USE-CANDIDATE" not in message.attributes:
            pair.checked_plainly = True
        elif not self.ice_controlling:
            pair.remote_nominated = True
            if pair.state is State.SUCCEEDED:
                self._follow(pair)

    async def _ask_again(self, pair: Pair) -> None:
        await self.ask(pair)

    # The choice

    def _consider(self) -> None:
        """Nominate the best pair that answers, when it is time to; only who controls does."""
        best = max(self._working(), key=self._rank, default=None)
        if not self.ice_controlling or self._closing or self._nomination is not None or best is None:
            return
        if self.chosen is not None and (self._over or self._rank(best) <= self._rank(self.chosen)):
            return  # once all is checked, only silence moves the path
        if self._reconsidering is not None:
            self._reconsidering.cancel()
            self._reconsidering = None
        wait_s = self._patience(best)
        if wait_s > 0:
            loop = asyncio.get_running_loop()
            self._reconsidering = loop.call_later(wait_s, self._consider)
        else:
            self.nominate(best)

    def _working(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.state is State.SUCCEEDED]

    def _rank(self, pair: Pair) -> tuple[bool, int]:
        return pair.rank(controlling=self.ice_controlling)

    def _patience(self, best: Pair) -> float:
        """How long a better pair than this one may still take."""
        now = asyncio.get_running_loop().time()
        if self.chosen is not None or self._over:
            return 0.0
        more = self._remote_candidates_expected()
        if best.relayed and not self.relay_only:
            direct = more or any(pair.undecided and not pair.relayed for pair in self.pairs)
            twice_s = 2 * (best.answered_at - self._began_at)
            until = self._began_at + min(max(LEAST_PATIENCE_S, twice_s), MOST_PATIENCE_S)
            return until - now if direct else 0.0
        if best.remote_candidate.type == "prflx" and more:
            return best.answered_at + LEARNED_PATIENCE_S - now
        if any(pair.undecided and self._rank(pair) > self._rank(best) for pair in self.pairs):
            return best.answered_at + BETTER_PATIENCE_S - now
        return 0.0

    def nominate(self, pair: Pair) -> None:
        """Tell the other side that this pair is used (RFC 8445 section 8.1.1), and use it."""
        if self._nomination is None:
            self._nomination = self._start(self._nominate(pair), "pycall-nominate")

    async def _nominate(self, pair: Pair) -> None:
        try:
            if await self.ask(pair, nominate=True, retries=CHECK_RETRIES):
                pair.nominated = True
                self.choose(pair)
            else:
                pair.state = State.FAILED
        finally:
            self._nomination = None
        self._consider()
        self._give_up_when_over()

    def _follow(self, pair: Pair) -> None:
        """Use what the other side nominates; of one that nominates all that answers, the best."""
        chosen = self.chosen
        if chosen is None or pair.checked_plainly or self._rank(pair) > self._rank(chosen):
            self.choose(pair)

    def choose(self, pair: Pair) -> None:
        """Send on this pair from now on."""
        if self.chosen is pair:
            return
        self._nominated[1] = pair
        self._chosen_at = asyncio.get_running_loop().time()
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(None)
        self.moved()

    def _give_up_when_over(self) -> None:
        waiting = self._outcome is not None and not self._outcome.done()
        if self._over and waiting and self._nomination is None and self._outcome is not None:
            self._outcome.set_exception(ConnectionError("ICE negotiation failed"))

    # The path in use

    async def sendto(self, data: bytes, component: int) -> None:  # noqa: ARG002  there is one
        """Send on the chosen pair; without consent (RFC 7675) it is dropped, and checks go on."""
        pair = self.chosen
        if pair is None:
            raise ConnectionError("Cannot send data, not connected")
        if self._watch.may_send(pair):
            pair.protocol.transport.sendto(data, pair.remote_addr)

    async def query_consent(self) -> None:
        """Not used: :class:`~pycall.client.compat.watching.Watch` does that."""

    def protocol_lost(self, protocol: StunProtocol) -> None:
        """A relay is gone; another pair takes over if one works, else the silence is noticed."""
        if self._closing or protocol not in self._protocols:
            return
        self._protocols.remove(protocol)
        protocol.transport.close()
        for pair in [pair for pair in self.pairs if pair.protocol is protocol]:
            pair.state = State.FAILED
            self.pairs.remove(pair)
        self._watch.heal()

    async def close(self) -> None:
        """Let go of everything; waits for no server."""
        if self._reconsidering is not None:
            self._reconsidering.cancel()
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(ConnectionError("closed"))
        await super().close()
