"""`pycall serve`: the signalling server as a program."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import Final

import click

from pycall.cli.addresses import is_loopback, reachable
from pycall.cli.loop import run
from pycall.cli.options import config_options
from pycall.cli.signals import on_ending
from pycall.config import ServerConfig
from pycall.server.app import SignallingServer

OPEN_ROOMS: Final = (
    "Rooms are open: whoever reaches this server and knows or guesses a room's name can join it."
)


@click.command()
@config_options(ServerConfig)
@click.option("-v", "--verbose", is_flag=True, help="Log every connection to standard error.")
def serve(config: ServerConfig, *, verbose: bool) -> int:
    """Run the signalling server until it is interrupted or terminated.

    Either signal ends it cleanly with exit code 0: everybody connected is told. A second one ends it at
    once.
    """
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s",
        level=logging.DEBUG if verbose else logging.WARNING,
    )
    for chatty in ("asyncio", "aiohttp"):  # they warn about what strangers send, with their addresses
        logging.getLogger(chatty).setLevel(logging.ERROR)
    return run(_serve(config))


async def _serve(config: ServerConfig) -> int:
    asked = _asked_to_end()
    server = SignallingServer(config.host, config.port)
    await server.start()
    for line in _announcement(config.host, server.port):
        click.echo(line)
    await asked.wait()
    click.echo("Stopping ...")
    await server.stop()
    return 0


def _asked_to_end() -> asyncio.Event:
    """Set at the first signal to end; a second one ends the process where it stands."""
    asked = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if asked.is_set():
            os._exit(128 + number)
        asked.set()

    on_ending(on_signal)
    return asked


def _announcement(host: str, port: int) -> list[str]:
    """What to say at the start: where the server can be reached, and by whom."""
    addresses = reachable(host)
    lines = [f"Signalling server listening on {_url(addresses[0], port)}"]
    lines += [f"               and reachable as {_url(address, port)}" for address in addresses[1:]]
    if not all(map(is_loopback, addresses)):
        lines.append(OPEN_ROOMS)
    return lines


def _url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
