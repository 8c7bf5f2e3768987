"""What `pycall call` shows to be let into a closed room, and where it comes from: never a command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from pycall.cli.links import MAX_LINK, Link, parse_room
from pycall.cli.secretfile import read_secret
from pycall.config import CallConfig
from pycall.core.credentials import Credentials
from pycall.errors import ConfigError

STANDARD_INPUT: Final = "-"
"""As ROOM: a link is read from there."""


def credentials_of(config: CallConfig, room: str = "", invite: str = "") -> Credentials:
    """What the configuration has for ``room``; ``invite`` came in a link to it.

    Raises:
        ConfigError: one of the files cannot be used.
    """
    password = config.password
    if config.password_file is not None:
        password = read_secret(config.password_file, "--password-file", "the server's")
    if config.invite_file is not None:
        invite = _invite_in(config.invite_file, room)
    return Credentials(password, invite)


def room_from_input() -> str | Link:
    """The link, or the name of a room, that is typed or piped in.

    Raises:
        ConfigError: it is neither, or nothing came.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        text: str = click.prompt("Link of the room", err=True)
    else:
        text = sys.stdin.readline(MAX_LINK + 2) if sys.stdin is not None else ""
    if not text.strip():
        raise ConfigError("No link came on standard input.", "Pipe one in, or paste it at the prompt.")
    return parse_room(text.strip())


def ask_password() -> str:
    """The password somebody types, which nobody sees."""
    password: str = click.prompt("Password of the server", hide_input=True, err=True)
    return password


def can_ask() -> bool:
    """Whether somebody is there to type a password."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _invite_in(path: Path, room: str) -> str:
    """The invite in a file, which may hold the whole link."""
    text = read_secret(path, "--invite-file", "`pycall invite` printed")
    if "://" not in text:
        return text
    link = parse_room(text)
    if not isinstance(link, Link) or not link.invite:
        raise ConfigError(
            f"{path}: the link in it has no invite.", "Save the link as `pycall invite` printed it."
        )
    if link.room != room:
        raise ConfigError(
            f"{path}: the invite in it is for another room.", "Call the room that its link leads to."
        )
    return link.invite
