"""`pycall serve`: the signalling server as a program."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from datetime import UTC, datetime
from typing import Final

import click

from pycall.cli.addresses import is_loopback, own_names, reachable
from pycall.cli.folders import data_folder
from pycall.cli.ice import announcement, ice_of
from pycall.cli.log import log_to_stderr
from pycall.cli.loop import run
from pycall.cli.options import config_options
from pycall.cli.qrcode import can_print, fits_terminal, qr_code
from pycall.cli.signals import on_ending
from pycall.config import ServerConfig
from pycall.errors import ConfigError
from pycall.server.app import SignallingServer
from pycall.server.certificate import Identity, given_identity, own_identity

OPEN_ROOMS: Final = (
    "Rooms are open: whoever reaches this server and knows or guesses a room's name can join it."
)
PLAIN_HTTP: Final = "Browsers elsewhere give camera and microphone only over https: see --tls."
OWN_CERTIFICATE: Final = "The certificate is self-signed: browsers warn, `pycall call` needs --cert-sha256"
GIVEN_CERTIFICATE: Final = "The SHA-256 of the certificate is"


@click.command()
@config_options(ServerConfig)
@click.option("-v", "--verbose", is_flag=True, help="Log every connection to standard error.")
def serve(config: ServerConfig, *, verbose: bool) -> int:
    """Run the signalling server until it is interrupted or terminated.

    Either signal ends it cleanly with exit code 0: everybody connected is told. A second one ends it at
    once.
    """
    # Libraries warn about what strangers send, with their addresses.
    log_to_stderr(own=logging.DEBUG if verbose else logging.WARNING, others=logging.ERROR)
    return run(_serve(config))


async def _serve(config: ServerConfig) -> int:
    asked = _asked_to_end()
    identity = _identity(config)
    ice = ice_of(config)
    tls = identity.context if identity else None
    server = SignallingServer(config.host, config.port, tls=tls, ice=ice)
    await server.start()
    for line in _announcement(config, server.port, identity, announcement(ice)):
        click.echo(line, color=True)
    await asked.wait()
    click.echo("Stopping ...")
    await server.stop()
    return 0


def _identity(config: ServerConfig) -> Identity | None:
    """What to show over TLS; ``None`` for plain http."""
    if config.cert is not None and config.key is not None:
        return given_identity(config.cert, config.key)
    if config.cert is not None or config.key is not None:
        raise ConfigError("Of --cert and --key only one was given.", "Give both; they may be the same file.")
    if not config.tls:
        return None
    return own_identity(data_folder(), own_names(), needed=reachable(config.host), now=datetime.now(UTC))


def _asked_to_end() -> asyncio.Event:
    """Set at the first signal to end; a second one ends the process where it stands."""
    asked = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if asked.is_set():
            os._exit(128 + number)
        asked.set()

    on_ending(on_signal)
    return asked


def _announcement(config: ServerConfig, port: int, identity: Identity | None, helps: list[str]) -> list[str]:
    """What to say at the start: where the server is, what ``helps`` to connect, for whom, by which link."""
    scheme = "https" if identity else "http"
    addresses = reachable(config.host)
    is_local = all(map(is_loopback, addresses))
    lines = [f"Signalling server listening on {_url(scheme, addresses[0], port)}"]
    lines += [f"               and reachable as {_url(scheme, each, port)}" for each in addresses[1:]]
    lines += helps
    if not is_local:
        lines.append(OPEN_ROOMS)
    if identity is None and not is_local:
        lines.append(PLAIN_HTTP)
    if identity is not None:
        lines += [OWN_CERTIFICATE if identity.is_own else GIVEN_CERTIFICATE, identity.sha256]
    link = f"{_url(scheme, (identity and identity.name) or addresses[0], port)}/"
    lines.append(f"In a browser: {link}   A room's own link ends in /r/ROOM")
    code = qr_code(link)
    is_useful = config.qr == "auto" and not is_local and fits_terminal(code)
    return lines + code if (config.qr == "always" or is_useful) and can_print() else lines


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
