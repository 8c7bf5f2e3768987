"""`pycall serve`: the signalling server as a program."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import signal
import socket
from typing import Final

import click
import ifaddr

from pycall.cli.loop import run
from pycall.cli.options import config_options
from pycall.config import ServerConfig
from pycall.server.app import SignallingServer

ANY_ADDRESS: Final = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}  # noqa: S104  not bound here
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
    asked_to_end = _signals()
    server = SignallingServer(config.host, config.port)
    await server.start()
    for line in _announcement(config.host, server.port):
        click.echo(line)
    await asked_to_end.wait()
    click.echo("Stopping ...")
    await server.stop()
    return 0


def _signals() -> asyncio.Event:
    """Set at the first signal to end; a second one ends the process where it stands."""
    asked_to_end = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if asked_to_end.is_set():
            os._exit(128 + number)
        asked_to_end.set()

    def on_windows(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(on_signal, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, on_signal, number)
        except NotImplementedError:
            signal.signal(number, on_windows)
    return asked_to_end


def _announcement(host: str, port: int) -> list[str]:
    """What to say at the start: where the server can be reached, and by whom."""
    addresses = _addresses(host)
    lines = [f"Signalling server listening on {_url(addresses[0], port)}"]
    lines += [f"               and reachable as {_url(address, port)}" for address in addresses[1:]]
    if not all(_is_loopback(address) for address in addresses):
        lines.append(OPEN_ROOMS)
    return lines


def _addresses(host: str) -> list[str]:
    """The addresses under which a server bound to ``host`` is reached, this machine's own name last."""
    family = ANY_ADDRESS.get(host)
    if family is None:
        return [host]
    found = [
        ip.ip if isinstance(ip.ip, str) else ip.ip[0]
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if ip.is_IPv4 == (family is socket.AF_INET)
    ]
    usable = [address for address in found if not ipaddress.ip_address(address).is_link_local]
    return sorted(usable, key=_is_loopback) or [host]


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
