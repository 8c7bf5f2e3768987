"""A host on which somebody calls, and what happens to its way into the network."""

from __future__ import annotations

import os
from typing import Final, Literal, TypeAlias

from tests.netlab.addresses import ANYWHERE, Network, Plan, host, with_prefix
from tests.netlab.namespaces import Namespace

Interface: TypeAlias = Literal["wlan0", "eth0"]
INTERFACES: Final[tuple[Interface, Interface]] = ("wlan0", "eth0")

PORTS: Final = range(40_000, 42_000)
"""What the laboratory's hosts take for sockets that ask for no port of their own."""

FIRST_NUMBER: Final = 2
DEAD: Final = "vpn0"


class Host:
    """Begins with ``wlan0`` up and ``eth0`` down; each is on a network of its own, behind one router."""

    def __init__(self, namespace: Namespace, plan: Plan) -> None:
        self.namespace = namespace
        self._plan = plan
        self._number = FIRST_NUMBER
        self._interface: Interface = "wlan0"
        self._dead: int | None = None

    @property
    def address(self) -> str:
        """Its address now; while it is disconnected, the one it would get back."""
        return host(self._lan, self._number)

    def change_address(self) -> None:
        """Give the interface another address of the same network; the old one is gone at once."""
        old = with_prefix(self._lan, self._number)
        self.namespace.ip(f"addr del {old} dev {self._interface}")
        self._number += 1
        self._give_address()

    def disconnect(self) -> None:
        """Take the interface away: the host has no network until it connects again."""
        self.namespace.ip(f"addr flush dev {self._interface}", f"link set dev {self._interface} down")

    def connect(self, interface: Interface) -> None:
        """Bring an interface up, with an address, and send everything through it."""
        self._interface = interface
        self.namespace.ip(f"link set dev {interface} up")
        self._give_address()

    def switch_to(self, interface: Interface) -> None:
        """From Wi-Fi to cable, or back: the one interface goes and the other comes."""
        self.disconnect()
        self.connect(interface)

    def add_dead_interface(self) -> None:
        """Add ``vpn0``, with an address whose packets vanish, as when a VPN has lost its other end."""
        address = host(self._plan.dead, FIRST_NUMBER)
        self._dead = self.namespace.open_tun(DEAD)
        self.namespace.ip(
            f"addr add {with_prefix(self._plan.dead, FIRST_NUMBER)} dev {DEAD}",
            f"link set dev {DEAD} up",
            f"route add {ANYWHERE[self._plan.version]} dev {DEAD} table 99",
            f"rule add from {address} lookup 99",
            version=self._plan.version,
        )

    def configure(self) -> None:
        """Connect for the first time; its interfaces must be there."""
        self.namespace.configure("ipv4/ip_local_port_range", f"{PORTS[0]} {PORTS[-1]}")
        self.connect("wlan0")

    def close(self) -> None:
        """Let go of the dead interface."""
        if self._dead is not None:
            os.close(self._dead)
            self._dead = None

    @property
    def _lan(self) -> Network:
        return self._plan.lans[INTERFACES.index(self._interface)]

    def _give_address(self) -> None:
        self.namespace.ip(
            f"addr add {with_prefix(self._lan, self._number)} dev {self._interface}",
            f"route replace {ANYWHERE[self._plan.version]} via {host(self._lan, 1)}",
        )
