"""From the options of `pycall serve` to who is let into its rooms, and what to say of it at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pycall.cli.folders import data_folder
from pycall.cli.secretfile import read_secret
from pycall.config import Limits, ServerConfig
from pycall.errors import ConfigError
from pycall.server.admission.access import Access
from pycall.server.admission.invitekey import FILE, made_or_kept_key
from pycall.server.admission.spending import Spending

LEAST_CHARACTERS: Final = 8
"""A password shorter than this can be guessed, even ten tries at a time."""

OPEN_ROOMS: Final = (
    "Rooms are open: whoever reaches this server and knows or guesses a room's name can join it."
)
PLAIN_HTTP: Final = "Over plain http passwords and invites can be read on the way: see --tls."


def access_of(config: ServerConfig, limits: Limits, spending: Spending | None = None) -> Access:
    """Who is let in; the key for invites is made if there is none, in a folder that is there or our own.

    ``spending`` remembers who has used which invite, by default this process alone.

    Raises:
        ConfigError: the options contradict each other, or one of the two files cannot be used.
        ListenFailed: the key cannot be kept.
    """
    if config.invite_key_file is not None and not config.require_invite:
        raise ConfigError(
            "--invite-key-file belongs to --require-invite.", "Add --require-invite, or leave it out."
        )
    key = b""
    if config.require_invite:
        key = made_or_kept_key(invite_key_path(config), makes_folder=config.invite_key_file is None)
    password = _password(config.password_file) if config.password_file else ""
    return Access(password=password, invite_key=key, limits=limits, spending=spending)


def invite_key_path(config: ServerConfig) -> Path:
    """Where the key for invites is kept."""
    return config.invite_key_file or data_folder() / FILE


def announcement(config: ServerConfig, *, is_local: bool, is_https: bool) -> list[str]:
    """What to say at the start; ``is_local``: nobody else reaches this server."""
    demands = []
    if config.password_file:
        demands.append("must know the password")
    if config.require_invite:
        demands.append("needs an invite, as `pycall invite ROOM` makes them")
    if not demands:
        return [] if is_local else [OPEN_ROOMS]
    closed = f"Rooms are closed: whoever joins {' and '.join(demands)}."
    return [closed] if is_local or is_https else [closed, PLAIN_HTTP]


def _password(path: Path) -> str:
    password = read_secret(path, "--password-file", "those who call are told")
    if len(password) < LEAST_CHARACTERS:
        raise ConfigError(
            f"{path}: the password has less than {LEAST_CHARACTERS} characters.",
            "Make one with: openssl rand -base64 15",
        )
    return password
