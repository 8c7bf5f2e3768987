"""Runs a :class:`~pycall.core.call.Call` on asyncio: one queue in, adapters out.

Adapters only :meth:`Driver.post` what happened; one consumer hands it to the call and carries out
what comes back.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, assert_never

from pycall.client.attempt import Attempt, PeerConnection, Surroundings
from pycall.client.network import Change
from pycall.client.stages import Delays
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.call import Call, Phase
from pycall.core.events import Ended, Event
from pycall.core.messages import IceServer, Message, State
from pycall.errors import PycallError

logger = logging.getLogger(__name__)

MAX_INPUTS: Final = 1_000
"""Waiting inputs; only a flood from outside fills this, and what is over of the flood is dropped."""

_OF_THE_SERVER: Final = (i.JoinedRoom, i.OtherJoined, i.OtherLeft, i.Renewed, i.RoomFull, i.Refused)

_LIMITS: Final = {
    i.MessageReceived: MAX_INPUTS,
    i.ControlReceived: MAX_INPUTS,
    **dict.fromkeys(_OF_THE_SERVER, 2 * MAX_INPUTS),
}
"""Up to how many waiting inputs one more is taken of what the other side, or the server, says at will.

The server's word has room beside the other side's flood; what happens here is few and never dropped.
"""


class Signalling(Protocol):
    """The connection to the signalling server; :class:`pycall.client.signalling.SignallingClient`."""

    async def open(self) -> None:
        """Dial; raises :class:`~pycall.errors.ServerUnreachable`."""

    async def join(self, room: str) -> None:
        """Ask for a seat."""

    async def leave(self, room: str) -> None:
        """Give the seat back."""

    async def renew(self, room: str, epoch: int) -> None:
        """Ask for another epoch of the pairing."""

    async def check(self) -> None:
        """Make sure that the server still answers, and dial again at once if not."""

    async def send(self, message: Message) -> None:
        """Pass a message to the other one in the room."""

    async def close(self) -> None:
        """Hang up on the server."""


Post = Callable[[i.Input], None]
Dial = Callable[[Post], Signalling]
OpenPeer = Callable[[int, tuple[IceServer, ...], Post], PeerConnection]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the run ended: what went wrong, if anything did, and the closing event."""

    error: PycallError | None
    ended: Ended


