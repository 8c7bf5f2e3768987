"""Options of the commands, made from the keys of :mod:`pycall.config`.

A command takes a whole section at once and is handed it as one frozen value::

    @click.command()
    @click.argument("room", type=ROOM)
    @config_options(CallConfig)
    def call(room: str, config: CallConfig) -> int: ...

Flags win over the environment, the environment over the file of ``--config``, the file over defaults.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any, Final, TypeAlias

import click
from click.core import ParameterSource

from pycall.checks import Raw
from pycall.cli.links import Link, parse_room
from pycall.config import Key, Limits, Section, ServerConfig, keys, read_file
from pycall.errors import ConfigError

Command: TypeAlias = Callable[..., Any]
Sections: TypeAlias = dict[str, dict[str, Raw]]

_FILE: Final = f"{__name__}.file"
"""Where click keeps the sections of the file that was given, while a command runs."""


class KeyType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer clicks
    """A click type that checks with a key's own check, so that every origin gets the same sentence."""

    def __init__(self, key: Key) -> None:
        self.name = key.name
        self._key = key

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The usable value; raises :class:`ConfigError`, which names the flag or the variable."""
        source = ctx.get_parameter_source(param.name) if ctx and param and param.name else None
        is_environment = source is ParameterSource.ENVIRONMENT
        return self._key.read(value, self._key.variable if is_environment else self._key.flag)


class RoomType(click.ParamType):  # type: ignore[type-arg]
    """The name of a room or a link to one, checked before anything is opened."""

    name = "room"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> str | Link:
        """The name or the link; raises :class:`ConfigError` when it can be neither, or is a secret."""
        room = parse_room(value)
        if isinstance(room, Link) and room.invite:
            raise ConfigError(
                "The link has an invite in it, and everybody on this computer can read command lines.",
                "Type `pycall call -` and paste the link, or keep it in a file for --invite-file.",
            )
        return room


ROOM = RoomType()


def config_options(
    section: type[Section], only: Container[str] | None = None
) -> Callable[[Command], Command]:
    """Give a command the options of ``section`` and ``--config``; it is called with ``config=``.

    ``only`` names the keys that matter to it, if these are not all; the others keep their defaults.
    """
    wanted = [key for key in keys(section) if only is None or key.name in only]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_config(**given: Any) -> Any:
            values = {key.name: given.pop(key.name) if key.has_flag else _flagless(key) for key in wanted}
            return command(config=section(**values), **given)

        decorated = _config_option(section)(with_config)
        for key in reversed(wanted):
            if key.has_flag:
                decorated = key_option(key)(decorated)
        return decorated

    return decorate


def key_option(key: Key, **changes: Any) -> Callable[[Command], Command]:
    """The click option of one key; ``changes`` override what click is told, e.g. ``default``."""
    declaration = f"{key.flag}/--no-{key.flag[2:]}" if key.is_switch else key.flag
    short = ("-v",) if key.name == "verbose" else ()
    told: dict[str, Any] = {
        "default": key.default,
        "help": key.help,
        "envvar": key.variable,
        "show_envvar": True,
        "show_default": key.default not in {"", False},
    }
    if not key.is_switch:
        told |= {"type": KeyType(key), "metavar": key.metavar}
    if key.many:
        told |= {"default": None, "multiple": True}
    if key.name == "record":  # the one option whose value may be left out
        told |= {"is_flag": False, "flag_value": "true"}
    return click.option(*short, declaration, key.name, **(told | changes))


def limits_of(config: ServerConfig) -> Limits:
    """The section ``[limits]`` of the command that runs, or none of them; raises :class:`ConfigError`."""
    limits = Limits(**{key.name: _flagless(key) for key in keys(Limits)})
    limits.check()
    return limits if config.limits else limits.off()


def _flagless(key: Key) -> Any:
    """A key that has no flag: from the environment, else from the file."""
    if key.variable in os.environ:
        return key.read(os.environ[key.variable], key.variable)
    file: Sections = click.get_current_context().meta.get(_FILE, {})
    return key.read(file.get(key.section, {}).get(key.name, key.default), key.name)


def _config_option(section: type[Section]) -> Callable[[Command], Command]:
    def load(ctx: click.Context, _param: click.Parameter, path: Path | None) -> None:
        if path is not None:
            ctx.meta[_FILE] = file = read_file(path)
            ctx.default_map = {**(ctx.default_map or {}), **file.get(section.section, {})}

    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=load,
        envvar="PYCALL_CONFIG",
        show_envvar=True,
        metavar="FILE",
        help=f"Read [{section.section}] of this TOML file; see config.example.toml.",
    )
