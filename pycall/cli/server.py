"""From the options of `pycall serve` to the server they describe: in this process, or in a worker's."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from pycall.cli.access import access_of
from pycall.cli.addresses import own_names, reachable
from pycall.cli.folders import data_folder
from pycall.cli.log import log_to_stderr
from pycall.cli.loop import run
from pycall.cli.nodes import shared_rooms
from pycall.cli.outlet import Outlet
from pycall.cli.signals import end_at_once_on_next, on_ending
from pycall.cli.status import metrics_key
from pycall.config import Limits, ServerConfig
from pycall.errors import ConfigError, PycallError
from pycall.server.admission.addresses import Proxies
from pycall.server.admission.origins import Origins
from pycall.server.app import SignallingServer
from pycall.server.certificate import Identity, given_identity, own_identity
from pycall.server.ice.service import Ice
from pycall.server.monitoring.logs import JsonFormatter, TextFormatter, tell
from pycall.server.monitoring.readers import Readers
from pycall.server.monitoring.siblings import Siblings

log = logging.getLogger(__name__)


def server_of(
    config: ServerConfig,
    limits: Limits,
    identity: Identity | None,
    ice: Ice,
    *,
    redis: str = "",
    siblings: Siblings | None = None,
) -> SignallingServer:
    """The server that the options describe, not yet started; ``redis`` is the URL of the one it shares.

    With ``siblings`` it shares its port as well.

    Raises:
        ConfigError: the options contradict each other, or a file they name cannot be used.
    """
    shared = shared_rooms(redis)
    return SignallingServer(
        config.host,
        config.port,
        store=shared,
        reuse_port=siblings is not None,
        tls=identity.context if identity else None,
        limits=limits,
        access=access_of(config, limits, shared),
        ice=ice,
        node=config.node,
        readers=Readers.of(config.metrics_from, metrics_key(config)),
        siblings=siblings,
        proxies=Proxies.of(config.proxy),
        origins=Origins.of(config.origin),
    )


def identity_of(config: ServerConfig) -> Identity | None:
    """What to show over TLS; ``None`` for plain http."""
    if config.cert is not None and config.key is not None:
        return given_identity(config.cert, config.key)
    if config.cert is not None or config.key is not None:
        raise ConfigError("Of --cert and --key only one was given.", "Give both; they may be the same file.")
    if not config.tls:
        return None
    return own_identity(data_folder(), own_names(), needed=reachable(config.host), now=datetime.now(UTC))


def run_and_log(config: ServerConfig, main: Callable[[], Coroutine[Any, Any, int]], *, verbose: bool) -> int:
    """Run ``main`` with the log that the options ask for; returns the exit code."""
    with Outlet(sys.stderr) as outlet:
        log_to_stderr(
            own=logging.DEBUG if verbose else logging.WARNING,
            others=logging.ERROR,  # libraries warn about what strangers send
            formatter=_formatter(config),
            outlet=outlet,
        )
        if config.log_format == "text":
            return run(main())
        logging.getLogger("pycall.cli").setLevel(logging.DEBUG if verbose else logging.INFO)
        return _run_logged(main)


def asked_to_end() -> asyncio.Event:
    """Set at the first signal to end; a second one ends the process where it stands."""
    asked = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if asked.is_set():  # both came before the loop could look
            os._exit(128 + number)
        asked.set()
        end_at_once_on_next()

    on_ending(on_signal)
    return asked


def _formatter(config: ServerConfig) -> logging.Formatter:
    if config.log_format == "text":
        return TextFormatter(is_private_shown=config.log_private)
    return JsonFormatter(config.node or socket.gethostname(), is_private_shown=config.log_private)


def _run_logged(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run it; what ends it is a line of the log, too."""
    try:
        return run(main())
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
