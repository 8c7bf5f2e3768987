"""Redis, as the rooms need it: one script, waiting that ends, and one kind of failure.

The only module that knows the library.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from pycall.core.names import terminal_safe
from pycall.core.seats import Holding
from pycall.errors import StoreUnreachable
from pycall.server.nodes.script import SCRIPT
from pycall.server.store import StoreUnavailable

DONE_S: Final = 1.0
"""After so long Redis does not begin any more what it was asked: who asked is told that it cannot be done."""

ANSWER_S: Final = 1.25
"""And its answer is waited for a little longer, so that nothing is done that was given up here."""

LIFE_S: Final = 0.3
"""And for so long, after that, for any sign of life: one operation may have been lost with its connection.

It has room for a new connection, which over TLS takes some ways to Redis and back more.
"""

CHECK_S: Final = 5.0
"""For so long an answer is waited for when a node starts: the machine may be busy, and no caller waits."""

CONNECTIONS: Final = 32
"""At most, for operations that are on their way at the same time."""

OPTIONS: Final[dict[str, Any]] = {"socket_connect_timeout": DONE_S, "retry": Retry(NoBackoff(), 0)}
"""For every connection: whoever asks wants to know soon that it cannot be had."""


class Database:
    """The script in the Redis at ``url``, asked on behalf of ``node``.

    ``clock`` stands in for the clock of Redis.
    """

    def __init__(
        self, url: str, holding: Holding, *, node: str = "", clock: Callable[[], float] | None = None
    ) -> None:
        self._where = _where(url)
        self._redis = _connections(url, CONNECTIONS)
        self._vital = _connections(url, 1)
        """For what must not wait behind operations: how long those take says nothing of Redis."""

        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._given_up = 0
        """How often whoever waited for a turn was told that it will not come."""

        self._script = self._redis.register_script(SCRIPT)
        self._holding = [repr(each) for each in (holding.exclusive_s, holding.total_s, holding.messages_s)]
        self._node = node
        self._clock = clock
        self._ahead_s: float | None = None
        """By how much the clock of Redis is ahead of the event loop's."""

    async def ask(self, operation: str, *arguments: str | int, fenced: bool = True) -> dict[str, Any]:
        """The script's answer; ``fenced`` operations are done soon or not at all, once it is their turn.

        Raises:
            StoreUnavailable: there was none in time, or it refused.
        """
        if not fenced:
            return await self._ask(self._vital, "", operation, *arguments, patience_s=ANSWER_S)
        given_up = self._given_up
        async with self._turns:
            if given_up != self._given_up:
                raise StoreUnavailable(f"Redis at {self._where}: away before its turn", refused="given up")
            now = asyncio.get_running_loop().time()
            until = repr(now + self._ahead_s + DONE_S) if self._ahead_s is not None else ""
            return await self._ask(self._redis, until, operation, *arguments, patience_s=ANSWER_S)

    async def lives(self) -> bool:
        """Whether Redis answers soon over the connection that no operation uses.

        That is made anew if a beat was lost on it, and no time added: those who join wait meanwhile.
        """
        try:
            async with asyncio.timeout(LIFE_S):
                await self.ask("occupancy", fenced=False)
        except (StoreUnavailable, TimeoutError):
            return False
        return True

    def give_up(self) -> None:
        """Let nobody wait for a turn any longer: what is on its way was not answered."""
        self._given_up += 1

    async def _ask(
        self, connections: Redis, until: str, operation: str, *arguments: str | int, patience_s: float
    ) -> dict[str, Any]:
        clock = repr(self._clock()) if self._clock else ""
        try:
            async with asyncio.timeout(patience_s):
                text = await self._script(
                    args=[operation, clock, until, *self._holding, self._node, *arguments], client=connections
                )
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"Redis at {self._where}: {_why(error)}") from error
        answer: dict[str, Any] = json.loads(text)
        if self._clock is None:
            self._ahead_s = answer["now"] - asyncio.get_running_loop().time()
        if "refused" in answer:
            raise StoreUnavailable(f"Redis at {self._where}: {answer['refused']}", refused=answer["refused"])
        return answer

    async def begin(self) -> None:
        """Make no use of connections that may have broken."""
        for each in (self._redis, self._vital):
            await each.connection_pool.disconnect(inuse_connections=False)

    async def check(self) -> None:
        """Raises :class:`~pycall.errors.StoreUnreachable`, with one sentence for people, if it is no use."""
        try:
            await self._ask(self._vital, "", "occupancy", patience_s=CHECK_S)
        except StoreUnavailable as error:
            raise _unreachable(self._where, error.__cause__) from error

    async def close(self) -> None:
        """Close its connections."""
        for each in (self._redis, self._vital):
            await each.aclose()
            await each.connection_pool.disconnect()


def _connections(url: str, most: int) -> Redis:
    pool = BlockingConnectionPool.from_url(url, max_connections=most, timeout=ANSWER_S, **OPTIONS)
    return Redis.from_pool(pool)


def _where(url: str) -> str:
    """The host and port of a URL, without secrets, or the path of a socket."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return terminal_safe(
        f"{host or 'localhost'}:{parts.port or 6379}" if parts.scheme != "unix" else parts.path
    )


def _why(error: BaseException) -> str:
    """In words of our own: what an exception says may quote a message."""
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__


def _unreachable(where: str, error: BaseException | None) -> StoreUnreachable:
    match error:
        case AuthenticationError():
            return StoreUnreachable(
                f"Redis at {where} does not accept the name and password.", "Check the URL given for `redis`."
            )
        case ResponseError():
            said = terminal_safe(str(error).split("\n", 1)[0])[:200]
            return StoreUnreachable(
                f"Redis at {where} refuses pycall's script: {said}.", "See docs/operating.md."
            )
        case _:
            return StoreUnreachable(
                f"No Redis answers at {where}.", "Check --redis, and that Redis runs there."
            )
