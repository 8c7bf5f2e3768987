"""One run of `pycall call`: the studio, the driver and the renderer joined, and the user's wishes.

Whatever the user does, in the terminal, in the window or by a signal, arrives in
:meth:`Session.wish` or :meth:`Session.interrupt` and nowhere else.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import signal
from collections.abc import Callable

from pycall.cli.keys import watch_keys
from pycall.cli.render import Renderer
from pycall.cli.signals import on_ending
from pycall.client.driver import Driver
from pycall.client.peer import Outgoing, Peer
from pycall.client.signalling import SignallingClient
from pycall.config import CallConfig
from pycall.core import events
from pycall.core import inputs as i
from pycall.core.call import Call, CallTerms, Phase
from pycall.core.messages import IceServer, State
from pycall.core.names import clean_display_name
from pycall.errors import PycallError
from pycall.media.studio import Studio


class Session:
    """Runs one call from the opening of the devices to the closing of the recording."""

    def __init__(self, room: str, config: CallConfig, renderer: Renderer) -> None:
        self._room = room
        self._config = config
        self._renderer = renderer
        self._signal: signal.Signals | None = None
        self._opening: asyncio.Task[None] | None = None
        self._driver: Driver | None = None
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
            await self._open_studio()
            with watch_keys(self.wish):
                await self._call()
        except PycallError as error:
            self._show(events.Failed(error.code, error.message, error.hint))
            self._show(self._ended or events.Ended("error"))
            raise
        finally:
            await self.studio.close()
            self._renderer.close()
        return 0 if self._signal is None else 128 + self._signal

    async def _open_studio(self) -> None:
        self._opening = asyncio.create_task(self.studio.open())
        try:
            await self._opening
        except asyncio.CancelledError:
            if self._signal is None:
                raise

    async def _call(self) -> None:
        if self._signal is not None:
            return
        config = self._config
        terms = CallTerms(self._room, config.duration, config.wait, config.stay)
        self._driver = Driver(
            Call(terms),
            self._room,
            dial=lambda post: SignallingClient(config.server, own_name(config), post),
            open_peer=self._open_peer,
            announce=self._show,
            playout_s=lambda: self.studio.incoming.sound_delay_s,
        )
        outcome = await self._driver.run()
        await self.studio.finish()
        self._ended = outcome.ended
        if outcome.error is not None:
            raise outcome.error
        self._show(outcome.ended)

    def _open_peer(
        self, attempt: int, ice_servers: tuple[IceServer, ...], post: Callable[[i.Input], None]
    ) -> Peer:
        studio = self.studio
        return Peer(
            attempt,
            ice_servers=ice_servers,
            outgoing=Outgoing(studio.pictures, studio.sound),
            incoming=studio.incoming,
            post=post,
        )

    def _show(self, event: events.Event) -> None:
        """Everything that happens passes here: to the studio first, which marks and records."""
        self.studio.note(event)
        if isinstance(event, events.Recording):
            self._tell()
        self._renderer.show(event)

    def wish(self, key: str) -> None:
        """A key was pressed in the window or the terminal."""
        match key.lower():
            case "m":
                self.studio.muted = not self.studio.muted
                self._tell()
            case "v":
                self.studio.camera_off = not self.studio.camera_off
                self._tell()
            case "r" if self._driver is not None and self._driver.phase is Phase.CONNECTED:
                self.studio.toggle_recording()
            case "q" if self._driver is not None:
                self._driver.post(i.HungUp())
            case _:
                pass

    def interrupt(self, signum: signal.Signals) -> None:
        """A signal came: hang up; a second one ends the process at once."""
        if self._signal is not None:
            os._exit(128 + signum)
        self._signal = signum
        if self._driver is not None:
            self._driver.post(i.Interrupted())
        elif self._opening is not None:
            self._opening.cancel()

    def _tell(self) -> None:
        if self._driver is not None:
            studio = self.studio
            self._driver.tell(State(studio.muted, studio.camera_off, studio.recording))


def own_name(config: CallConfig) -> str:
    """The name the other side sees: what was configured, else the login name."""
    if config.name:
        return config.name
    try:
        return clean_display_name(getpass.getuser())
    except (OSError, KeyError, ImportError):  # no entry for this user
        return ""
