"""Notices that the network under a call is another than before: long before silence would tell."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ifaddr

from pycall.client.guards import without_bridges

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.4

SLEPT_S: Final = 2.0
"""A gap beyond this is no delay of ours: the computer slept, or this program was stopped."""

_NO_LINK: Final = {"down", "dormant", "lowerlayerdown", "notpresent"}


@dataclass(frozen=True, slots=True)
class Change:
    """Usable addresses came, or these are ``gone``; or the computer ``slept``."""

    gone: frozenset[str]
    slept: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What there was at one moment: usable addresses, and two clocks in seconds."""

    addresses: frozenset[str]
    monotonic: float
    sleepless: float
    """Goes on while the computer sleeps."""

    def change_since(self, before: Look) -> Change | None:
        """What happened since, if anything.

        The monotonic clock stands still during sleep, and the other one gets ahead of it; or, on some
        systems, it runs on as well.
        """
        passed_s = self.monotonic - before.monotonic
        asleep_s = self.sleepless - before.sleepless - passed_s
        slept = asleep_s > SLEPT_S or passed_s > LOOK_EVERY_S + SLEPT_S
        if not slept and self.addresses == before.addresses:
            return None
        return Change(before.addresses - self.addresses, slept)


class NetworkWatch:
    """Calls ``changed`` within half a second of each change, and after each sleep."""

    def __init__(self, changed: Callable[[Change], None]) -> None:
        self._changed = changed
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch, in the running event loop."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="pycall-network")
            self._watching.add_done_callback(_done)

    async def close(self) -> None:
        """Watch no more; may be called again, and without :meth:`start`."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None

    async def _watch(self) -> None:
        before: Look | None = None
        while True:
            with suppress(OSError):  # the system could not list them: ask again
                now = await asyncio.to_thread(_look)
                if before is not None and (change := now.change_since(before)) is not None:
                    self._changed(change)
                before = now
            await asyncio.sleep(LOOK_EVERY_S)


def usable_addresses(adapters: Iterable[ifaddr.Adapter]) -> frozenset[str]:
    """Those that packets to elsewhere could leave by: not of bridges, and of no dead link."""
    adapters = list(adapters)
    found = [
        ip.ip if isinstance(ip.ip, str) else ip.ip[0]
        for adapter in adapters
        if _may_have_link(adapter.name)
        for ip in adapter.ips
    ]
    reaching = [address for address in found if _reaches_far(address)]
    return frozenset(without_bridges(reaching, adapters))


def _done(watching: asyncio.Task[None]) -> None:
    if not watching.cancelled() and (error := watching.exception()) is not None:
        logger.error("%s broke.", watching.get_name(), exc_info=error)


def _look() -> Look:
    return Look(usable_addresses(ifaddr.get_adapters()), time.monotonic(), _sleepless())


def _sleepless() -> float:
    """On Linux a clock that nobody can set; where there is none, setting the clock on looks like sleep."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time()  # noqa: TID251  compared with the monotonic clock, to notice sleep


def _reaches_far(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)


def _may_have_link(interface: str) -> bool:
    """False when Linux says that an interface leads nowhere; its IPv4 addresses stay then."""
    try:
        state = Path("/sys/class/net", interface, "operstate").read_text(encoding="ascii")
    except (OSError, ValueError):  # another system
        return True
    return state.strip() not in _NO_LINK
