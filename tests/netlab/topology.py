"""The laboratory's machines and what lies between them.

::

    host a == router a ##link## internet == router b == host b
                                   |
                                 public: pycall serve, coturn

Each is a network namespace; ``==`` is a cable, ``##`` the emulated link. None leads out of here. The
internet answers nothing about addresses nobody has: what is sent there vanishes.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.netlab.addresses import (
    ANYWHERE,
    BLACK_HOLE,
    PUBLIC,
    SECOND,
    SERVER,
    Kind,
    Plan,
    host,
    plan,
    with_prefix,
)
from tests.netlab.host import INTERFACES, Host
from tests.netlab.link import Link, running_link
from tests.netlab.namespaces import Namespace, namespaces
from tests.netlab.router import LANS, UPLINK, Router, forward
from tests.rig import wait_until

PARTS: Final = ("a", "router-a", "internet", "router-b", "b", "public")
QUEUE: Final = 2000
"""Packets a TUN device holds for the emulator: more than it would ever let wait."""


@dataclass(frozen=True)
class Topology:
    """What was built."""

    version: int
    a: Host
    nat_a: Router
    link: Link
    internet: Namespace
    nat_b: Router
    b: Host
    public: Namespace


@contextlib.contextmanager
def topology(a: Kind, b: Kind) -> Iterator[Topology]:
    """Build everything, and remove it at the end with whatever still runs in it."""
    plan_a, plan_b = plan("a", a), plan("b", b)
    version = plan_a.version
    if plan_b.version != version:
        raise ValueError("a side that has only IPv6 needs another such side")
    with contextlib.ExitStack() as stack:
        spaces = stack.enter_context(namespaces(*PARTS))
        for each in spaces:
            _prepare(each, version)
        space_a, space_router_a, internet, space_router_b, space_b, public = spaces
        host_a, router_a = Host(space_a, plan_a), Router(space_router_a, a, plan_a)
        host_b, router_b = Host(space_b, plan_b), Router(space_router_b, b, plan_b)
        stack.callback(host_a.close)
        stack.callback(host_b.close)
        _open_public_place(public, internet, version)
        link = stack.enter_context(running_link(space_router_a.open_tun(UPLINK), internet.open_tun("side-a")))
        _lay_cable(space_router_b, UPLINK, internet, "side-b")
        for name, one, router, its_plan in (
            ("side-a", host_a, router_a, plan_a),
            ("side-b", host_b, router_b, plan_b),
        ):
            _connect(internet, name, router, its_plan)
            _furnish(one, router, its_plan)
        for one in (host_a, host_b):
            wait_until(lambda one=one: _reaches(one, SERVER[version]))  # type: ignore[misc]
        yield Topology(version, host_a, router_a, link, internet, router_b, host_b, public)


def _prepare(machine: Namespace, version: int) -> None:
    """Where calls go by IPv4 there is no IPv6; else its addresses can be used at once."""
    for devices in ("all", "default"):
        if version == 4:
            machine.configure(f"ipv6/conf/{devices}/disable_ipv6", "1")
        else:
            machine.configure(f"ipv6/conf/{devices}/accept_dad", "0")


def _open_public_place(public: Namespace, internet: Namespace, version: int) -> None:
    network = PUBLIC[version]
    _lay_cable(public, "eth0", internet, "public")
    public.ip(
        *(f"addr add {each}/{network.prefixlen} dev eth0" for each in (SERVER[version], SECOND[version])),
        "link set dev eth0 up",
        f"route add {ANYWHERE[version]} via {host(network, 1)}",
    )
    internet.ip(
        f"addr add {with_prefix(network, 1)} dev public",
        "link set dev public up",
        f"route add blackhole {BLACK_HOLE[version]}",
        f"route add blackhole {ANYWHERE[version]}",
    )
    forward(internet, version)


def _connect(internet: Namespace, device: str, router: Router, its_plan: Plan) -> None:
    """Bring up both ends of a side's way out; without a NAT, the internet knows the way back too."""
    router.namespace.ip(
        f"addr add {with_prefix(its_plan.uplink, 2)} dev {UPLINK}",
        f"link set dev {UPLINK} txqueuelen {QUEUE} up",
    )
    lans = () if router.is_nat else its_plan.lans
    internet.ip(
        f"addr add {with_prefix(its_plan.uplink, 1)} dev {device}",
        f"link set dev {device} txqueuelen {QUEUE} up",
        *(f"route add {lan} via {host(its_plan.uplink, 2)}" for lan in lans),
    )


def _furnish(one: Host, router: Router, its_plan: Plan) -> None:
    """Give the side's host its two networks, of which it takes the first."""
    for interface, lan, network in zip(INTERFACES, LANS, its_plan.lans, strict=True):
        _lay_cable(one.namespace, interface, router.namespace, lan)
        router.namespace.ip(f"addr add {with_prefix(network, 1)} dev {lan}", f"link set dev {lan} up")
    router.configure()
    one.configure()


def _reaches(one: Host, address: str) -> bool:
    """Whether an answer comes, if only a refusal; over IPv6 it takes a second until neighbours are known."""
    try:
        with one.namespace.inside():
            socket.create_connection((address, 9), timeout=3).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def _lay_cable(near: Namespace, device: str, far: Namespace, its_device: str) -> None:
    near.ip(f"link add {device} type veth peer name {its_device} netns {far.name}")
