"""`pycall invite ROOM`: a link that lets into a room of a server whose rooms are closed."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import Any, Final

import click

from pycall.cli.access import invite_key_path
from pycall.cli.addresses import reachable
from pycall.cli.links import Link
from pycall.cli.options import ROOM, config_options, key_option
from pycall.config import CallConfig, ServerConfig, keys
from pycall.core.invites import ID_BYTES, LONGEST_S, Invite, sign
from pycall.errors import ConfigError
from pycall.server.admission.invitekey import kept_key
from pycall.server.certificate import given_identity

SHORTEST_S: Final = 60
ASKED: Final = frozenset({"host", "port", "tls", "cert", "key", "public_host", "invite_key_file"})
"""What of a server's configuration is in the link, or signs it."""

_SERVER: Final = next(key for key in keys(CallConfig) if key.name == "server")
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic only in newer clicks
    """A time such as ``90m``, in seconds."""

    name = "duration"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> int:
        """The seconds; raises :class:`ConfigError` when it is no time, too short or too long."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,9})([smhd])", value)
        seconds = int(match[1]) * _UNITS[match[2]] if match else 0
        if not SHORTEST_S <= seconds <= LONGEST_S:
            raise ConfigError(
                f"--expires: {value!r} is no time from a minute to a year.",
                "Write a number and a unit, such as 30m, 12h or 7d.",
            )
        return seconds


@click.command()
@click.argument("room", type=ROOM)
@config_options(ServerConfig, only=ASKED)
@click.option(
    "--expires", type=Duration(), default="1h", show_default=True, metavar="TIME",
    help="How long the invite lets in: minutes (30m), hours (12h) or days (7d).",
)  # fmt: skip
@click.option("--once", is_flag=True, help="Only the first one who comes with it gets in.")
@key_option(
    _SERVER, default=None, envvar=None, show_envvar=False, show_default=False,
    help="The server's address as the invited reach it, if it is not the one here by these options.",
)  # fmt: skip
def invite(room: str | Link, config: ServerConfig, expires: int, server: str | None, *, once: bool) -> int:
    """Print a link that lets into ROOM, on the machine of a server with --require-invite.

    Give the options, environment or file the server was started with: they say where it listens, and
    where the key that signs invites is kept.
    """
    name, url = (room.room, room.server) if isinstance(room, Link) else (room, server)
    key = kept_key(invite_key_path(config))
    until = datetime.now(UTC).timestamp() + expires
    made = Invite(name, int(until), secrets.token_bytes(ID_BYTES), for_one=once)
    click.echo(Link(url or _own_url(config), name, sign(made, key)).with_invite())
    whom = "the first one who comes with it" if once else "whoever has it"
    last = datetime.fromtimestamp(until, UTC).astimezone()
    click.echo(f"It lets in {whom}, until {last:%Y-%m-%d %H:%M %Z}.", err=True)
    click.echo("It opens in a browser; `pycall call -` asks for it in a terminal.", err=True)
    return 0


def _own_url(config: ServerConfig) -> str:
    """Where others reach the server that was started with these options."""
    if not config.port:
        raise ConfigError("Which port the server took is not known.", "Give its address with --server URL.")
    named = given_identity(config.cert, config.key).name if config.cert and config.key else ""
    host = config.public_host or named or reachable(config.host)[0]
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{'https' if config.tls or config.cert else 'http'}://{shown}:{config.port}"
