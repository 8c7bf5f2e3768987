"""A place at the signalling server that outlives the connections it is reached by."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from pycall.client.signalling import hearsay
from pycall.client.signalling.connection import CLOSE_S, Connection, Hear, Server
from pycall.client.signalling.outbox import Letter, Outbox
from pycall.client.signalling.pace import Pace
from pycall.core import inputs
from pycall.core.credentials import NONE, Credentials
from pycall.core.messages import Message, dump_message, parse_message
from pycall.core.names import terminal_safe
from pycall.core.seats import TOKEN_BYTES
from pycall.errors import ServerUnreachable, SignallingError

logger = logging.getLogger(__name__)

DIAL_S: Final = 10.0
REDIAL_S: Final = 3.0
"""How long an attempt may take: the first, and each later one; longer where the network is slow."""

ROUND_TRIPS: Final = 8
"""That dialling takes at most: TCP, TLS, the websocket, the Socket.IO connection, and some loss."""

JITTER_S: Final = 0.2
"""Within this many clients of a server that restarts come back."""

LEAVE_S: Final = 1.0

STORE_UNAVAILABLE: Final = "store-unavailable"
ASK_AGAIN_S: Final = 1.0
ROOMS_AWAY: Final = "The signalling server cannot reach its rooms; asking it again."
"""What is said when it refuses with that code, and how often it is asked."""


class SignallingClient:
    """A place at the signalling server at ``url`` (http or https), under a display name.

    Over https the server's certificate is verified as usual, or, with ``cert_sha256`` (hexadecimal,
    colons allowed), it must be the one with this SHA-256, whoever vouches for it. ``credentials`` are
    shown to whatever server answers.

    ``post`` gets :class:`~pycall.core.inputs.SignallingOpened` whenever a connection stands, and
    what the server says after that. Whoever then joins the room again is back on its seat; what the
    two ends say to each other is neither lost nor doubled by the break (docs/protocol.md).
    """

    def __init__(
        self,
        url: str,
        name: str,
        post: Callable[[inputs.Input], None],
        *,
        cert_sha256: str = "",
        credentials: Credentials = NONE,
    ) -> None:
        self._server = Server(url, cert_sha256)
        self._name = name
        self._credentials = credentials
        self._post = post
        self._room: str | None = None
        self._token = ""  # of our seat, in whichever room; a plain server gives none
        # An invite for one person is ours by our token, also when we never hear that it was.
        self._own_token = secrets.token_urlsafe(TOKEN_BYTES) if credentials.invite else ""
        self._epoch: int | None = None
        self._received = 0  # number of the last message to this seat
        self._sent = 0  # number of the last message of ours
        self._outbox = Outbox()
        self._connection: Connection | None = None
        self._seated = False  # on this connection
        self._round_trip_s = 0.0
        self._checking = False
        self._stirred = asyncio.Event()  # a check is wanted, the connection broke or an attempt ended
        self._left = asyncio.Event()
        self._asking: asyncio.TimerHandle | None = None  # for a seat, again
        self._keeping: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def open(self, timeout_s: float = DIAL_S) -> None:
        """Dial, once; raises :class:`~pycall.errors.ServerUnreachable`. Afterwards it stays open."""
        self._use(await self._dial(timeout_s))
        self._keeping = asyncio.create_task(self._keep(), name="pycall-signalling")
        self._keeping.add_done_callback(self._kept)

    async def join(self, room: str) -> None:
        """Ask for a seat in ``room``; after a break of the connection, for the one held before."""
        if room != self._room:
            self._give_up_seat()
            self._room = room
        await self._emit("join", room)

    async def leave(self, room: str) -> None:
        """Give the seat up; waits at most a second for the server to confirm it.

        A server that is not there holds it meanwhile. Who joins the room again then finds itself on it,
        but not what was said before.
        """
        self._left.clear()
        if await self._emit("leave", room):
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_S):
                    await self._left.wait()
        self._give_up_seat()

    async def send(self, message: Message) -> None:
        """Pass ``message`` to the other one in the room.

        While the connection is broken it is kept, until we are back on our seat or have lost it.
        """
        if self._token:
            self._sent += 1
            await self._deliver("message", dump_message(message), self._sent)
        else:
            await self._emit("message", dump_message(message))

    async def renew(self, room: str, epoch: int) -> None:
        """Ask that the pairing ``epoch`` be counted up; kept as a message is."""
        if self._token and room == self._room:
            await self._deliver("renew", room, epoch)

    async def check(self) -> None:
        """Have the server prove that it still answers, and dial it at once if it does not.

        Returns at once and may be called as often as one likes. While it is being dialled, this
        begins another attempt, and makes the next minute's follow each other quickly.
        """
        self._checking = True
        self._stirred.set()

    async def close(self) -> None:
        """Hang up on the server within 2 s; nothing is left open. May be called again."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None
        self._stop_asking()
        connection, self._connection = self._connection, None
        if connection is not None:
            self._end(connection.close())
        if self._ending:
            await asyncio.wait(self._ending, timeout=2 * CLOSE_S)
        await self._server.lookup.close()

    # The connection

    async def _keep(self) -> None:
        """Replace the connection whenever it broke or is silent."""
        while self._connection is not None:
            connection = self._connection
            in_a_hurry = not await self._lasted(connection)
            self._connection, self._seated = None, False
            self._post(inputs.SignallingLost())
            self._end(connection.drop())
            self._use(await self._redial(in_a_hurry=in_a_hurry))

    def _kept(self, keeping: asyncio.Task[None]) -> None:
        """Keeping ends when it is cancelled; otherwise it broke, and nobody would dial any more."""
        if not keeping.cancelled() and (error := keeping.exception()) is not None:
            logger.error("%s broke.", keeping.get_name(), exc_info=error)
            what = "The connection to the server is gone: something in pycall itself broke."
            self._post(
                inputs.SignallingFailed(SignallingError(what, "Please report it with the lines above."))
            )

    def _use(self, connection: Connection) -> None:
        self._stop_asking()
        self._connection = connection
        self._round_trip_s = connection.round_trip_s
        self._post(inputs.SignallingOpened())

    async def _lasted(self, connection: Connection) -> bool:
        """Wait for the end of a connection; whether it broke by itself, and is not only silent."""
        while connection.standing:
            await self._stirred.wait()
            self._stirred.clear()
            if self._checking and connection.standing:
                self._checking = False
                if connection.uprooted:
                    return False
                # The server of a seat with a token confirms also that one leaves a room one is not in.
                elsewhere = "-" if self._room != "-" else "_"
                if self._token and not await connection.answers("leave", elsewhere):
                    return False
        return not self._checking

    async def _redial(self, *, in_a_hurry: bool) -> Connection:
        """Begin one attempt after the other until the first stands; they overlap where they take long."""
        now = asyncio.get_running_loop().time
        pace = Pace(now() if in_a_hurry else now() + random.uniform(0, JITTER_S))  # noqa: S311  no secret
        self._checking |= in_a_hurry
        dialling: set[asyncio.Task[Connection]] = set()
        try:
            while True:
                if self._checking:
                    self._checking = False
                    pace.hurry(now())
                if now() >= pace.next:
                    dialling.add(self._attempt())
                    pace.dialled(now(), random.uniform(0.8, 1.2))  # noqa: S311  no secret
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(pace.next):
                        await self._stirred.wait()
                self._stirred.clear()
                for attempt in [each for each in dialling if each.done()]:
                    dialling.discard(attempt)
                    try:
                        return attempt.result()
                    except ServerUnreachable as error:
                        logger.debug("Dialling again: %s", error)
        finally:
            for attempt in dialling:
                self._end(_abandon(attempt))

    def _attempt(self) -> asyncio.Task[Connection]:
        timeout_s = min(max(REDIAL_S, ROUND_TRIPS * self._round_trip_s), DIAL_S)
        attempt = asyncio.create_task(self._dial(timeout_s), name="pycall-redial")
        attempt.add_done_callback(lambda _: self._stirred.set())
        return attempt

    async def _dial(self, timeout_s: float) -> Connection:
        connection = Connection(self._server, self._hearing(), self._stirred.set)
        await connection.dial(self._auth, timeout_s)
        return connection

    def _auth(self) -> dict[str, Any]:
        token = self._token or self._own_token
        back = {"resume": token, "received": self._received} if token else {}
        return {"pycall": 1, "name": self._name, **back, **self._credentials.as_auth()}

    def _end(self, ending: Coroutine[Any, Any, None]) -> None:
        """Let something end that nobody waits for, before :meth:`close`."""
        task = asyncio.create_task(ending, name="pycall-signalling-end")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    # What is said

    async def _emit(self, event: str, *arguments: object) -> bool:
        """Whether it was handed to a standing connection."""
        handed = self._connection is not None and await self._connection.emit(event, *arguments)
        if not handed:
            logger.info("The signalling server is not there: %s was not sent.", event)
        return handed

    async def _deliver(self, event: str, *arguments: object) -> None:
        """Say something that must arrive, once: now, or when we are back."""
        letter = self._outbox.put(event, *arguments)
        if letter is not None and self._seated:
            await self._hand_over(letter)

    async def _hand_over(self, letter: Letter) -> None:
        if self._connection is not None:
            await self._connection.emit(
                letter.event, *letter.arguments, answered=lambda said: self._answered(letter, said)
            )

    def _answered(self, letter: Letter, said: object) -> None:
        """What the server could not do yet is said again when it tells us that we are joined."""
        if hearsay.fields(said).get("code") != STORE_UNAVAILABLE:
            self._outbox.confirm(letter)

    # What the server says

    def _hearing(self) -> dict[str, Hear]:
        heard: dict[str, Hear] = {
            "joined": self._joined,
            "other_joined": self._other_joined,
            "renewed": self._renewed,
            "left": self._seat_left,
            "bye": self._bye,
            "full": self._full,
            "error": self._refused,
            "message": self._message,
        }
        return {event: _dropping_nonsense(event, handle) for event, handle in heard.items()}

    async def _joined(self, room: object, own_id: object = "", extra: object = None, *_: object) -> None:
        if room != self._room:
            return
        self._was_answered()
        joined = hearsay.joined(own_id, extra)
        self._token = hearsay.token(extra)
        if not joined.resumed:
            self._received = 0
            self._outbox.clear()
        self._turn_to(joined.epoch)
        self._seated = True
        self._post(joined)
        for letter in self._outbox:
            await self._hand_over(letter)

    async def _other_joined(self, room: object, *about: object) -> None:
        if room == self._room:
            came = hearsay.other_joined(*about)
            self._turn_to(came.epoch)
            self._post(came)

    async def _renewed(self, room: object, *about: object) -> None:
        if room == self._room:
            renewed = hearsay.renewed(*about)
            self._turn_to(renewed.epoch)
            self._post(renewed)

    async def _message(self, payload: object, number: object = None, *_: object) -> None:
        if number is not None:
            number = hearsay.number(number)
            if number <= self._received:  # sent again, because our break was noticed later than its beginning
                return
            self._received = number
        self._post(inputs.MessageReceived(parse_message(payload)))

    async def _bye(self, room: object, *about: object) -> None:
        if room == self._room:
            self._post(hearsay.other_left(*about))

    async def _full(self, room: object, *_: object) -> None:
        if room == self._room:
            self._was_answered()
            self._post(inputs.RoomFull())

    async def _refused(self, *about: object) -> None:
        refused = hearsay.refused(*about)
        if refused.code == STORE_UNAVAILABLE and self._room is not None:
            self._ask_again(self._room)
        else:
            self._post(refused)

    def _ask_again(self, room: str) -> None:
        """The server cannot seat anybody now: for a call that is as if it were away."""
        if self._asking is None:
            self._post(inputs.SignallingLost(ROOMS_AWAY))
        self._stop_asking()
        self._asking = asyncio.get_running_loop().call_later(ASK_AGAIN_S, lambda: self._end(self._ask(room)))

    async def _ask(self, room: str) -> None:
        await self._emit("join", room)

    def _was_answered(self) -> None:
        """It is as if the server were back."""
        if self._asking is not None:
            self._stop_asking()
            self._post(inputs.SignallingOpened())

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def _seat_left(self, *_: object) -> None:
        self._left.set()

    def _turn_to(self, epoch: int | None) -> None:
        """What was said in another epoch, the other end would drop."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._outbox.clear()

    def _give_up_seat(self) -> None:
        """Without its token: the server may hold the seat still, for nobody else."""
        self._stop_asking()
        self._room, self._epoch, self._seated = None, None, False
        self._outbox.clear()


def _dropping_nonsense(event: str, handle: Hear) -> Hear:
    async def hear(*arguments: object) -> None:
        try:
            await handle(*arguments)
        except (TypeError, ValueError) as error:  # too few arguments, or not what they should be
            logger.info("Dropped %s from the signalling server: %s", event, terminal_safe(str(error)))

    return hear


async def _abandon(attempt: asyncio.Task[Connection]) -> None:
    """End an attempt that another one has overtaken, perhaps by a hair only."""
    attempt.cancel()
    [outcome] = await asyncio.gather(attempt, return_exceptions=True)
    if isinstance(outcome, Connection):
        await outcome.drop()
