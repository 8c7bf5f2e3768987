"""`pycall doctor`: whether calls can be expected to work here, and what is in the way."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from typing import Final

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pycall.cli.log import log_to_stderr
from pycall.cli.loop import run
from pycall.cli.options import config_options
from pycall.config import CallConfig
from pycall.core.findings import Finding, State
from pycall.core.names import terminal_safe
from pycall.errors import CallError
from pycall.media.spec import parse_camera, parse_microphone, parse_speaker

ASKED: Final = frozenset({
    "server", "cert_sha256", "password", "password_file", "camera", "microphone", "speaker", "size", "fps",
    "ice_server", "turn_username", "turn_credential", "relay_only", "json", "verbose",
})  # fmt: skip
"""What of a call's configuration matters to the checks."""

WIDTH_WITHOUT_TERMINAL: Final = 120

_STYLES: Final[dict[State, str]] = {
    "ok": "green",
    "warning": "yellow",
    "failed": "bold red",
    "skipped": "dim",
}


@click.command()
@config_options(CallConfig, only=ASKED)
def doctor(config: CallConfig) -> int:
    """Check whether calls can be expected to work here, and say what is in the way.

    Give the options you call with. The server, its STUN and TURN servers, the kind of NAT, IPv6, the
    devices, the encoders and a call with oneself are tried, which takes up to 20 s. Exit code 0 means
    that calls can be expected to work, 4 that they cannot.
    """
    log_to_stderr(
        own=logging.INFO if config.verbose else logging.CRITICAL,
        others=logging.CRITICAL,
    )
    for parse, given in (
        (parse_camera, config.camera),
        (parse_microphone, config.microphone),
        (parse_speaker, config.speaker),
    ):
        parse(given)
    from pycall.cli.checkup import check_up  # noqa: PLC0415  --help must not load codecs

    is_watched = sys.stderr.isatty() and not config.json
    if is_watched:
        click.echo("Checking, which takes up to 20 s …\r", nl=False, err=True)
    findings = run(check_up(config))
    if is_watched:
        click.echo("\x1b[K", nl=False, err=True)
    if config.json:
        print_lines(findings)
    else:
        print_table(findings, Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL))
    return CallError.exit_code if findings[-1].state == "failed" else 0


def print_lines(findings: Iterable[Finding]) -> None:
    """One JSON object a line for each finding, in ASCII."""
    for each in findings:
        fields = {
            "check": each.check,
            "subject": each.subject,
            "state": each.state,
            "found": each.found,
            "cause": each.cause,
            "advice": each.advice,
            "figures": {name: value for name, value in each.figures.items() if value is not None},
        }
        click.echo(json.dumps(fields))


def print_table(findings: list[Finding], console: Console) -> None:
    """A table of the findings, each trouble with its likely cause and next step; then the conclusion."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Check", no_wrap=True)
    table.add_column("State", no_wrap=True)
    table.add_column("Found", overflow="fold")
    *checks, conclusion = findings
    for each in checks:
        table.add_row(Text(each.check), Text(each.state, style=_STYLES[each.state]), _told(each))
    console.print(table)
    console.print(_told(conclusion, style=_STYLES[conclusion.state]))


def _told(finding: Finding, style: str = "") -> Text:
    subject = f"{finding.subject}: " if finding.subject else ""
    text = Text(terminal_safe(f"{subject}{finding.found}"), style=style)
    for title, words in (("Cause", finding.cause), ("Next", finding.advice)):
        if words:
            text.append(f"\n{title}: {terminal_safe(words)}", style="not bold")
    return text
