"""From the options of `pycall serve` to the rooms it shares with other servers."""

from __future__ import annotations

from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from pycall import checks
from pycall.cli.secretfile import read_secret
from pycall.config import ServerConfig
from pycall.errors import ConfigError
from pycall.server.store import SharedRoomStore


def redis_of(config: ServerConfig) -> str:
    """The URL of the Redis to share rooms by; empty if they are not shared.

    Raises:
        ConfigError: the options contradict each other, or show everybody a password.
    """
    if config.redis and config.redis_file:
        raise ConfigError("Of --redis and --redis-file only one can be meant.", "Leave one out.")
    if config.redis_file:
        url = read_secret(config.redis_file, "--redis-file", "the URL of the Redis")
        try:
            return checks.redis_url(url)
        except checks.Unusable as error:
            raise ConfigError(f"{config.redis_file}: {error.why}", error.hint) from error
    context = click.get_current_context()
    is_flag = context.get_parameter_source("redis") is ParameterSource.COMMANDLINE
    if is_flag and (urlsplit(config.redis).password or urlsplit(config.redis).query):
        raise ConfigError(
            "A password on the command line can be read by everybody on this computer.",
            "Give the URL as PYCALL_SERVER_REDIS, as redis in the file of --config, or with --redis-file.",
        )
    return config.redis


def shared_rooms(url: str) -> SharedRoomStore | None:
    """The rooms in the Redis at ``url``; ``None`` without one.

    Raises:
        ConfigError: what is needed for that is not installed.
    """
    if not url:
        return None
    try:
        from pycall.server.nodes import SharedRooms  # noqa: PLC0415  redis is an extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "redis":
            raise
        raise ConfigError(
            "Sharing rooms by Redis needs the extra `redis`, which is not installed.",
            "Install it with: pip install 'pycall-webrtc[redis]'",
        ) from error
    return SharedRooms(url)
