"""`pycall devices`: what there is to see, hear and be heard with, and whether it works."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pycall.core.names import terminal_safe
from pycall.errors import MediaError, PycallError
from pycall.media.devices.listing import Listing, list_cameras, list_microphones, list_speakers
from pycall.media.spec import Off, Spec, parse_camera, parse_microphone, parse_speaker
from pycall.media.trial import FLOOR_DB, try_camera, try_microphone, try_speaker

LISTEN_S: Final = 4.0
TONE_S: Final = 2.0
SNAPSHOT: Final = Path("snapshot.png")
WIDTH_WITHOUT_TERMINAL: Final = 200

_METER_CELLS: Final = 40
_METER_FLOOR_DB: Final = -60.0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--test", "test", is_flag=True, help="Try a microphone, a speaker and a camera.")
@click.option("--camera", default="default", metavar="SPEC", show_default=True, help="The camera to try.")
@click.option(
    "--microphone", default="default", metavar="SPEC", show_default=True, help="The microphone to try."
)
@click.option("--speaker", default="default", metavar="SPEC", show_default=True, help="The speaker to try.")
def devices(*, as_json: bool, test: bool, camera: str, microphone: str, speaker: str) -> int:
    """List cameras, microphones and speakers, and say why there are none.

    A device is asked for by its name, id or number. With --test the microphone's level is shown for
    some seconds, a tone is played on the speaker, and what the camera sees is saved as snapshot.png.
    """
    if as_json and test:
        raise click.UsageError("--json lists and --test tries; they do not go together.")
    specs = parse_camera(camera), parse_microphone(microphone), parse_speaker(speaker)
    if test:
        worked = [
            _tried("Microphone", specs[1], lambda: _hear(try_microphone(specs[1], LISTEN_S, _show_level))),
            _tried("Speaker", specs[2], lambda: f"{try_speaker(specs[2], TONE_S)}: did you hear the tones?"),
            _tried(
                "Camera",
                specs[0],
                lambda: "{}: saved what it sees as {}".format(*try_camera(specs[0], SNAPSHOT)),
            ),
        ]
        return 0 if all(worked) else MediaError.exit_code
    listings = (list_cameras(), list_microphones(), list_speakers())
    if as_json:
        click.echo(json.dumps({f"{each.kind}s": _plain(each) for each in listings}, ensure_ascii=False))
        return 0
    console = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False)
    for listing in listings:
        _show(console, listing)
    return 0


def _plain(listing: Listing) -> dict[str, object]:
    return {"devices": [asdict(device) for device in listing.devices], "why_none": listing.why_none}


def _show(console: Console, listing: Listing) -> None:
    console.print(Text(f"{listing.kind.capitalize()}s", style="bold"))
    if not listing.devices:
        console.print(Text(f"  {terminal_safe(listing.why_none)}\n"))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("No.", justify="right")
    for title in ("Name", "Id", ""):
        table.add_column(title, overflow="fold")
    for device in listing.devices:
        remarks = ["default"] * device.default + [terminal_safe(device.note)] * bool(device.note)
        texts = (str(device.number), terminal_safe(device.name), terminal_safe(device.id), ", ".join(remarks))
        table.add_row(*map(Text, texts), style="bold" if device.default else None)
    console.print(table)


def _tried(title: str, spec: Spec, attempt: Callable[[], str]) -> bool:
    """Do one step of the test and say in one sentence how it went; ``none`` is not tried."""
    if isinstance(spec, Off):
        return True
    if sys.stdout.isatty():
        click.echo(f"{title} …\r", nl=False)
    try:
        answer = attempt()
    except PycallError as error:
        answer = " ".join(filter(None, (error.message, error.hint)))
        worked = False
    else:
        worked = True
    clear = "\r\x1b[K" if sys.stdout.isatty() else ""
    click.echo(f"{clear}{title}: {terminal_safe(answer)}")
    return worked


def _hear(heard: tuple[str, float]) -> str:
    name, loudest = heard
    if loudest <= FLOOR_DB:
        return f"{name} gives nothing but digital silence; is it muted?"
    return f"{name} works, the loudest moment was {loudest:.0f} dBFS"


def _show_level(level_db: float) -> None:
    """Redraw the meter; without a terminal there is none."""
    if not sys.stdout.isatty():
        return
    filled = round(_METER_CELLS * max(0.0, 1 - level_db / _METER_FLOOR_DB))
    bar = "█" * filled + "·" * (_METER_CELLS - filled)
    click.echo(f"\rMicrophone {bar} {level_db:4.0f} dBFS ", nl=False)
