"""From the options of `pycall serve` to what helps callers to connect, and what to say of it at the start."""

from __future__ import annotations

import ipaddress
import socket

from pycall.cli.addresses import ANY, is_loopback, reachable
from pycall.cli.secretfile import read_secret
from pycall.config import ServerConfig
from pycall.core.names import terminal_safe
from pycall.errors import ConfigError, ListenFailed
from pycall.server.ice.coturn import RelaySettings
from pycall.server.ice.iceservers import Turn
from pycall.server.ice.service import Ice


def ice_of(config: ServerConfig) -> Ice:
    """What the options ask for, not yet started.

    Raises:
        ConfigError: they contradict each other, or the secret's file cannot be used.
        ListenFailed: the host to listen on has no address.
    """
    return Ice(
        stun_port=config.stun_port if config.stun else None,
        stun_addresses=(config.stun_host,) if config.stun_host else (),
        relay=_relay(config) if config.turn else None,
        elsewhere=_elsewhere(config),
        public_host=config.public_host,
        lifetime_s=config.turn_lifetime,
    )


def announcement(ice: Ice) -> list[str]:
    """What to say once it runs."""
    lines = []
    if ice.stun_port is not None:
        lines.append(f"STUN is answered on UDP port {ice.stun_port}")
    relay = ice.relay_settings
    if relay is not None:
        tls = f", by TLS on port {relay.tls_port}" if relay.certificate else ""
        ports = f"{relay.ports[0]}-{relay.ports[1]}"
        lines.append(f"TURN by UDP and TCP on port {relay.port}{tls}, relaying on UDP ports {ports}")
        if relay.is_local:
            lines.append("The relay serves this machine only: see --turn-host.")
    return lines


def _relay(config: ServerConfig) -> RelaySettings:
    hosts = reachable(config.turn_host or config.host)
    addresses = tuple(each for host in hosts for each in _numeric(host))
    return RelaySettings(
        addresses,
        machine=tuple(each for family in ANY for each in reachable(family) if each not in ANY),
        port=config.turn_port,
        tls_port=config.turn_tls_port,
        ports=config.turn_relay_ports,
        external_ip=config.turn_external_ip or _outside(config.public_host, addresses),
        certificate=config.cert,
        key=config.key,
    )


def _outside(public_host: str, addresses: tuple[str, ...]) -> str:
    """The address of the NAT in front of us, if the public host is an address that is not ours."""
    try:
        address = str(ipaddress.ip_address(public_host.strip("[]")))
    except ValueError:  # a name, or none
        return ""
    return "" if address in addresses or is_loopback(address) else address


def _numeric(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ListenFailed(
            f"Cannot listen on {terminal_safe(host)}: it has no address.",
            "Give an address of this machine as --host, or 0.0.0.0 for all of them.",
        ) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _elsewhere(config: ServerConfig) -> list[Turn]:
    if config.turn_secret and config.turn_secret_file:
        raise ConfigError("Of --turn-secret and --turn-secret-file only one can be meant.", "Leave one out.")
    secret = config.turn_secret
    if config.turn_secret_file:
        secret = read_secret(config.turn_secret_file, "--turn-secret-file", "coturn's static-auth-secret")
    if bool(secret) != bool(config.turn_url):
        raise ConfigError(
            "A TURN server's URL and the secret shared with it belong together.",
            "Give --turn-url and --turn-secret-file.",
        )
    return [Turn(config.turn_url, secret)] if secret else []
