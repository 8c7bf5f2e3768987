"""The command `pycall`: finds the subcommand, and turns whatever ends it into words and an exit code."""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Final, NoReturn

import click

from pycall import __version__
from pycall.core.names import terminal_safe
from pycall.errors import PycallError

COMMANDS: Final = {
    "call": "Call whoever comes to ROOM.",
    "serve": "Run the signalling server.",
    "invite": "Print a link that lets into a room of a closed server.",
    "devices": "List cameras, microphones and speakers, and try them.",
    "doctor": "Check whether calls can work here, and say what is in the way.",
    "demo": "Show a whole call on this machine.",
}
"""Each command is the click command of its name in ``pycall.cli.NAME``, imported when it is used."""

INTERRUPTED: Final = 130
MOST_LINES: Final = 5


class LazyGroup(click.Group):
    """A group that imports a subcommand only to run it: help must not load codecs and windows."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order of help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a subcommand; ``None`` for one that does not exist."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"pycall.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="pycall %(version)s")
@click.pass_context
def root(ctx: click.Context) -> None:
    """Peer-to-peer audio and video calls for the terminal.

    On one machine run `pycall serve`; then both people run `pycall call ROOM` with the same room.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(args: list[str] | None = None) -> NoReturn:
    """Run `pycall` with ``args`` (default: the process's) and exit."""
    sys.exit(_run(args))


def _run(args: list[str] | None) -> int:
    """Run and return the exit code; a subcommand may return its own."""
    try:
        code = root.main(args, prog_name="pycall", standalone_mode=False)
    except PycallError as error:
        _complain(error.message, error.hint)
        return error.exit_code
    except click.UsageError as error:
        asked = error.ctx.command_path if error.ctx else "pycall"
        _complain(_sentence(error), f"`{asked} --help` shows how it is used.")
        return error.exit_code
    except click.ClickException as error:
        _complain(_sentence(error), "")
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Exception:  # noqa: BLE001  the one place where what nobody foresaw is told
        traceback.print_exc()
        _complain(f"This is a bug in pycall {__version__}.", "Please report it with the lines above.")
        return 1
    return code if isinstance(code, int) else 0


def _sentence(error: click.ClickException) -> str:
    told = error.format_message().rstrip(".")
    return told if told.endswith(("?", "?)")) else f"{told}."


def _complain(sentence: str, hint: str) -> None:
    click.echo(f"Error: {terminal_safe(sentence)}", err=True)
    if hint:
        for line in f"Hint: {hint}".splitlines()[: MOST_LINES - 1]:
            click.echo(terminal_safe(line), err=True)
