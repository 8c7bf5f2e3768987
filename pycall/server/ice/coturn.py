"""The configuration of a TURN server (coturn) as strangers may use it: a relay between callers, no way in.

Every name is an option of coturn 4.5 and later; `turnserver -h` of the installed release says which it
knows, and only those are written.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pycall.server.ice.iceservers import HERE, LOOPBACK

PORT: Final = 3478
TLS_PORT: Final = 5349
RELAY_PORTS: Final = (61000, 65535)
"""Above the ports which systems give to programs that do not care: on each of these is a relay or nothing."""

REALM: Final = "pycall"
USER_QUOTA: Final = 40
"""Allocations of one member: over UDP, TCP and TLS on each of its interfaces, and those of connections it
lost, which last until their lifetime is over."""
TOTAL_QUOTA: Final = 4000
MOST_BYTES_PER_S: Final = 1_250_000
LIFETIME_S: Final = 600
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"

FORBIDDEN: Final = (
    # this network, private, shared (RFC 6598), loopback, link-local
    "0.0.0.0-0.255.255.255", "10.0.0.0-10.255.255.255", "100.64.0.0-100.127.255.255",
    "127.0.0.0-127.255.255.255", "169.254.0.0-169.254.255.255", "172.16.0.0-172.31.255.255",
    # protocol assignments, 6to4 relays, private, benchmarks, multicast, reserved and broadcast
    "192.0.0.0-192.0.0.255", "192.88.99.0-192.88.99.255", "192.168.0.0-192.168.255.255",
    "198.18.0.0-198.19.255.255", "224.0.0.0-255.255.255.255",
    # loopback and IPv4-compatible (to coturn `::` as a bound would be everything); mapped; translated IPv4
    "::1-::ffff:ffff", "::ffff:0:0-::ffff:ffff:ffff", "::ffff:0:0:0-::ffff:0:ffff:ffff",
    # NAT64 (well-known and local), discard-only, Teredo, 6to4
    "64:ff9b::-64:ff9b::ffff:ffff", "64:ff9b:1::-64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
    "100::-100::ffff:ffff:ffff:ffff",
    "2001::-2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "2002::-2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    # unique local, link-local and site-local, multicast
    "fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "ff00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
)  # fmt: skip
"""To whom nothing is relayed: the insides of networks, and what leads there by another name (RFC 6890)."""


OFF: Final = (
    "no-cli", "no-dtls", "no-tcp-relay", "no-rfc5780", "no-stun-backward-compatibility",
    "no-software-attribute", "response-origin-only-with-rfc5780", "no-dynamic-ip-list", "no-dynamic-realms",
)  # fmt: skip
"""Everything a relay for calls does not need, or that makes its answers to strangers longer."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """Where a relay listens and relays."""

    addresses: tuple[str, ...]
    """Of this machine, to listen on; the one others reach first, as from :func:`reachable`."""
    machine: tuple[str, ...] = ()
    """All addresses of this machine, also those it does not listen on."""
    port: int = PORT
    tls_port: int = TLS_PORT
    ports: tuple[int, int] = RELAY_PORTS
    """First and last UDP port that is relayed to."""
    external_ip: str = ""
    """The address of a NAT in front of this machine, which forwards all these ports unchanged."""
    certificate: Path | None = None
    key: Path | None = None
    """Both for TURN over TLS; clients check the certificate like that of any https server."""

    @property
    def relays(self) -> tuple[str, ...]:
        """The addresses relayed from: one of each family, loopback only if there is nothing else."""
        outward = [each for each in self.addresses if not ipaddress.ip_address(each).is_loopback]
        families: dict[bool, str] = {}
        for address in outward or self.addresses:
            families.setdefault(":" in address, address)
        return tuple(families.values())

    @property
    def is_local(self) -> bool:
        """Whether only this machine can use it."""
        return all(ipaddress.ip_address(each).is_loopback for each in self.addresses)

    @property
    def urls(self) -> tuple[str, ...]:
        """What members are told, the fastest transport first."""
        host = LOOPBACK if self.is_local else HERE
        plain = (f"turn:{host}:{self.port}?transport=udp", f"turn:{host}:{self.port}?transport=tcp")
        return (*plain, f"turns:{host}:{self.tls_port}?transport=tcp") if self.certificate else plain


def options_of(help_text: str) -> frozenset[str]:
    """The options that a release's `turnserver -h` names."""
    return frozenset(re.findall(r"--([a-z][a-z0-9_-]+)", help_text))


def configuration(
    settings: RelaySettings,
    *,
    secret: str,
    folder: Path,
    known: frozenset[str],
    owner: tuple[str, str] | None,
) -> str:
    """The text of a configuration file of which only options in ``known`` are made.

    ``folder`` is writable by ``owner``, the user and group to become (``None``: those who start it).
    """
    lines = [
        *_where(settings),
        *_who(secret),
        *_peers(settings),
        *OFF,
        "userdb=:memory:",  # the releases of Debian insist on a database; nothing is kept in it
        f"pidfile={folder}/turnserver.pid",
        "log-file=stdout",
    ]
    if owner is not None:
        lines += [f"proc-user={owner[0]}", f"proc-group={owner[1]}"]
    return "".join(f"{line}\n" for line in lines if line.partition("=")[0] in known)


def _where(settings: RelaySettings) -> list[str]:
    lines = [f"listening-ip={each}" for each in settings.addresses]
    lines += [f"relay-ip={each}" for each in settings.relays]
    lines += [
        f"listening-port={settings.port}",
        f"min-port={settings.ports[0]}",
        f"max-port={settings.ports[1]}",
    ]
    lines.append("allocation-default-address-family=keep")  # who comes by IPv6 is relayed by IPv6
    if settings.external_ip:
        is_v6 = ":" in settings.external_ip
        lines += [
            f"external-ip={settings.external_ip}/{each}" for each in settings.relays if (":" in each) == is_v6
        ]
    if settings.certificate:
        lines += [
            f"tls-listening-port={settings.tls_port}",
            f"cert={settings.certificate.absolute()}",
            f"pkey={(settings.key or settings.certificate).absolute()}",
            f"cipher-list={CIPHERS}",
            "no-tlsv1",
            "no-tlsv1_1",
        ]
    else:
        lines.append("no-tls")
    return lines


def _who(secret: str) -> list[str]:
    return [
        "use-auth-secret",
        f"static-auth-secret={secret}",
        f"realm={REALM}",
        f"user-quota={USER_QUOTA}",
        f"total-quota={TOTAL_QUOTA}",
        f"max-bps={MOST_BYTES_PER_S}",
        f"max-allocate-lifetime={LIFETIME_S}",
        "stale-nonce=600",
        "fingerprint",
    ]


def _peers(settings: RelaySettings) -> list[str]:
    """Whom packets are relayed to. What is allowed wins over what is denied, whatever the order.

    The relay's own addresses are allowed, so that two relayed ends can meet; the machine's others are not.
    """
    own = dict.fromkeys((*settings.addresses, *settings.machine))
    others = [
        each
        for each in own
        if each not in settings.relays and not ipaddress.ip_address(each).is_unspecified  # see FORBIDDEN
    ]
    lines = [f"allowed-peer-ip={each}" for each in settings.relays]
    lines += [f"denied-peer-ip={each}" for each in (*FORBIDDEN, *others)]
    lines.append("no-multicast-peers")
    return [*lines, "allow-loopback-peers"] if settings.is_local else lines
