"""Candidates that trickle, both ways (RFC 8838), and an end that waits for no server.

Stock, gathering waits for the slowest server, and closing for a TURN server that may be dead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import aioice.ice
from aioice import stun
from aioice.candidate import Candidate
from aioice.ice import StunProtocol, TransportPolicy
from aioice.utils import random_string

from pycall.client.compat.gathering import Gathering
from pycall.client.compat.pairs import MAX_LEARNED, MAX_PAIRS, Pair, Pairs
from pycall.client.guards import may_be_a_peer
from pycall.client.iceservers import Server

logger = logging.getLogger(__name__)

CLOSE_S: Final = 1.0


class TricklingConnection(aioice.ice.Connection):
    """One component, on which everything is bundled: its candidates and pairs, and its end.

    ``servers`` are set before gathering begins. ``gathered`` is called with each candidate of our own,
    with ``None`` after the last; ``moved`` when another pair is chosen or the chosen one is known better.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.servers: tuple[Server, ...] = ()
        self.gathered: Callable[[Candidate | None], None] = _ignore
        self.moved: Callable[[], None] = _nothing
        self.gathering: Gathering | None = None
        self.pairs = Pairs(self._check_list)
        self._first = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def relay_only(self) -> bool:
        """Whether only relayed candidates are gathered and told."""
        return self._transport_policy == TransportPolicy.RELAY

    @property
    def chosen(self) -> Pair | None:
        """The pair that carries the media."""
        return self._nominated.get(1)  # type: ignore[return-value]  # all pairs are made here

    async def gather_candidates(self) -> None:
        """Gather; returns with the first candidates, or when there are none."""
        if self._local_candidates_start:
            await self._first.wait()
            return
        self._local_candidates_start = True
        self.gathering = Gathering(self, self.servers, self._found)
        if not self.relay_only:
            await self.gathering.bind(aioice.ice.get_host_addresses(self._use_ipv4, self._use_ipv6))
        self._start(self._ask_servers(self.gathering), "pycall-gather")
        await self._first.wait()
        self._local_candidates_end = True

    async def _ask_servers(self, gathering: Gathering) -> None:
        await gathering.ask(relay_only=self.relay_only)
        self._first.set()
        if not self._closing:
            self.gathered(None)

    def _found(self, candidate: Candidate, protocol: StunProtocol | None) -> None:
        if self._closing:
            if protocol is not None:
                protocol.transport.close()
            return
        self._local_candidates.append(candidate)
        if protocol is not None:
            self._protocols.append(protocol)
            if self._early_checks_done:
                for remote in self._remote_candidates:
                    self._pair(protocol, remote)
        self._first.set()
        self.gathered(candidate)

    def _add_remote_candidate(self, remote_candidate: Candidate, network_host: str) -> None:
        if not may_be_a_peer(network_host) or not remote_candidate.port:
            logger.debug("Dropped a candidate that is no single computer's.")
            return
        if len(self._remote_candidates) >= MAX_PAIRS + MAX_LEARNED:
            logger.debug("Dropped a candidate after too many.")
            return
        super()._add_remote_candidate(remote_candidate, network_host)
        self.moved()  # what was learned may have been told now

    def _pair_remote_candidate(self, remote_candidate: Candidate) -> None:
        is_hidden = aioice.mdns.is_mdns_hostname(remote_candidate.host)
        for protocol in self._protocols:
            if not (is_hidden and protocol.local_candidate.type == "relay"):
                self._pair(protocol, remote_candidate)

    def _pair(self, protocol: StunProtocol, remote: Candidate) -> Pair | None:
        if not protocol.local_candidate.can_pair_with(remote):
            return None
        return self.pairs.add(protocol, remote, controlling=self.ice_controlling)

    def sort_check_list(self) -> None:
        """Best first."""
        self.pairs.sort(controlling=self.ice_controlling)

    def heard(self, protocol: StunProtocol, address: tuple[str, int]) -> None:
        """Something of the media plane came from a known address."""
        pair = self.pairs.find(protocol, address)
        if pair is not None:
            pair.heard_at = asyncio.get_running_loop().time()

    def _learn(self, message: stun.Message, address: tuple[str, int]) -> Candidate:
        learned = [each for each in self._remote_candidates if each.type == "prflx"]
        if len(learned) >= MAX_LEARNED:
            chosen = self.chosen
            old = next(each for each in learned if chosen is None or each is not chosen.remote_candidate)
            self._remote_candidates.remove(old)
            for pair in [pair for pair in self.pairs if pair.remote_candidate is old]:
                self.pairs.remove(pair)
        candidate = Candidate(
            foundation=random_string(10),
            component=1,
            transport="udp",
            priority=message.attributes.get("PRIORITY", 0),
            host=address[0],
            port=address[1],
            type="prflx",
        )
        self._remote_candidates.append(candidate)
        return candidate

    async def close(self) -> None:
        """Let go of everything; waits for no server."""
        self._closing = True
        self._check_list_done = True
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await aioice.ice.unref_mdns_protocol(self)
        self._nominated.clear()
        protocols, self._protocols[:] = list(self._protocols), []
        closing = [asyncio.create_task(each.close(), name="pycall-close-socket") for each in protocols]
        if closing:
            await asyncio.wait(closing, timeout=CLOSE_S)
        for left in closing:
            left.cancel()
        for protocol in protocols:
            protocol.transport.close()
        self._local_candidates.clear()
        self._first.set()
        self._queue.put_nowait(None)
        if not self._closed:
            self._closed = True
            self._emit_event(aioice.ice.ConnectionClosed())

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s broke.", task.get_name(), exc_info=error)


def _ignore(_: Candidate | None) -> None:
    """Nobody wants to know."""


def _nothing() -> None:
    """Nobody wants to know."""
