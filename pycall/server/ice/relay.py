"""The TURN server beside ours: an installed coturn, started, watched, restarted and ended with us.

It is never running without us: a shell between us and it waits for the end of a pipe that only we hold,
which closes however our process ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path
from typing import Final

from pycall.core.names import terminal_safe
from pycall.errors import ConfigError, ListenFailed
from pycall.server.ice.coturn import RelaySettings, configuration, options_of
from pycall.server.ice.iceservers import Turn
from pycall.server.monitoring.logs import tell

PROGRAM: Final = "turnserver"
HELP_S: Final = 10.0
START_S: Final = 15.0
STOP_S: Final = 3.0
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
STEADY_S: Final = 60.0
"""Who ran this long begins again with the shortest pause."""

SAID_BYTES: Final = 4000

UNPRIVILEGED: Final = (("turnserver", "turnserver"), ("nobody", "nogroup"), ("nobody", "nobody"))
"""Who runs it when we are root: the user and group of Debian's package, or those every system has."""

GUARD: Final = """
trap : HUP INT TERM
folder=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- &
turn=$!
exec >/dev/null 2>&1
{ read -r _ <&3; kill "$turn"; } &
watch=$!
exec 3<&-
wait "$turn"; code=$?
while kill -0 "$turn"; do wait "$turn"; code=$?; done
kill "$watch"
rm -rf -- "$folder"
exit "$code"
"""
"""Runs a program until it ends or standard input does, and then removes its folder. For any POSIX shell."""

log = logging.getLogger(__name__)


