"""A call with oneself: two ends in this process, through the real server, as `pycall call` would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import av

from pycall.client.doctor.server import throwaway_room
from pycall.client.driver import Driver, Outcome
from pycall.client.peer import Outgoing, Peer
from pycall.client.signalling import SignallingClient
from pycall.client.tracks import SoundPacket
from pycall.codecs.packets import Samples
from pycall.core import events
from pycall.core import inputs as i
from pycall.core.call import Call
from pycall.core.credentials import NONE, Credentials
from pycall.core.findings import Check, Figure, Finding
from pycall.core.messages import IceServer
from pycall.core.terms import CallTerms

CALL_S: Final = 6.0
"""Until sound and picture have arrived at both ends; what works takes a second."""

END_S: Final = 3.0
WANTED: Final = {"audio", "video"}


class _Nobody:
    """Takes what is received and does nothing with it."""

    def picture(self, frame: av.VideoFrame, arrival: float, captured_at: float | None) -> None:
        """A picture came."""

    def packet(self, packet: SoundPacket) -> None:
        """Sound came."""

    def sound(self, samples: Samples, timestamp: int, arrival: float) -> None:
        """Decoded sound came."""


@dataclass
class _End:
    """What one end tells of the call; ``told`` is called after each event."""

    told: Callable[[], None]
    met: float | None = None
    """When the other one was there, and when media of each kind first came; monotonic seconds."""
    came: dict[str, float] = field(default_factory=dict)
    path: events.Connected | None = None

    def announce(self, event: events.Event) -> None:
        match event:
            case events.PeerJoined():
                self.met = time.monotonic()
            case events.Connected():
                self.path = event
            case events.FirstFrame(kind):
                self.came.setdefault(kind, time.monotonic())
            case _:
                pass
        self.told()

    @property
    def missing(self) -> set[str]:
        return WANTED - self.came.keys()


class SelfCall:
    """One call with oneself; ``relay_only`` through a relay on both sides.

    ``outgoing`` is what both ends send: something that moves, and can be heard.
    """

    def __init__(
        self,
        url: str,
        *,
        cert_sha256: str = "",
        credentials: Credentials = NONE,
        ice_servers: tuple[IceServer, ...] = (),
        relay_only: bool = False,
        outgoing: Outgoing,
    ) -> None:
        self._url = url
        self._cert_sha256 = cert_sha256
        self._credentials = credentials
        self._ice_servers = ice_servers
        self._relay_only = relay_only
        self._outgoing = outgoing
        self._room = throwaway_room()
        self._stirred = asyncio.Event()

    async def run(self) -> Finding:
        """The finding ``self-call`` or ``relayed self-call``; takes at most 9 s."""
        ends = [_End(self._stirred.set), _End(self._stirred.set)]
        drivers = [self._driver(end, name) for end, name in zip(ends, ("One", "Other"), strict=True)]
        running = [asyncio.create_task(driver.run(), name="pycall-self-call") for driver in drivers]
        for task in running:
            task.add_done_callback(lambda _: self._stirred.set())
        try:
            async with asyncio.timeout(CALL_S):
                while any(end.missing for end in ends) and not any(task.done() for task in running):
                    await self._stirred.wait()
                    self._stirred.clear()
        except TimeoutError:
            pass
        finally:
            for driver in drivers:
                driver.post(i.HungUp())
            await asyncio.wait(running, timeout=END_S)
            for task in running:
                task.cancel()
            outcomes = await asyncio.gather(*running, return_exceptions=True)
        return self._finding(ends, [each for each in outcomes if isinstance(each, Outcome)])

    def _driver(self, end: _End, name: str) -> Driver:
        return Driver(
            Call(CallTerms(self._room, wait_s=CALL_S)),
            self._room,
            dial=lambda post: SignallingClient(
                self._url, name, post, cert_sha256=self._cert_sha256, credentials=self._credentials
            ),
            open_peer=self._open_peer,
            announce=end.announce,
            playout_s=lambda: 0.0,
        )

    def _open_peer(
        self, attempt: int, ice_servers: tuple[IceServer, ...], post: Callable[[i.Input], None]
    ) -> Peer:
        return Peer(
            attempt,
            ice_servers=(*self._ice_servers, *ice_servers),
            relay_only=self._relay_only,
            outgoing=self._outgoing,
            incoming=_Nobody(),
            post=post,
        )

    def _finding(self, ends: list[_End], outcomes: list[Outcome]) -> Finding:
        check: Check = "relayed self-call" if self._relay_only else "self-call"
        missing = set[str]().union(*(end.missing for end in ends))
        path = next((end.path for end in ends if end.path is not None), None)
        if missing:
            return self._trouble(check, missing, path, outcomes)
        first = max(end.came["video"] - end.met for end in ends if end.met is not None)
        figures: dict[str, Figure] = {"first_frame_s": round(first, 2)}
        way = ""
        if path is not None:
            figures |= {"path": path.path, "protocol": path.protocol}
            way = f" through the relay over {path.protocol.upper()}" if path.path == "relay" else ""
        found = f"Two ends in this program hear and see each other{way}, {first:.2f} s after they met."
        return Finding(check, "ok", found, figures=figures)

    def _trouble(
        self, check: Check, missing: set[str], path: events.Connected | None, outcomes: list[Outcome]
    ) -> Finding:
        error = next((each.error for each in outcomes if each.error is not None), None)
        if error is not None:
            advice = error.hint if "doctor" not in error.hint else ""
            return Finding(
                check, "failed", error.message, advice=advice or "Look at the failed checks above."
            )
        if path is None:
            found = f"Two ends in this program do not connect within {CALL_S:g} s."
            cause = "A firewall on this computer keeps programs from talking by UDP."
            if self._relay_only:
                cause = "The relay does not send to itself, or its relay ports are blocked."
            return Finding(check, "failed", found, "", cause, "Look at the failed checks above.")
        kinds = " and ".join({"audio": "sound", "video": "picture"}[kind] for kind in sorted(missing))
        found = f"Two ends in this program connect, but no {kinds} arrives within {CALL_S:g} s."
        return Finding(
            check, "failed", found, "", "This computer is overloaded.", "End other programs, and try again."
        )
