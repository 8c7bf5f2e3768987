"""`pycall serve`: the signalling server as a program."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final

import click

from pycall import __version__
from pycall.cli.access import announcement as access_announcement
from pycall.cli.addresses import is_loopback, reachable
from pycall.cli.garbage import collect_seldom
from pycall.cli.ice import announcement, ice_of
from pycall.cli.nodes import redis_of
from pycall.cli.options import config_options, key_option, limits_of
from pycall.cli.qrcode import can_print, fits_terminal, qr_code
from pycall.cli.server import asked_to_end, identity_of, run_and_log, server_of
from pycall.cli.status import show_status
from pycall.cli.workers import WorkerFailed, Workers
from pycall.cli.workers import check as check_workers
from pycall.config import CallConfig, Limits, ServerConfig, keys
from pycall.errors import ConfigError
from pycall.server.admission.descriptors import raise_limit
from pycall.server.certificate import Identity
from pycall.server.ice.service import Ice
from pycall.server.monitoring.logs import tell

NO_LIMITS: Final = "There are no limits: any one client can take up the whole server. This is for load tests."
ONLY_HERE: Final = "Other machines do not reach it directly: see --host."
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
    limits, redis = limits_of(config), redis_of(config)
    if config.workers > 1:
        check_workers(config, redis)
        return run_and_log(
            config, lambda: _supervise(config, limits, redis, verbose=verbose), verbose=verbose
        )
    return run_and_log(config, lambda: _serve(config, limits, redis), verbose=verbose)


async def _serve(config: ServerConfig, limits: Limits, redis: str) -> int:
    raise_limit()
    asked = asked_to_end()
    identity = identity_of(config)
    ice = ice_of(config)
    server = server_of(config, limits, identity, ice, redis=redis)
    await server.start()
    collect_seldom()
    _tell_start(config, server.port, identity, ice)
    await asked.wait()
    _tell_end(config)
    await server.stop()
    return 0


async def _supervise(config: ServerConfig, limits: Limits, redis: str, *, verbose: bool) -> int:
    """The same by several workers."""
    raise_limit()
    asked, started = asked_to_end(), asyncio.Event()
    identity = identity_of(config)  # made here once, if it has to be
    ice = ice_of(config)
    workers = Workers(config, limits, redis, ice, verbose=verbose)

    async def told() -> None:
        try:
            await started.wait()
            _tell_start(config, workers.port, identity, ice)
            await asked.wait()
            _tell_end(config)
        finally:
            asked.set()  # nobody would know of a server that cannot say where it is

    telling = asyncio.create_task(told(), name="pycall-told")
    try:
        await workers.run(started, asked)
    except WorkerFailed as failed:  # it has said why
        return failed.exit_code
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):  # what else failed in it is told
            await telling
    return 0


def _tell_start(config: ServerConfig, port: int, identity: Identity | None, ice: Ice) -> None:
    if config.log_format == "json":
        _log_start(config, port, identity, ice.stun_port)
        return
    helps = announcement(ice)
    if config.workers > 1:
        helps = [f"{config.workers} processes share the port", *helps]
    for line in _announcement(config, port, identity, helps):
        click.echo(line, color=True)


def _tell_end(config: ServerConfig) -> None:
    if config.log_format == "json":
        tell(log, logging.INFO, "ending", "asked to end")
    else:
        click.echo("Stopping ...")


def _log_start(config: ServerConfig, port: int, identity: Identity | None, stun_port: int | None) -> None:
    """Log what :func:`_announcement` says to people."""
    scheme = "https" if identity else "http"
    tell(
        *(log, logging.INFO, "started", "listening on %(urls)s"),
        urls=" ".join(_url(scheme, each, port) for each in reachable(config.host)),
        version=__version__,
        port=port,
        workers=config.workers,
        stun_port=stun_port,
        password=config.password_file is not None,
        invites=config.require_invite,
        cert_sha256=identity.sha256 if identity else None,
    )
    if not config.limits:
        tell(log, logging.WARNING, "no-limits", NO_LIMITS)


def _announcement(config: ServerConfig, port: int, identity: Identity | None, helps: list[str]) -> list[str]:
    """What to say at the start: where the server is, what ``helps`` to connect, for whom, by which link."""
    scheme = "https" if identity else "http"
    addresses = reachable(config.host)
    is_local = all(map(is_loopback, addresses))
    lines = [f"Signalling server listening on {_url(scheme, addresses[0], port)}"]
    lines += [f"               and reachable as {_url(scheme, each, port)}" for each in addresses[1:]]
    if is_local and not config.proxy:
        lines.append(ONLY_HERE)
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