class Relay:
    """One coturn with a secret of its own."""

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings
        self._secret = secrets.token_urlsafe(32)
        self._program = ""
        self._options: frozenset[str] = frozenset()
        self._run: _Run | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def turn(self) -> Turn:
        """What members are told of it."""
        return Turn(self._settings.urls, self._secret)

    async def start(self) -> None:
        """Run it; returns when clients can connect.

        Raises:
            ConfigError: coturn is not installed.
            ListenFailed: it does not run, or a port is in use.
        """
        program = shutil.which(PROGRAM)
        if program is None:
            raise ConfigError(
                "--turn needs coturn, which is not installed: there is no program `turnserver`.",
                "On Debian: apt install coturn. Or name a TURN server elsewhere with --turn-url.",
            )
        self._program = program
        self._options = options_of(await _help_of(program))
        self._check_ports()
        self._run = await self._launched()
        self._supervisor = asyncio.create_task(self._supervise(self._run), name="pycall-turn")
        self._supervisor.add_done_callback(_log_bug)

    async def stop(self) -> None:
        """End it; takes a fraction of a second, three at most."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait({self._supervisor})  # whatever it ended by: what runs is ended next
            self._supervisor = None
        if self._run is not None:
            await self._run.end()
            self._run = None

    async def _supervise(self, run: _Run) -> None:
        """Start it again whenever it ends, each time after a longer pause if it does not last."""
        pause = FIRST_PAUSE_S
        while True:
            code = await run.ended()
            if run.age_s > STEADY_S:
                pause = FIRST_PAUSE_S
            tell(
                *(log, logging.WARNING, "relay-ended"),
                "the TURN server ended (exit code %(code)s), starting it again in %(pause_s)g s",
                code=code,
                pause_s=pause,
            )
            run, pause = await self._relaunched(pause)
            tell(log, logging.WARNING, "relay-started", "the TURN server runs again")

    async def _relaunched(self, pause: float) -> tuple[_Run, float]:
        """Try until it runs; says once why it does not. Also returns the pause to begin with next time."""
        level = logging.WARNING
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
            try:
                self._run = await self._launched()
            except (ListenFailed, OSError) as error:
                sentence = "%(why)s (trying again in %(pause_s)g s)"
                tell(log, level, "relay-failed", sentence, why=str(error), pause_s=pause)
                level = logging.DEBUG
            else:
                return self._run, pause

    async def _launched(self) -> _Run:
        folder = Path(tempfile.mkdtemp(prefix="pycall-turn-"))
        try:
            process = await asyncio.create_subprocess_exec(
                *("/bin/sh", "-c", GUARD, PROGRAM, str(folder), *self._prepared(folder)),
                cwd=folder,
                start_new_session=True,  # Ctrl-C in a terminal is for us
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise ListenFailed(f"The TURN server cannot be started: {error.strerror or error}.") from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        run = _Run(process)
        try:
            await self._until_it_listens(run)
        except BaseException:
            await run.end()
            raise
        return run

    def _prepared(self, folder: Path) -> list[str]:
        """Write what it is to know; nothing of it stands on its command line, which anybody can read.

        The folder stays ours: in one of somebody else's we could be made to write anywhere.
        """
        folder.chmod(0o711)
        its_own = folder / "run"
        its_own.mkdir(mode=0o700)
        text = configuration(
            self._settings,
            secret=self._secret,
            folder=its_own,
            known=self._options,
            owner=_given_away(its_own),
        )
        path = folder / "turnserver.conf"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as writing:
            writing.write(text)
        return [self._program, "-c", str(path)]

    async def _until_it_listens(self, run: _Run) -> None:
        deadline = time.monotonic() + START_S
        while not await _accepts(self._settings.addresses[0], self._settings.port):
            if run.has_ended or time.monotonic() > deadline:
                await run.end()  # only then all that it said is here
                raise ListenFailed(
                    f"The TURN server did not start: {run.last_words() or 'it said nothing'}",
                    "Another release of coturn may help, or run it by itself and name it with --turn-url.",
                )
            await asyncio.sleep(0.05)

    def _check_ports(self) -> None:
        """Say which port is in use: coturn itself would try for a long time, or answer for somebody else."""
        wanted = [(self._settings.port, socket.SOCK_DGRAM), (self._settings.port, socket.SOCK_STREAM)]
        if self._settings.certificate:
            wanted.append((self._settings.tls_port, socket.SOCK_STREAM))
        for address in self._settings.addresses:
            for port, kind in wanted:
                try:
                    _bind(address, port, kind)
                except OSError as error:
                    raise ListenFailed(
                        f"The TURN server cannot listen on {address} port {port}: {error.strerror}.",
                        "If coturn runs as a service of its own: systemctl disable --now coturn. "
                        "Or choose another --turn-port.",
                    ) from error


class _Run:
    """One process of it, from its start to its end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._began = time.monotonic()
        self._said = b""
        self._listener = asyncio.create_task(self._listen(), name="pycall-turn-output")

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._began

    async def ended(self) -> int:
        """Wait for its end; the exit code, as a shell gives it."""
        code = await self._process.wait()
        await self._listener
        return code

    async def end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self.ended(), STOP_S)
        except TimeoutError:
            _kill(self._process)
            await self.ended()

    def last_words(self) -> str:
        """The last line it wrote."""
        lines = [line.strip() for line in self._said.decode(errors="replace").splitlines() if line.strip()]
        return terminal_safe(lines[-1]) if lines else ""

    async def _listen(self) -> None:
        """Let it never wait for us. What it says is about strangers, so only its end is kept."""
        output = self._process.stdout
        while output is not None and (chunk := await output.read(SAID_BYTES)):
            self._said = (self._said + chunk)[-SAID_BYTES:]


def _log_bug(supervisor: asyncio.Task[None]) -> None:
    if not supervisor.cancelled() and (bug := supervisor.exception()) is not None:
        tell(log, logging.ERROR, "bug", "the TURN server is not watched any more", error=bug)


def _given_away(folder: Path) -> tuple[str, str] | None:
    """The user and group that a folder belongs to now; ``None`` if it still is ours."""
    if os.geteuid() == 0:
        for user, group in UNPRIVILEGED:
            with contextlib.suppress(LookupError):
                shutil.chown(folder, user, group)
                return user, group
    return None


async def _help_of(program: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(program, "-h"),
        start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), HELP_S)
    except TimeoutError as error:
        raise ListenFailed(
            "`turnserver -h` does not end.", "Is this coturn? See `which turnserver`."
        ) from error
    finally:
        if process.returncode is None:
            _kill(process)
            await process.wait()
    return output.decode(errors="replace")


def _kill(process: asyncio.subprocess.Process) -> None:
    """End it with all that it started in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _accepts(address: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _bind(address: str, port: int, kind: socket.SocketKind) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))
