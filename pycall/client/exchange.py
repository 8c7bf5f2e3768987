"""Descriptions and candidates: what the two ends of a connection tell each other to begin.

Nothing the other end says makes this raise anything but :class:`~pycall.errors.CallError`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from aiortc import RTCPeerConnection, RTCSessionDescription

from pycall.client.compat import IceAgent
from pycall.client.descriptions import MAX_CANDIDATES, parse_candidate, take_apart, with_candidates
from pycall.client.formats import codecs
from pycall.core import inputs
from pycall.core.messages import Candidate
from pycall.errors import CallError

logger = logging.getLogger(__name__)

BIND_S: Final = 0.3
"""What binding the sockets of all addresses takes at most."""


class Exchange:
    """Makes our description and takes the other's; candidates that come later follow, both ways.

    Every candidate of ours is told once: in the description, or posted afterwards.
    """

    def __init__(
        self,
        attempt: int,
        connection: RTCPeerConnection,
        ice: IceAgent,
        post: Callable[[inputs.Input], None],
    ) -> None:
        self._attempt = attempt
        self._connection = connection
        self._ice = ice
        self._post = post
        self._gathering = asyncio.create_task(ice.gather(), name="pycall-gather-first")
        self._resolving: set[asyncio.Task[None]] = set()
        self._told: set[str] | None = None
        self._told_end = False
        self._candidates = 0
        self._hidden = False
        self.with_pycall = False
        """Whether the other end said that it is a pycall."""

    async def offer(self, wait_s: float) -> str:
        """Our offer, after waiting at most ``wait_s`` seconds for servers to answer."""
        async with _Refusing("no offer could be made."):
            await self._first_candidates(wait_s)
            await self._connection.setLocalDescription(await self._connection.createOffer())
        return self._description()

    async def answer(self, sdp: str, wait_s: float) -> str:
        """Our answer to an offer, after waiting at most ``wait_s`` seconds for servers to answer."""
        async with _Refusing("the other side's offer cannot be used."):
            await self._accept(sdp, "offer")
            await self._first_candidates(wait_s)
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        return self._description()

    async def accept(self, sdp: str) -> None:
        """Apply the answer to our offer."""
        async with _Refusing("the other side's answer cannot be used."):
            await self._accept(sdp, "answer")

    async def add(self, candidate: Candidate) -> None:
        """Take a candidate of the other end, or learn that there are no more; what is none is dropped."""
        if candidate.candidate is None:
            await self._end()
        else:
            await self._add(candidate.candidate)

    def gathered(self, line: str | None) -> None:
        """Tell a candidate of ours, or their end, unless that is yet to be said in the description."""
        if self._told is None or self._told_end:
            return
        if line is None:
            self._told_end = True
        elif line in self._told:
            return
        else:
            self._told.add(line)
        self._post(inputs.CandidateGathered(self._attempt, line))

    async def close(self) -> None:
        """Tell and take nothing more."""
        self._told = None
        await asyncio.wait([self._gathering], timeout=BIND_S)
        tasks = (self._gathering, *self._resolving)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Ours

    async def _first_candidates(self, wait_s: float) -> None:
        """Wait for the first ones: a description without any would leave aiortc waiting for ever."""
        await asyncio.shield(self._gathering)
        await self._ice.gathered(wait_s)
        if not self._ice.lines:
            reason = self._ice.why_no_candidates()
            raise CallError(reason.why, reason.hint)

    def _description(self) -> str:
        lines, complete = self._ice.lines, self._ice.complete
        self._told, self._told_end = set(lines), complete
        # The description goes first: whoever awaits it goes on before the loop calls this.
        asyncio.get_running_loop().call_soon(self._catch_up)
        return with_candidates(self._connection.localDescription.sdp, lines, complete=complete)

    def _catch_up(self) -> None:
        for line in self._ice.lines:
            self.gathered(line)
        if self._ice.complete:
            self.gathered(None)

    # The other end's

    async def _accept(self, sdp: str, kind: Literal["offer", "answer"]) -> None:
        if self._connection.remoteDescription is not None:
            raise CallError("the other side described itself twice.")
        parts = take_apart(sdp)
        self.with_pycall = parts.ours
        for transceiver in self._connection.getTransceivers():
            if transceiver.kind == "video":
                transceiver.setCodecPreferences(codecs("video", parts.video_codecs))
        await self._connection.setRemoteDescription(RTCSessionDescription(parts.sdp, kind))
        for line in parts.candidates:
            await self._add(line)
        if parts.complete:
            await self._end()

    async def _add(self, line: str) -> None:
        self._candidates += 1
        if self._candidates > MAX_CANDIDATES:
            return
        try:
            candidate = parse_candidate(line)
        except ValueError:
            logger.debug("Dropped a candidate that is none.")
            return
        if candidate is None:
            return
        adding = self._ice.add(candidate)
        if candidate.ip.endswith(".local"):  # resolving takes up to a second, or has no multicast to use
            self._hidden = True
            task: asyncio.Task[None] = asyncio.create_task(_ignoring_os_errors(adding), name="pycall-mdns")
            self._resolving.add(task)
            task.add_done_callback(self._resolving.discard)
        else:
            await adding

    async def _end(self) -> None:
        """Fail when no candidate works, unless some are hidden: then the other end reaches us."""
        if not self._hidden:
            await self._ice.add(None)


class _Refusing:
    """Whatever aiortc raises on another's description becomes a :class:`~pycall.errors.CallError`."""

    def __init__(self, message: str) -> None:
        self._message = message

    async def __aenter__(self) -> None:
        """Nothing to prepare."""

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, CallError):
            raise CallError(self._message) from error


async def _ignoring_os_errors(adding: Awaitable[Any]) -> None:
    try:
        await adding
    except OSError as error:
        logger.debug("An mDNS name could not be resolved: %s", error)
