"""A side's router, and the ways in which it stands between a host and the internet.

- ``open``: it only forwards; the host has a public address that everybody can reach.
- ``cone``: Linux's usual NAT (masquerade). The mapping is endpoint-independent: one public port for all
  destinations. The filter is address and port dependent: who was not written to is not let in. RFC 4787
  names these; older texts say port-restricted cone.
- ``symmetric``: a new, random public port for every destination, and the same filter.
- ``udp-blocked``: as ``cone`` for TCP; UDP vanishes in both directions.
- ``ipv6``: no IPv4 at all and no NAT; who was not written to is not let in.

What nobody asked for does not reach the router itself either: else it would take the mapping that the
answer to it needs, and no two cones would ever meet.
"""

from __future__ import annotations

from typing import Final

from tests.netlab.addresses import ANYWHERE, Kind, Plan, host
from tests.netlab.host import PORTS
from tests.netlab.namespaces import LaboratoryError, Namespace, run

LANS: Final = ("lan0", "lan1")
UPLINK: Final = "wan"

ROTATION: Final = 700
"""How far a rebinding moves each port; never back to itself within three."""

MEETS: Final[dict[Kind, set[Kind]]] = {
    "open": {"open", "cone", "symmetric"},
    "cone": {"open", "cone"},
    "symmetric": {"open"},
    "udp-blocked": set(),
    "ipv6": {"ipv6"},
}
"""Whom a side can reach without a relay."""

FILTER: Final = """table inet lab {{
    chain input {{
        type filter hook input priority filter;
        iifname "wan" meta l4proto {{ tcp, udp }} ct state != {{ established, related }} drop
    }}
    chain forward {{
        type filter hook forward priority filter;
        iifname "wan" ct state != {{ established, related }} drop
        {block}
    }}
}}
"""
NAT: Final = """table inet lab {{
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        {moved}
        oifname "wan" masquerade {random}
    }}
}}
"""


class Router:
    """One side's router; ``rebind`` is what it does to a call."""

    def __init__(self, namespace: Namespace, kind: Kind, plan: Plan) -> None:
        self.namespace = namespace
        self.kind = kind
        self._plan = plan
        self._rebindings = 0

    @property
    def public_address(self) -> str:
        """Its address on the internet, which is that of everybody behind its NAT."""
        return host(self._plan.uplink, 2)

    def configure(self) -> None:
        """Forward and filter; its interfaces must be there."""
        version = self._plan.version
        self.namespace.ip(f"route add {ANYWHERE[version]} via {host(self._plan.uplink, 1)}")
        forward(self.namespace, version)
        if self.kind != "open":
            block = "meta l4proto udp drop" if self.kind == "udp-blocked" else ""
            self.namespace.nft(FILTER.format(block=block))
        if self.is_nat:
            self.namespace.nft(self._nat())

    @property
    def is_nat(self) -> bool:
        """Whether addresses are translated here."""
        return self.kind not in {"open", "ipv6"}

    def rebind(self) -> None:
        """Forget the mappings of UDP: what is sent next gets other public ports. TCP goes on.

        Before the host has sent something nothing reaches it, as after the restart of a router.
        """
        assert self.is_nat, f"there is nothing to rebind: {self.kind}"
        self._rebindings += 1
        self.namespace.nft(f"delete chain inet lab postrouting\n{self._nat()}")
        try:
            run(self.namespace.command("conntrack", "-D", "-p", "udp"))
        except LaboratoryError as error:
            if "0 flow entries" not in str(error):  # which is a failure to conntrack
                raise

    def _nat(self) -> str:
        """The translation. Masquerading keeps the port; the port after a rebinding is another one."""
        moved, distance = "", self._rebindings * ROTATION % len(PORTS)
        if self.kind == "symmetric":
            return NAT.format(moved="", random="random,fully-random")
        if distance:
            ports = [*PORTS[distance:], *PORTS[:distance]]
            pairs = ", ".join(f"{old} : {new}" for old, new in zip(PORTS, ports, strict=True))
            moved = f'oifname "wan" meta l4proto udp masquerade to : udp sport map {{ {pairs} }}'
        return NAT.format(moved=moved, random="")


def forward(namespace: Namespace, version: int) -> None:
    """Make a machine a router of this version of IP."""
    namespace.configure("ipv4/ip_forward" if version == 4 else "ipv6/conf/all/forwarding", "1")
