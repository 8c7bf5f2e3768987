"""The rooms of several servers, in one Redis: each of them is a *node*, and may end at any moment.

A node beats each second. With its beat it says a word to itself over the channel on which it is told orders:
as long as it hears that, it hears everything. When it does not, or an operation is not answered and Redis
gives no other sign of life, Redis is *away* for it: nothing is changed any more, and who goes meanwhile is
noted. When Redis is back, those are gone first; then everybody who is here asks for its seat again, as if its
connection had been broken. So whatever was missed is made up for, and it makes no difference whether Redis
still knows the rooms.

For one operation alone, which was lost with its connection or came too late, that would be too dear: what
can be repeated is, who asked to join is refused, and who went is noted until the next beat.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from pycall.core import room
from pycall.core.seats import Holding
from pycall.errors import StoreUnreachable
from pycall.server.monitoring.logs import tell
from pycall.server.nodes.database import Database
from pycall.server.nodes.departures import Departures
from pycall.server.nodes.hearing import Hearing
from pycall.server.nodes.neighbours import Neighbours
from pycall.server.nodes.register import NodeRegister
from pycall.server.nodes.script import arguments_of
from pycall.server.store import CarryOut, Occupancy, Seated, StoreUnavailable
from pycall.server.wallclock import unix_time

BEAT_S: Final = 1.0
PING_S: Final = 1.5
"""How long the word to itself may take."""

HEARD_S: Final = 0.7
"""And an order, once it is known that it was given."""

AGAIN_S: Final = 0.5
"""Between two attempts to have Redis back."""

START_S: Final = 5.0
SETTLE_MS: Final = 3000
"""For so long newcomers wait after Redis lost everything, and again with each step of telling it anew."""

AT_ONCE: Final = 32
"""Seats that are asked for again at the same time."""

ROOMS_AT_ONCE: Final = 100
"""Rooms that are changed by one operation, for which everybody else's waits."""

_LATE: Final = "late"
"""Why an operation is refused that was not done, for its time was over."""

_UNHEARD: Final = "unheard"
"""Why a join is refused that was done: its client would not learn of it."""

log = logging.getLogger(__name__)


