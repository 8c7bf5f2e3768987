"""`pycall serve`: the signalling server as a program."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from datetime import UTC, datetime
from typing import Any, Final

import click

from pycall import __version__
from pycall.cli.access import access_of
from pycall.cli.access import announcement as access_announcement
from pycall.cli.addresses import is_loopback, own_names, reachable
from pycall.cli.folders import data_folder
from pycall.cli.garbage import collect_seldom
from pycall.cli.ice import announcement, ice_of
from pycall.cli.log import log_to_stderr
from pycall.cli.loop import run
from pycall.cli.nodes import redis_of, shared_rooms
from pycall.cli.options import config_options, key_option, limits_of
from pycall.cli.outlet import Outlet
from pycall.cli.qrcode import can_print, fits_terminal, qr_code
from pycall.cli.signals import end_at_once_on_next, on_ending
from pycall.cli.status import metrics_key, show_status
from pycall.config import CallConfig, Limits, ServerConfig, keys
from pycall.errors import ConfigError, PycallError
from pycall.server.addresses import Proxies
from pycall.server.app import SignallingServer
from pycall.server.certificate import Identity, given_identity, own_identity
from pycall.server.descriptors import raise_limit
from pycall.server.logs import JsonFormatter, TextFormatter, tell
from pycall.server.origins import Origins
from pycall.server.readers import Readers

NO_LIMITS: Final = "There are no limits: any one client can take up the whole server. This is for load tests."
PLAIN_HTTP: Final = "Browsers elsewhere give camera and microphone only over https: see --tls."
OWN_CERTIFICATE: Final = "The certificate is self-signed: browsers warn, `pycall call` needs --cert-sha256"
GIVEN_CERTIFICATE: Final = "The SHA-256 of the certificate is"


_ASKED: Final = {key.name: key for key in keys(CallConfig)}
_WITH_STATUS: Final[dict[str, Any]] = {
    "default": None, "envvar": None, "show_envvar": False, "show_default": False,
}  # fmt: skip

log = logging.getLogger(__name__)


@click.command()
@config_options(ServerConfig)
@click.option("-v", "--verbose", is_flag=True, help="Log every connection to standard error.")
@click.option("--status", is_flag=True, help="Show the figures of a running server, and end.")
@key_option(_ASKED["server"], **_WITH_STATUS, help="With --status: the server, if it is not here.")
@key_option(_ASKED["cert_sha256"], **_WITH_STATUS, help="With --status: the certificate to accept.")
def serve(
    config: ServerConfig, *, verbose: bool, status: bool, server: str | None, cert_sha256: str | None
) -> int:
    """Run the signalling server until it is interrupted or terminated.

    Either signal ends it cleanly with exit code 0: everybody connected is told. A second one ends it at
    once. With --status and the same options it shows the figures of the server that runs.
    """
    if status:
        return show_status(config, server or "", cert_sha256 or "")
    if server or cert_sha256:
        raise ConfigError("--server and --cert-sha256 belong to --status.", "Add --status to ask a server.")
    limits = limits_of(config)
    with Outlet(sys.stderr) as outlet:
        log_to_stderr(
            own=logging.DEBUG if verbose else logging.WARNING,
            others=logging.ERROR,  # libraries warn about what strangers send
            formatter=_formatter(config),
            outlet=outlet,
        )
        if config.log_format == "text":
            return run(_serve(config, limits))
        log.setLevel(logging.DEBUG if verbose else logging.INFO)
        return _run_logged(config, limits)


def _formatter(config: ServerConfig) -> logging.Formatter:
    if config.log_format == "text":
        return TextFormatter(is_private_shown=config.log_private)
    return JsonFormatter(config.node or socket.gethostname(), is_private_shown=config.log_private)


def _run_logged(config: ServerConfig, limits: Limits) -> int:
    """Run it; what ends it is a line of the log, too."""
    try:
        return run(_serve(config, limits))
    except PycallError as error:
        tell(
            *(log, logging.ERROR, "failed", "%(why)s"),
            code=error.code,
            why=error.message,
            hint=error.hint,
            exit_code=error.exit_code,
        )
        return error.exit_code
    except Exception as bug:  # noqa: BLE001  the same as `main` does, in the form that was asked for
        tell(log, logging.CRITICAL, "bug", "a bug ended the server", error=bug)
        return 1


async def _serve(config: ServerConfig, limits: Limits) -> int:
    raise_limit()
    asked = _asked_to_end()
    identity = _identity(config)
    ice = ice_of(config)
    shared = shared_rooms(redis_of(config))
    server = SignallingServer(
        config.host,
        config.port,
        shared=shared,
        tls=identity.context if identity else None,
        limits=limits,
        access=access_of(config, limits, shared),
        ice=ice,
        node=config.node,
        readers=Readers.of(config.metrics_from, metrics_key(config)),
        proxies=Proxies.of(config.proxy),
        origins=Origins.of(config.origin),
    )
    await server.start()
    collect_seldom()
    if config.log_format == "json":
        _log_start(config, server.port, identity, ice.stun_port)
    else:
        for line in _announcement(config, server.port, identity, announcement(ice)):
            click.echo(line, color=True)
    await asked.wait()
    if config.log_format == "json":
        tell(log, logging.INFO, "ending", "asked to end")
    else:
        click.echo("Stopping ...")
    await server.stop()
    return 0


def _log_start(config: ServerConfig, port: int, identity: Identity | None, stun_port: int | None) -> None:
    """Log what :func:`_announcement` says to people."""
    scheme = "https" if identity else "http"
    tell(
        *(log, logging.INFO, "started", "listening on %(urls)s"),
        urls=" ".join(_url(scheme, each, port) for each in reachable(config.host)),
        version=__version__,
        port=port,
        stun_port=stun_port,
        password=config.password_file is not None,
        invites=config.require_invite,
        cert_sha256=identity.sha256 if identity else None,
    )
    if not config.limits:
        tell(log, logging.WARNING, "no-limits", NO_LIMITS)


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
        if asked.is_set():  # both came before the loop could look
            os._exit(128 + number)
        asked.set()
        end_at_once_on_next()

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
    lines += access_announcement(config, is_local=is_local, is_https=identity is not None)
    if identity is None and not is_local:
        lines.append(PLAIN_HTTP)
    if not config.limits:
        lines.append(NO_LIMITS)
    if identity is not None:
        lines += [OWN_CERTIFICATE if identity.is_own else GIVEN_CERTIFICATE, identity.sha256]
    link = f"{_url(scheme, (identity and identity.name) or addresses[0], port)}/"
    lines.append(f"In a browser: {link}   A room's own link ends in /r/ROOM")
    code = qr_code(link)
    is_useful = config.qr == "auto" and not is_local and fits_terminal(code)
    return lines + code if (config.qr == "always" or is_useful) and can_print() else lines


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
