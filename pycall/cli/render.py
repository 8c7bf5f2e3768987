"""How a call looks: one JSON object a line for programs, a calm live line for people.

Both renderers take the same events. Names in events come from the other side and have been made
safe to print at the door (:func:`pycall.core.names.clean_display_name`).
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import time
from typing import Protocol, TextIO, assert_never

import click

from pycall.core import events
from pycall.core.events import Event


class Renderer(Protocol):
    """Somebody who shows events."""

    def show(self, event: Event) -> None:
        """Show one event, at once."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


class JsonRenderer:
    """``--json``: every event as one object a line on stdout; unknown figures are left out."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    def show(self, event: Event) -> None:
        """Write the line and flush it."""
        fields = {key: value for key, value in dataclasses.asdict(event).items() if value is not None}
        line = {"event": event.event_name, "time": time.time(), **fields}  # noqa: TID251  wall clock is meant
        self._stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing to tidy up."""


class LiveRenderer:
    """For people: events as sentences, and below them one line that is rewritten in place.

    Without a terminal the line is left out and only sentences are written.
    """

    def __init__(self, *, invitation: str, keys: bool, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._invitation = invitation
        self._keys = keys
        self._line = ""
        self._peer = ""
        self._path = ""
        self._marks: list[str] = []
        self._started: float | None = None
        self._waiting = False

    def show(self, event: Event) -> None:
        """Tell a person about ``event``."""
        match event:
            case events.Joined():
                self._joined(event)
            case events.PeerJoined(_, name):
                self._peer = name or "the other side"
                bell = "\a" if self._waiting and self._live else ""
                self._say(f"{bell}{self._peer} is here.")
            case events.Connecting():
                self._redraw("Connecting …")
            case events.Connected():
                self._connected(event)
            case events.Stats():
                self._redraw(self._status(event))
            case events.PeerState(muted, camera_off, recording):
                self._peer_state(muted=muted, camera_off=camera_off, recording=recording)
            case events.Recording(state, path):
                self._say(_RECORDING[state].format(path=path))
            case events.PeerLeft(_, reason):
                self._peer_left(reason)
            case events.Notice(_, message):
                self._say(message)
            case events.Ended():
                self._say(_summary(event))
            case events.FirstFrame() | events.Failed():
                pass  # the line shows frames; the error is told once, when the program ends
            case _:
                assert_never(event)

    def close(self) -> None:
        """Remove the live line."""
        self._redraw("")

    def _joined(self, event: events.Joined) -> None:
        if event.peer:
            return
        self._waiting = True
        self._say(f"Waiting in room {event.room}. {self._invitation}")
        self._redraw("Waiting for the other side … (Ctrl-C ends)")

    def _connected(self, event: events.Connected) -> None:
        self._started = time.monotonic()
        self._path = "direct" if event.path == "direct" else "over a relay"
        self._say(f"Connected with {self._peer} in {event.setup_s:.2f} s, {self._path}.")
        if self._keys:
            self._say("Keys: m mute, v camera, r record, q hang up.")

    def _peer_left(self, reason: str) -> None:
        self._marks.clear()
        self._started = None
        self._say(f"{self._peer} hung up." if reason == "left" else f"{self._peer} is gone.")
        self._redraw("")

    def _peer_state(self, *, muted: bool, camera_off: bool, recording: bool) -> None:
        marks = {"muted": muted, "camera off": camera_off, "RECORDING": recording}
        now = [word for word, on in marks.items() if on]
        if "RECORDING" in now and "RECORDING" not in self._marks:
            self._say(f"{self._peer} is recording this call.")
        self._marks = now

    def _status(self, stats: events.Stats) -> str:
        seconds = int(time.monotonic() - self._started) if self._started is not None else 0
        who = f"{self._peer} ({', '.join(self._marks)})" if self._marks else self._peer
        parts = [
            f"● {who}",
            f"{seconds // 60}:{seconds % 60:02}",
            f"↑ {stats.sent_kbps:.0f} ↓ {stats.received_kbps:.0f} kbit/s",
            f"{stats.fps:.0f} fps",
            f"lost {stats.packets_lost}",
        ]
        if stats.rtt_ms is not None:
            parts.append(f"rtt {stats.rtt_ms:.0f} ms")
        return "  ".join([*parts, self._path])

    def _say(self, sentence: str) -> None:
        self._clear()
        self._stream.write(sentence + "\n")
        self._stream.write(self._line)
        self._stream.flush()

    def _redraw(self, line: str) -> None:
        if not self._live:
            return
        self._clear()
        width = shutil.get_terminal_size().columns
        self._line = line[: width - 1]
        self._stream.write(self._line)
        self._stream.flush()

    def _clear(self) -> None:
        if self._line:
            self._stream.write("\r\x1b[K")


_RECORDING = {
    "started": "Recording to {path}",
    "stopped": "Recorded {path}",
    "failed": "The recording broke off: {path} holds what there was.",
}


def _summary(event: events.Ended) -> str:
    if not event.duration_s:
        return "The call ended before it began."
    return (
        f"Call ended after {event.duration_s:.0f} s: "
        f"{event.frames_sent} pictures and {event.audio_sent_s:.0f} s of sound sent "
        f"({_megabytes(event.bytes_sent)}), "
        f"{event.frames_received} and {event.audio_received_s:.0f} s received "
        f"({_megabytes(event.bytes_received)})."
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def invitation(room: str, server: str, default_server: str, lan_address: str | None) -> str:
    """What to pass on to the other side so that it lands in the same room."""
    if server != default_server:
        return f"The other side types:\n\n    pycall call {room} --server {server}\n"
    text = f"The other side types on this machine:\n\n    pycall call {room}\n"
    if lan_address is None:
        return text
    there = server.replace("localhost", lan_address)
    return f"{text}\nand on another machine of this network:\n\n    pycall call {room} --server {there}\n"


def warn(sentence: str) -> None:
    """A sentence for a person on stderr, whatever the renderer."""
    click.echo(sentence, err=True)