class SharedRooms:
    """The rooms in the Redis at ``url``, as one of the nodes that share them: a :class:`RoomStore`.

    ``clock`` stands in for the clock of Redis.
    """

    def __init__(
        self, url: str, holding: Holding | None = None, *, clock: Callable[[], float] | None = None
    ) -> None:
        self.node = secrets.token_urlsafe(9)
        self.register = NodeRegister(url, self.node)
        self._database = Database(url, holding or Holding(), node=self.node, clock=clock)
        self._clock = clock or time.monotonic
        self._hearing = Hearing(self.register)
        self._seated: Seated = tuple
        self._available = asyncio.Event()
        self._trouble = asyncio.Event()
        self._departures = Departures(self._change, self._seat_again)
        self._back: set[str] = set()
        """Connections that were seated again, until Redis is there for all: they may speak already."""

        self._neighbours = Neighbours()
        self._beats = 0
        self._memory = ""
        self._cursor = "0"
        self._due_at: float | None = None
        self._occupancy = Occupancy(0, 0)
        self._keeping: asyncio.Task[None] | None = None
        self._was_away = False
        self._stopping = False

    # --- as a store ---------------------------------------------------------------------------------

    def serve(self, carry_out: CarryOut, seated: Seated) -> None:
        """See :meth:`RoomStore.serve`."""
        self._hearing.carry_out = carry_out
        self._seated = seated

    async def apply(self, name: str, input_: room.Input) -> bool:
        """See :meth:`RoomStore.apply`."""
        if self._stopping and not isinstance(input_, room.JoinAsked):
            return True  # all seats are given up at once
        if not self.is_reachable or self._departures.may_be_overtaken(name, input_):
            self._departures.note(name, input_)  # also if its seat was asked for again: see there
        if not self.is_reachable and not self._is_back(input_):
            raise StoreUnavailable("Redis is away.")
        if isinstance(input_, room.JoinAsked) and (name, input_.connection) in self._departures:
            raise StoreUnavailable("Its last departure is not noted yet.", refused="departing")
        try:
            return await self._change_or_repeat(name, input_)
        except StoreUnavailable as error:
            if error.refused in {"", _UNHEARD} and isinstance(input_, room.JoinAsked):  # it may be in
                self._departures.note(name, room.ConnectionLost(input_.connection))
            self._departures.note(name, input_)
            raise

    async def expire(self) -> None:
        """See :meth:`RoomStore.expire`."""
        try:
            while self.due_in() == 0:
                self._note_due(await self._database.ask("due", ROOMS_AT_ONCE))
        except StoreUnavailable:
            self._due_at = None  # until an answer says it again: whoever asks at once would ask for ever

    def due_in(self) -> float | None:
        """See :meth:`RoomStore.due_in`; while Redis is away nothing can be done."""
        if self._due_at is None or not self.is_reachable:
            return None
        return max(0.0, self._due_at - self._clock())

    async def occupancy(self) -> Occupancy:
        """See :meth:`RoomStore.occupancy`; of all nodes, and as it was when Redis was there last."""
        with suppress(StoreUnavailable):
            answer = await self._database.ask("occupancy")
            self._occupancy = Occupancy(answer["rooms"], answer["members"])
        return self._occupancy

    async def spend(self, id_: str, owner: str, until: float) -> bool:
        """See :meth:`~pycall.server.admission.spending.Spending.spend`; a Redis that lost all forgot it.

        Raises:
            StoreUnavailable: it cannot be known.
        """
        if not self.is_reachable:
            raise StoreUnavailable("Redis is away.")
        lifetime_s = int(until - unix_time()) + 1
        answer = await self._database.ask("spend", id_, owner, lifetime_s)
        return bool(answer["owner"] == owner)

    @property
    def is_reachable(self) -> bool:
        """See :attr:`RoomStore.is_reachable`."""
        return self._available.is_set()

    @property
    def is_instant(self) -> bool:
        """See :attr:`RoomStore.is_instant`."""
        return False

    # --- as a node ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Be a node; returns when rooms can be changed.

        Raises:
            StoreUnreachable: Redis is not there, or cannot be used.
        """
        await self._database.check()
        self._keeping = asyncio.create_task(self._keep(), name="pycall-node")
        try:
            async with asyncio.timeout(START_S):
                await self._available.wait()
        except TimeoutError as error:
            await self.stop()
            sentence = "Redis answers, but passes no messages on."
            raise StoreUnreachable(sentence, "See what docs/operating.md says of its users.") from error

    async def stop(self) -> None:
        """Hold the seats of everybody here, for them to come back to another node; and be none any more."""
        self._stopping = True
        was_there = self.is_reachable
        self._available.clear()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if was_there:
            with suppress(StoreUnavailable):
                await self._bury(self.node)
        await self._database.close()

    async def _keep(self) -> None:
        """Have Redis there, again and again; a group of tasks that breaks forgets that it was cancelled."""
        while not self._stopping:
            self._trouble.clear()
            try:
                await self._live()
            except* StoreUnavailable as group:
                self._fail(_first(group))
            except* Exception as group:  # noqa: BLE001  a bug must not end the node
                tell(log, logging.ERROR, "bug", "a bug in listening to Redis", error=_first(group))
                self._available.clear()
            await asyncio.sleep(AGAIN_S)

    async def _live(self) -> None:
        self._hearing.begin()
        await self._database.begin()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hearing.listen(), name="pycall-node-channel")
            tasks.create_task(self._watch(), name="pycall-node-watch")
            await self._hearing.stands(PING_S)
            await self._beat(tasks)

    async def _watch(self) -> None:
        await self._trouble.wait()
        raise StoreUnavailable("an operation was not answered")

    def _fail(self, error: BaseException) -> None:
        """Redis is away; whoever waits for it learns of it at once."""
        level = logging.WARNING if self.is_reachable else logging.DEBUG
        self._was_away = True
        tell(log, level, "store-away", "the rooms cannot be changed: %(why)s", why=_why(error))
        self._available.clear()
        self._back.clear()
        self._hearing.give_up()
        self._database.give_up()
        self._trouble.set()

    async def _beat(self, tasks: asyncio.TaskGroup) -> None:
        returning: asyncio.Task[None] | None = None
        while True:
            answer = await self._beat_once()
            self._note_due(answer)
            await self._hearing.hears(answer["beats"], PING_S)
            is_forgotten = answer["beats"] <= self._beats or self._memory not in {"", answer["memory"]}
            self._beats, self._memory, self._cursor = answer["beats"], answer["memory"], answer["cursor"]
            if is_forgotten and returning is not None:
                returning.cancel()
            if not self.is_reachable or is_forgotten:
                if is_forgotten or returning is None or returning.done():
                    returning = tasks.create_task(self._return(), name="pycall-node-return")
            else:
                with suppress(StoreUnavailable):  # at the next beat, then: this one was answered
                    await self._departures.make_up(self._seated)
                await self._look_after(answer)
            await asyncio.sleep(BEAT_S)

    async def _beat_once(self) -> dict[str, Any]:
        """The answer to a beat; one that was lost is repeated, as an operation is."""
        try:
            return await self._database.ask("beat", self._memory, SETTLE_MS, self._cursor, fenced=False)
        except StoreUnavailable:
            if not await self._database.lives():
                raise
        return await self._database.ask("beat", self._memory, SETTLE_MS, self._cursor, fenced=False)

    async def _return(self) -> None:
        """Tell Redis what happened here meanwhile, and who is here."""
        self._available.clear()
        self._back.clear()
        await self._departures.make_up(self._seated)
        seated = list(self._seated())
        for start in range(0, len(seated), AT_ONCE):
            async with asyncio.TaskGroup() as tasks:  # of which nothing goes on when one fails
                for each in seated[start : start + AT_ONCE]:
                    tasks.create_task(self._seat_again(*each), name="pycall-node-seat")
            await self._database.ask("settle", SETTLE_MS)
        while self._departures:
            await self._departures.make_up(self._seated)
        self._available.set()
        self._back.clear()
        level = logging.WARNING if self._was_away else logging.DEBUG
        tell(log, level, "store-there", "the rooms can be changed")

    async def _seat_again(self, name: str, asked: room.JoinAsked) -> None:
        if asked.member.extended:  # with a new connection it is told what it missed
            await self._change(name, room.ConnectionLost(asked.connection))
        if not self.is_reachable:
            self._back.add(asked.connection)
        await self._change(name, asked, is_told_anew=True)

    async def _look_after(self, answer: dict[str, Any]) -> None:
        """Do for the other nodes what each living one does: the first has done it for all."""
        dead = self._neighbours.look(answer["nodes"])
        for node, beats in dead.items():
            if node != self.node:
                sentence = "node %(dead)s is dead: its seats are given up"
                tell(log, logging.WARNING, "node-dead", sentence, dead=node)
                await self._bury(node, beats)
        if "grave" in answer:
            await self._bury(answer["grave"])
        await self.expire()

    async def _bury(self, node: str, beats: int | str = "") -> None:
        while (await self._database.ask("bury", node, beats, ROOMS_AT_ONCE, fenced=False))["left"]:
            pass

    # --- one operation ------------------------------------------------------------------------------

    async def _change_or_repeat(self, name: str, input_: room.Input) -> bool:
        try:
            return await self._change(name, input_)
        except StoreUnavailable as error:
            if not (error.refused or await self._database.lives()):
                self._fail(error)
            is_heeded = self.is_reachable or self._is_back(input_)
            if not (is_heeded and _may_be_repeated(input_, error)):
                raise
        try:
            return await self._change(name, input_)
        except StoreUnavailable as error:
            self._fail(error)  # its client says it again when it is told that it is joined, and not before
            raise

    async def _change(self, name: str, input_: room.Input, *, is_told_anew: bool = False) -> bool:
        """One operation; returns False if who asked to join has no seat."""
        operation = arguments_of(input_, name, is_told_anew=is_told_anew)
        answer = await self._database.ask(*operation)
        self._note_due(answer)
        is_heard = await self._hearing.reaches(answer.get("told", 0), HEARD_S)
        if not is_heard and isinstance(
            input_, room.JoinAsked
        ):  # whether the channel is broken, the beat tells
            raise StoreUnavailable("It is in, and was not told so.", refused=_UNHEARD)
        return not answer.get("full", False)

    def _note_due(self, answer: dict[str, Any]) -> None:
        due_s = answer.get("due")
        self._due_at = None if due_s is None else self._clock() + due_s

    def _is_back(self, input_: room.Input) -> bool:
        return not isinstance(input_, room.JoinAsked | room.Expired) and input_.connection in self._back


def _may_be_repeated(input_: room.Input, error: StoreUnavailable) -> bool:
    """Whether it makes no difference that it may have been done, and nobody else would ask again."""
    match input_:
        case room.MessageSent(number=0):  # of which nobody could tell that it is the same
            return error.refused == _LATE
        case room.MessageSent() | room.RenewAsked():
            return True
        case _:
            return False


def _first(error: BaseException) -> BaseException:
    """What failed first in groups of tasks within groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _why(error: BaseException) -> str:
    """Ours says no secret and no message."""
    return str(error) if isinstance(error, StoreUnavailable) else type(error).__name__
