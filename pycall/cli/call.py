"""`pycall call ROOM`: call whoever comes to a room."""

from __future__ import annotations

import logging
import sys

import click

from pycall.cli.addresses import lan_address
from pycall.cli.keys import are_there_keys
from pycall.cli.loop import run
from pycall.cli.options import ROOM, config_options
from pycall.cli.render import JsonRenderer, LiveRenderer, Renderer, invitation
from pycall.config import CallConfig
from pycall.core import events
from pycall.errors import PycallError


class CallCommand(click.Command):
    """Tells programs of a wrong option too: with ``--json`` it is an event like every error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except PycallError as error:
            if "--json" in given:
                JsonRenderer().show(events.Failed(error.code, error.message, error.hint))
            raise


@click.command(cls=CallCommand)
@click.argument("room", type=ROOM)
@config_options(CallConfig)
def call(room: str, config: CallConfig) -> int:
    """Call whoever comes to ROOM.

    SPEC is default, none, test, a device's name, id or number as `pycall devices` prints it, screen
    (camera only), file:PATH, or an rtsp or http address.

    Keys in the window and the terminal: m mute, v camera off and on, r record, q hang up.
    """
    _log(verbose=config.verbose)
    from pycall.cli.session import Session  # noqa: PLC0415  --help must not load codecs

    return run(Session(room, config, _renderer(room, config)).run())


def _log(*, verbose: bool) -> None:
    """To stderr: with ``verbose`` what happens, otherwise only what is a bug of pycall's own."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.CRITICAL,
        format="%(asctime)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if not verbose:
        logging.getLogger("pycall").setLevel(logging.ERROR)


def _renderer(room: str, config: CallConfig) -> Renderer:
    if config.json:
        return JsonRenderer()
    pass_on = invitation(room, config.server, CallConfig().server, lan_address())
    return LiveRenderer(invitation=pass_on, keys=are_there_keys())
