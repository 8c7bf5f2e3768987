"""One run of `pycall call`: the studio, the driver and the renderer joined, and the user's wishes.

Whatever the user does, in the terminal, in the window or by a signal, arrives in
:meth:`Session.wish` or :meth:`Session.interrupt` and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

from pycall.cli.keys import Keys, watch_keys
from pycall.cli.render import Renderer
from pycall.cli.signals import on_ending
from pycall.client.driver import Driver
from pycall.client.handover import Handover
from pycall.client.identity import Identity
from pycall.client.network import NetworkWatch
from pycall.client.peer import Outgoing, Peer
from pycall.client.signalling import SignallingClient
from pycall.config import CallConfig
from pycall.core import events
from pycall.core import inputs as i
from pycall.core.call import Call, Phase
from pycall.core.credentials import ASKING_FOR_A_PASSWORD, NONE, Credentials
from pycall.core.messages import IceServer, State
from pycall.core.names import clean_display_name
from pycall.core.terms import CallTerms
from pycall.errors import JoinRefused, PycallError
from pycall.media.studio import Studio

_CHANGES: Final = {
    "muted": "You are muted; m ends it.",
    "unmuted": "You can be heard again.",
    "camera-off": "Your camera is off; v turns it on.",
    "camera-on": "You can be seen again.",
}
"""The notices of one's own switches, and what they say."""


class Session:
    """Runs one call from the opening of the devices to the closing of the recording."""

    def __init__(
        self,
        room: str,
        config: CallConfig,
        renderer: Renderer,
        credentials: Credentials = NONE,
        *,
        can_retry: bool = False,
    ) -> None:
        """With ``can_retry`` a refusal that another password may undo is not shown, only raised."""
        self._room = room
        self._credentials = credentials
        self._can_retry = can_retry
        self._config = config
        self._renderer = renderer
        self._signal: signal.Signals | None = None
        self._opening: asyncio.Task[None] | None = None
        self._keys: Keys | None = None
        self._driver: Driver | None = None
        self._handover = Handover()
        self._identity = Identity()
        self._ended: events.Ended | None = None
        self.studio = Studio(
            config,
            room,
            own_name=own_name(config),
            show=self._show,
            wish=self.wish,
        )

    async def run(self) -> int:
        """Call; returns the exit code, or raises what the call ended with.

        Raises:
            PycallError: nothing could be opened, nobody reached, or the call failed.
        """
        on_ending(self.interrupt)
        try:
            await self._open_and_call()
        except PycallError as error:
            if self._can_retry and isinstance(error, JoinRefused) and error.refusal in ASKING_FOR_A_PASSWORD:
                raise
            self._show(events.Failed(error.code, error.message, error.hint))
            self._show(self._ended or events.Ended("error"))
            raise
        else:
            self._show(self._ended or events.Ended("interrupted"))
        finally:
            self._give_terminal_back()
        return 0 if self._signal is None else 128 + self._signal

    async def _open_and_call(self) -> None:
        try:
            await self._open_studio()
            if self._signal is None:
                self._keys = watch_keys(self.wish)
                await self._call()
        finally:
            await self.studio.close()

    async def _open_studio(self) -> None:
        self._opening = asyncio.create_task(self.studio.open())
        try:
            await self._opening
        except asyncio.CancelledError:
            if self._signal is None:
                raise

    async def _call(self) -> None:
        config = self._config
        terms = CallTerms(self._room, config.duration, config.wait, config.stay, config.reconnect)
        self._driver = Driver(
            Call(terms),
            self._room,
            dial=lambda post: SignallingClient(
                config.server,
                own_name(config),
                post,
                cert_sha256=config.cert_sha256,
                credentials=self._credentials,
            ),
            open_peer=self._open_peer,
            announce=self._show,
            playout_s=lambda: self.studio.incoming.sound_delay_s,
            delays=self.studio.incoming.delays if config.latency_trace else None,
        )
        network = NetworkWatch(self._driver.network_changed)
        network.start()
        try:
            outcome = await self._driver.run()
        finally:
            await network.close()
        await self.studio.finish()
        self._ended = outcome.ended
        if outcome.error is not None:
            raise outcome.error

    def _open_peer(
        self, attempt: int, ice_servers: tuple[IceServer, ...], post: Callable[[i.Input], None]
    ) -> Peer:
        studio, config = self.studio, self._config
        return Peer(
            attempt,
            ice_servers=(*own_ice_servers(config), *ice_servers),
            relay_only=config.relay_only,
            outgoing=Outgoing(studio.pictures, studio.sound, config.fps),
            incoming=studio.incoming,
            post=post,
            handover=self._handover,
            identity=self._identity,
        )

    def _show(self, event: events.Event) -> None:
        """Everything that happens passes here: to the studio first, which marks and records."""
        self.studio.note(event)
        if isinstance(event, events.Recording):
            self._tell()
        try:
            self._renderer.show(event)
        except OSError:  # whoever read it is gone, and with them who wanted the call
            _close_stdout()
            if self._signal is None:
                self.interrupt(signal.SIGTERM)

    def wish(self, key: str) -> None:
        """A key was pressed in the window or the terminal."""
        studio = self.studio
        match key.lower():
            case "m":
                studio.muted = not studio.muted
                self._changed("muted" if studio.muted else "unmuted")
            case "v":
                studio.camera_off = not studio.camera_off
                self._changed("camera-off" if studio.camera_off else "camera-on")
            case "r" if self._driver is not None and self._driver.phase is Phase.CONNECTED:
                studio.toggle_recording()
            case "q" if self._driver is not None:
                self._driver.post(i.HungUp())
            case _:
                pass

    def interrupt(self, signum: signal.Signals) -> None:
        """A signal came: hang up; a second one ends the process at once."""
        if self._signal is not None:
            self._give_terminal_back()
            os._exit(128 + signum)
        self._signal = signum
        if self._driver is not None:
            self._driver.post(i.Interrupted())
        elif self._opening is not None:
            self._opening.cancel()

    def _give_terminal_back(self) -> None:
        if self._keys is not None:
            self._keys.close()
        with contextlib.suppress(OSError):
            self._renderer.close()

    def _changed(self, now: str) -> None:
        """Say what is sent from now on, here and to the other side."""
        self._show(events.Notice(now, _CHANGES[now]))
        self._tell()

    def _tell(self) -> None:
        if self._driver is not None:
            studio = self.studio
            self._driver.tell(State(studio.muted, studio.camera_off, studio.recording))


def _close_stdout() -> None:
    """Let everything still written there vanish: the interpreter, too, flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def own_ice_servers(config: CallConfig) -> tuple[IceServer, ...]:
    """The STUN and TURN servers that were configured here; user name and password are for the latter."""
    stun = tuple(url for url in config.ice_server if url.startswith("stun:"))
    turn = tuple(url for url in config.ice_server if not url.startswith("stun:"))
    servers = (IceServer(stun), IceServer(turn, config.turn_username, config.turn_credential))
    return tuple(server for server in servers if server.urls)


def own_name(config: CallConfig) -> str:
    """The name the other side sees: what was configured, else the login name."""
    if config.name:
        return config.name
    try:
        return clean_display_name(getpass.getuser())
    except (OSError, KeyError, ImportError):  # no entry for this user
        return ""
