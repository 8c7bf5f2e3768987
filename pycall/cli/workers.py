"""Several processes on one port, as one server: this one starts them, and starts again what ends.

The system spreads connections over those who listen on the same port (SO_REUSEPORT); rooms are shared by a
Redis. STUN and TURN run here, once.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import sys
from asyncio import FIRST_COMPLETED
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

from pycall.cli.worker import READY, Assignment
from pycall.config import Limits, ServerConfig
from pycall.errors import ConfigError, ListenFailed
from pycall.server.app import listen_failed
from pycall.server.ice.service import Ice
from pycall.server.monitoring.logs import tell

WORKER: Final = "import sys; from pycall.cli.worker import main; sys.exit(main())"

START_S: Final = 30.0
"""How long the workers may take to be ready; a cold disk makes imports slow."""

EACH_S: Final = 2.0
"""And so much longer for each of them: they share the processors."""

STOP_S: Final = 10.0
"""And to end, once they were told; they promise half of it."""

AGAIN_S: Final = 1.0
"""Before one that ended is started again."""

log = logging.getLogger(__name__)


class WorkerFailed(Exception):
    """A worker did not come to serve; it has said why, and ended with ``exit_code``."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"A worker ended with {exit_code}.")
        self.exit_code = exit_code


def check(config: ServerConfig, redis: str) -> None:
    """Raises :class:`ConfigError` if there cannot be several workers."""
    if not redis:
        raise ConfigError(
            "Several workers are one server only if they share their rooms by a Redis.",
            "Give --redis URL as well, or leave --workers out: one process carries many thousands of rooms.",
        )
    if not (sys.platform.startswith("linux") and hasattr(socket, "SO_REUSEPORT")):
        raise ConfigError(
            "This system does not spread connections over several processes on one port.",
            "Leave --workers out, or start several servers on ports of their own behind a web server.",
        )
    assert config.workers > 1


class Workers:
    """The processes; each has its own name among the figures."""

    def __init__(self, config: ServerConfig, limits: Limits, redis: str, ice: Ice, *, verbose: bool) -> None:
        self.port = config.port
        self._config = config
        self._limits = limits
        self._redis = redis
        self._ice = ice
        self._verbose = verbose
        self._processes: dict[int, Process] = {}
        self._stopping = False
        self._names = {
            number: f"{config.node or socket.gethostname()}-{number}"
            for number in range(1, config.workers + 1)
        }
        self._figures = {name: f"pycall-{secrets.token_urlsafe(15)}" for name in self._names.values()}
        self._patience_s = START_S + EACH_S * config.workers

    async def run(self, started: asyncio.Event, asked: asyncio.Event) -> None:
        """Run them until they are ``asked`` to end; ``started`` is set when all are ready.

        Raises:
            ListenFailed: the address or port cannot be used, or they are not ready in time.
            WorkerFailed: one of them ended before it was ready, for the first time.
        """
        with self._reservation() as addresses:
            try:
                await self._ice.start_relay()
                await self._ice.start_stun(addresses, self.port)
                if await self._are_ready(asked):
                    started.set()
                    await self._keep(asked)
            finally:
                await self._stop()
                await self._ice.stop()

    async def _are_ready(self, asked: asyncio.Event) -> bool:
        """Start them all; whether that is done before they are ``asked`` to end."""
        starting = asyncio.create_task(self._start_all(), name="pycall-workers-start")
        ending = asyncio.create_task(asked.wait(), name="pycall-workers-end")
        try:
            done, _ = await asyncio.wait(
                (starting, ending), timeout=self._patience_s, return_when=FIRST_COMPLETED
            )
            if starting in done:
                starting.result()
            elif not done:
                raise ListenFailed(
                    f"The workers were not ready within {self._patience_s:.0f} s.",
                    "Start fewer with --workers, or see what else keeps this machine busy.",
                )
            return starting in done
        finally:
            starting.cancel()
            ending.cancel()
            await asyncio.gather(starting, ending, return_exceptions=True)

    async def _start_all(self) -> None:
        """One first: what it cannot do, the others cannot either, and it is enough to say it once."""
        await self._start(1)
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(2, self._config.workers + 1):
                    tasks.create_task(self._start(number), name=f"pycall-worker-{number}")
        except ExceptionGroup as group:
            raise group.exceptions[0] from group

    async def _keep(self, asked: asyncio.Event) -> None:
        """Start again what ends."""
        async with asyncio.TaskGroup() as tasks:
            keeping = [tasks.create_task(self._keep_one(number)) for number in self._processes]
            await asked.wait()
            self._stopping = True
            for each in keeping:
                each.cancel()

    async def _keep_one(self, number: int) -> None:
        while True:
            code = await self._processes[number].wait()
            sentence = "worker %(worker)s ended with %(exit_code)s; it is started again"
            tell(log, logging.WARNING, "worker-ended", sentence, worker=number, exit_code=code)
            await asyncio.sleep(AGAIN_S)
            with suppress(WorkerFailed):
                await self._start(number)

    async def _start(self, number: int) -> None:
        """Returns when it serves; raises :class:`WorkerFailed`, also if there cannot be one or it hangs."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", WORKER, stdin=PIPE, stdout=PIPE, start_new_session=True
            )
        except OSError as error:
            sentence = "worker %(worker)s cannot be started: %(why)s"
            tell(log, logging.ERROR, "worker-failed", sentence, worker=number, why=error.strerror)
            raise WorkerFailed(1) from error
        self._processes[number] = process
        try:
            async with asyncio.timeout(self._patience_s):
                await self._brief(process, number)
        except TimeoutError as error:
            process.kill()
            sentence = "worker %(worker)s does not come to serve"
            tell(log, logging.ERROR, "worker-failed", sentence, worker=number)
            raise WorkerFailed(1) from error

    async def _brief(self, process: Process, number: int) -> None:
        """Tell it what to do, and wait until it does."""
        assert process.stdin is not None
        assert process.stdout is not None
        config = replace(self._config, port=self.port, node=self._names[number])
        servers = self._ice.servers
        assignment = Assignment(
            config, self._limits, self._verbose, self._redis, servers.stun, servers.turns, self._figures
        )
        process.stdin.write(assignment.packed())
        with suppress(ConnectionError):
            await process.stdin.drain()
        if await process.stdout.readline() != READY:
            raise WorkerFailed(await process.wait() or 1)

    async def _stop(self) -> None:
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.terminate()
        waiting = [asyncio.create_task(process.wait()) for process in self._processes.values()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=STOP_S)
            for process in self._processes.values():
                if process.returncode is None:
                    process.kill()
            await asyncio.gather(*late)

    @contextmanager
    def _reservation(self) -> Iterator[list[str]]:
        """Hold the port, without listening on it; yields the addresses. Nobody else must have it."""
        held: list[socket.socket] = []
        addresses = []
        try:
            found = socket.getaddrinfo(
                self._config.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, kind, protocol, _, address in dict.fromkeys(found):
                with _bound(family, kind, protocol, (address[0], self.port)) as free:
                    self.port = free.getsockname()[1]
                held.append(_bound(family, kind, protocol, (address[0], self.port), shared=True))
                addresses.append(str(address[0]))
        except (OSError, OverflowError, UnicodeError) as reason:
            for each in held:
                each.close()
            raise listen_failed(self._config.host, self.port, reason) from reason
        try:
            yield addresses
        finally:
            for each in held:
                each.close()


def _bound(
    family: int, kind: int, protocol: int, address: tuple[str | int, int], *, shared: bool = False
) -> socket.socket:
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made
