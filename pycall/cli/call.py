"""`pycall call ROOM`: call whoever comes to a room."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from pycall.cli.addresses import is_listened_on, is_loopback, lan_address
from pycall.cli.credentials import STANDARD_INPUT, ask_password, can_ask, credentials_of, room_from_input
from pycall.cli.invitation import invitation
from pycall.cli.keys import are_there_keys
from pycall.cli.links import Link, same_server
from pycall.cli.log import log_to_stderr
from pycall.cli.loop import run
from pycall.cli.options import ROOM, config_options
from pycall.cli.outlet import Outlet
from pycall.cli.render import JsonRenderer, LiveRenderer, Renderer
from pycall.config import CallConfig
from pycall.core import events
from pycall.core.credentials import ASKING_FOR_A_PASSWORD, Credentials
from pycall.errors import ConfigError, JoinRefused, PycallError

PROMPTS: Final = 3
"""So often a password is asked for on a terminal."""


class CallCommand(click.Command):
    """Tells programs of a wrong option too: with ``--json`` it is an event like every error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does, and take a link apart into room and server."""
        given = list(args)
        try:
            rest = super().parse_args(ctx, args)
            if not ctx.resilient_parsing:
                _follow(ctx)
            return rest
        except PycallError as error:
            if "--json" in given:
                JsonRenderer().show(events.Failed(error.code, error.message, error.hint))
            raise


def _follow(ctx: click.Context) -> None:
    """A link as ROOM names the server, too: it wins as a flag does, over environment and file."""
    params = ctx.params
    room = room_from_input() if params["room"] == STANDARD_INPUT else params["room"]
    params["invite"] = ""
    if isinstance(room, Link):
        is_flag = ctx.get_parameter_source("server") is ParameterSource.COMMANDLINE
        if is_flag and not same_server(params["server"], room.server):
            raise ConfigError(
                f"The link leads to {room.server}, but --server is {params['server']}.",
                "Leave --server out: the link names the server.",
            )
        params.update(room=room.room, server=room.server, invite=room.invite)
    else:
        params["room"] = room
    if params["cert_sha256"] and not params["server"].startswith("https:"):
        raise ConfigError(
            f"{params['server']} shows no certificate, so --cert-sha256 cannot be checked.",
            "Use the https address of the server.",
        )


@click.command(cls=CallCommand)
@click.argument("room", type=ROOM)
@config_options(CallConfig)
def call(room: str, config: CallConfig, invite: str) -> int:
    """Call whoever comes to ROOM, a name or a link such as https://HOST:8080/r/kitchen.

    A link with an invite is a secret: with - as ROOM it is asked for, or read from standard input.

    SPEC is default, none, test, a device's name, id or number as `pycall devices` prints it, screen
    (camera only), file:PATH, or an rtsp or http address.

    Keys in the window and the terminal: m mute, v camera off and on, r record, q hang up.
    """
    bugs_only = not config.verbose
    log_to_stderr(
        own=logging.ERROR if bugs_only else logging.INFO,
        others=logging.CRITICAL if bugs_only else logging.INFO,
    )
    credentials = credentials_of(config, room, invite)
    prompts = PROMPTS if can_ask() and not config.json and not config.password_file else 0
    while True:
        try:
            return _call(room, config, credentials, can_retry=prompts > 0)
        except JoinRefused as refused:
            if not prompts or refused.refusal not in ASKING_FOR_A_PASSWORD:
                raise
            if credentials.password:
                click.echo(refused.message, err=True)
            prompts -= 1
            credentials = replace(credentials, password=ask_password())


def _call(room: str, config: CallConfig, credentials: Credentials, *, can_retry: bool) -> int:
    from pycall.cli.session import Session  # noqa: PLC0415  --help must not load codecs

    with Outlet(sys.stdout) as out:
        renderer = _renderer(Link(config.server, room, credentials.invite), config, out)
        return run(Session(room, config, renderer, credentials, can_retry=can_retry).run())


def _renderer(link: Link, config: CallConfig, out: Outlet) -> Renderer:
    if config.json:
        return JsonRenderer(out)
    pass_on = invitation(link, cert_sha256=config.cert_sha256, lan_address=_lan_address(link.server))
    return LiveRenderer(invitation=pass_on, keys=are_there_keys(), stream=out)


def _lan_address(server: str) -> str | None:
    """Where others reach the server at the URL ``server``, if it is on this machine and listens for them."""
    url, address = urlsplit(server), lan_address()
    if address is None or not is_loopback(url.hostname or ""):
        return None
    port = url.port or (443 if url.scheme == "https" else 80)
    return address if is_listened_on(address, port) else None