class Driver:
    """Carries out one call's orders until it finishes.

    ``announce`` is called on the event loop for every event, in order; the closing
    :class:`~pycall.core.events.Ended` is left to who runs this, who may have more to end first.
    ``playout_s`` says how long received sound is held before it is played; with ``delays``, every stage
    of the delay is announced each second.
    """

    def __init__(
        self,
        call: Call,
        room: str,
        *,
        dial: Dial,
        open_peer: OpenPeer,
        announce: Callable[[Event], None],
        playout_s: Callable[[], float],
        delays: Callable[[], Delays] | None = None,
    ) -> None:
        self._call = call
        self._room = room
        self._inputs: asyncio.Queue[i.Input] = asyncio.Queue()  # bounded in post
        self._signalling = dial(self.post)
        self._open_peer = open_peer
        self._around = Surroundings(self.post, announce, playout_s, delays)
        self._attempts: dict[int, Attempt] = {}
        self._totals = Ended("hangup")
        self._closing: set[asyncio.Task[None]] = set()
        self._state = State(muted=False, camera_off=False, recording=False)
        self._finish: o.Finish | None = None

    @property
    def phase(self) -> Phase:
        """What is known of the call."""
        return self._call.phase

    def post(self, happened: i.Input) -> None:
        """Report what happened; from the event loop's thread."""
        if self._inputs.qsize() >= _LIMITS.get(type(happened), math.inf):
            logger.warning("Too much at once: dropped %s.", type(happened).__name__)
        else:
            self._inputs.put_nowait(happened)

    def network_changed(self, change: Change) -> None:
        """Report a change of this computer's addresses; most that go are none the call uses."""
        lost = change.slept or any(each.stands_on(change.gone) for each in self._attempts.values())
        self.post(i.NetworkChanged(lost=lost))

    def tell(self, state: State) -> None:
        """Let the other end know what this one does; later ones learn it too."""
        self._state = state
        for attempt in self._attempts.values():
            attempt.peer.send_control(state)

    async def run(self) -> Outcome:
        """Dial, call, hang up; returns when everything is closed, which is bounded."""
        try:
            async with asyncio.TaskGroup() as group:  # an error while dialling ends the waiting for inputs
                dialling = group.create_task(self._dial(), name="pycall-dial")
                while self._finish is None:
                    for order in self._decide(await self._next()):
                        await self._carry_out(order)
                dialling.cancel()
        finally:
            await self._close()
        return Outcome(self._finish.error, replace(self._totals, reason=self._finish.reason))

    async def _dial(self) -> None:
        try:
            await self._signalling.open()
        except PycallError as error:
            self.post(i.SignallingFailed(error))

    async def _next(self) -> i.Input:
        try:
            async with asyncio.timeout_at(self._call.deadline):
                return await self._inputs.get()
        except TimeoutError:
            return i.DeadlinePassed()

    def _decide(self, happened: i.Input) -> list[o.Output]:
        before, now = self._call.phase, asyncio.get_running_loop().time()
        if isinstance(happened, i.DeadlinePassed):  # a timer may fire a hair too early
            now = max(now, self._call.deadline or now)
        orders = self._call.handle(happened, now)
        logger.debug(
            "%s + %s -> %s %s",
            before.name,
            type(happened).__name__,
            self._call.phase.name,
            [type(order).__name__ for order in orders],
        )
        return orders

    async def _carry_out(self, order: o.Output) -> None:
        match order:
            case o.JoinRoom():
                await self._signalling.join(self._room)
            case o.LeaveRoom():
                await self._signalling.leave(self._room)
            case o.RenewPairing(epoch):
                await self._signalling.renew(self._room, epoch)
            case o.CheckSignalling():
                await self._signalling.check()
            case o.SendMessage(message):
                await self._signalling.send(message)
            case o.OpenPeer(number, ice_servers):
                peer = self._open_peer(number, ice_servers, self.post)
                peer.media_hold.is_on = True
                self._attempts[number] = Attempt(number, peer, self._around)
                peer.send_control(self._state)
            case o.SendMedia(number):
                self._attempts[number].peer.media_hold.is_on = False
            case o.MeasurePeer(number):
                self._attempts[number].measure()
            case o.ClosePeer(number, say_bye):
                self._close_attempt(number, say_bye=say_bye)
            case o.Announce(event):
                self._around.announce(event)
            case o.Finish():
                self._finish = order
            case o.CreateOffer() | o.AcceptOffer() | o.AcceptAnswer() | o.AddCandidate():
                self._attempts[order.attempt].step(order)
            case _:
                assert_never(order)

    def _close_attempt(self, number: int, *, say_bye: bool) -> None:
        attempt = self._attempts.pop(number)
        attempt.peer.fall_silent()  # at once: closing is not, and who left is not seen any more
        task = asyncio.create_task(self._end(attempt, say_bye=say_bye), name=f"pycall-close-{attempt.number}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _end(self, attempt: Attempt, *, say_bye: bool) -> None:
        await attempt.close(say_bye=say_bye)
        so_far, flowed = self._totals, attempt.flowed
        self._totals = replace(
            so_far,
            duration_s=so_far.duration_s + attempt.connected_s,
            frames_sent=so_far.frames_sent + flowed.frames_sent,
            frames_received=so_far.frames_received + flowed.frames_received,
            audio_sent_s=so_far.audio_sent_s + flowed.audio_sent_s,
            audio_received_s=so_far.audio_received_s + flowed.audio_received_s,
            bytes_sent=so_far.bytes_sent + flowed.bytes_sent,
            bytes_received=so_far.bytes_received + flowed.bytes_received,
        )

    async def _close(self) -> None:
        for number in list(self._attempts):
            self._close_attempt(number, say_bye=True)
        for result in await asyncio.gather(*self._closing, self._signalling.close(), return_exceptions=True):
            if isinstance(result, Exception):
                logger.error("Closing failed.", exc_info=result)
