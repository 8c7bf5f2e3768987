"""Notices that the network under a call is another than before: long before silence would tell."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ifaddr

from pycall.client.guards import without_bridges
from pycall.core import inputs

LOOK_EVERY_S: Final = 0.4

SLEPT_S: Final = 2.0
"""A jump of the clocks beyond this is no delay of ours: the computer slept, or this program was stopped."""

_NO_LINK: Final = {"down", "dormant", "lowerlayerdown", "notpresent"}


@dataclass(frozen=True, slots=True)
class Look:
    """What there was at one moment: usable addresses, and the two clocks in seconds."""

    addresses: frozenset[str]
    monotonic: float
    wall: float

    def change_since(self, before: Look) -> inputs.NetworkChanged | None:
        """What happened since, if anything.

        The monotonic clock stands still during sleep, or, on some systems, runs on; so the wall clock
        jumps against it, or it jumps itself. Somebody who sets the clock looks like the former.
        """
        passed_s = self.monotonic - before.monotonic
        slept = abs(self.wall - before.wall - passed_s) > SLEPT_S or passed_s > LOOK_EVERY_S + SLEPT_S
        if not slept and self.addresses == before.addresses:
            return None
        return inputs.NetworkChanged(lost=slept or not before.addresses <= self.addresses)


class NetworkWatch:
    """Posts :class:`~pycall.core.inputs.NetworkChanged` within half a second of each change.

    That is a usable address that came or went, or the end of a sleep.
    """

    def __init__(self, post: Callable[[inputs.NetworkChanged], None]) -> None:
        self._post = post
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch, in the running event loop."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="pycall-network")

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
                    self._post(change)
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


def _look() -> Look:
    addresses = usable_addresses(ifaddr.get_adapters())
    wall = time.time()  # noqa: TID251  compared with the monotonic clock, to notice sleep
    return Look(addresses, time.monotonic(), wall)


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
