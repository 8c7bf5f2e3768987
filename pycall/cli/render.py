"""How a call looks: one JSON object a line for programs, a calm live line for people.

Both renderers take the same events and write to stdout at once; both raise :class:`OSError` when
nobody reads there any more.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from typing import Protocol, assert_never

from pycall.cli.latency_table import LatencyTable
from pycall.cli.live_line import LiveLine, Stream
from pycall.core import events
from pycall.core.events import Event


class Renderer(Protocol):
    """Somebody who shows events."""

    def show(self, event: Event) -> None:
        """Show one event, at once."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


class JsonRenderer:
    """``--json``: every event as one object a line, in ASCII; unknown figures are left out."""

    def __init__(self, stream: Stream | None = None) -> None:
        self._stream = stream or sys.stdout

    def show(self, event: Event) -> None:
        """Write the line and flush it."""
        fields = {key: value for key, value in dataclasses.asdict(event).items() if value is not None}
        line = {"event": event.event_name, "time": time.time(), **fields}  # noqa: TID251  wall clock is meant
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing to tidy up."""


class LiveRenderer:
    """For people: events as sentences, and below them one line that is rewritten in place."""

    def __init__(self, *, invitation: str, keys: bool, stream: Stream | None = None) -> None:
        self._line = LiveLine(stream)
        self._latencies = LatencyTable()
        self._invitation = invitation
        self._keys = keys
        self._peer = ""
        self._path = ""
        self._marks: list[str] = []
        self._own: set[str] = set()
        self._started = 0.0
        self._waiting = False
        self._reconnecting = False

    def show(self, event: Event) -> None:
        """Tell a person about ``event``."""
        match event:
            case events.Joined(room, _, peer):
                if not peer:
                    self._line.say(f"Waiting in room {room}. {self._invitation}")
                    self._wait()
            case events.PeerJoined(_, name):
                self._peer_joined(name)
            case events.Connecting():
                self._line.show("Connecting …")
            case events.Connected():
                self._connected(event)
            case events.Reconnecting():
                self._reconnecting = True
                self._line.say(f"{self._peer} is not heard any more; reconnecting.")
                self._line.show("Reconnecting … (Ctrl-C ends)")
            case events.Reconnected(gap_s):
                self._reconnecting = False
                self._line.say(f"{self._peer} is back after {gap_s:.1f} s.")
            case events.Words(words, changed):
                self._words(words, changed=changed)
            case events.PathChanged(path):
                self._path = _PATHS[path]
            case events.Stats():
                if not self._reconnecting:
                    self._line.show(self._status(event))
            case events.Latency():
                self._line.say("\n".join(self._latencies.rows(event)))
            case events.PeerState(muted, camera_off, recording):
                self._peer_state(muted=muted, camera_off=camera_off, recording=recording)
            case events.Recording(state, path):
                self._mark("RECORDING", on=state == "started")
                self._line.say(_RECORDING[state].format(path=path))
            case events.PeerLeft(_, reason):
                self._line.say(f"{self._peer} hung up." if reason == "left" else f"{self._peer} is gone.")
                self._wait()
            case events.Notice(code, message):
                if code in _SWITCHES:
                    mark, on = _SWITCHES[code]
                    self._mark(mark, on=on)
                self._line.say(message)
            case events.Ended():
                self._line.show("")
                self._line.say("\n".join([*self._latencies.summary(), _summary(event)]))
            case events.FirstFrame() | events.Failed():
                pass  # the line shows frames; the error is told once, when the program ends
            case _:
                assert_never(event)

    def close(self) -> None:
        """Remove the live line."""
        self._line.close()

    def _wait(self) -> None:
        self._waiting, self._reconnecting = True, False
        self._line.show("Waiting for the other side … (Ctrl-C ends)")

    def _peer_joined(self, name: str) -> None:
        if self._waiting:
            self._line.ring()
        self._waiting = False
        self._peer = name or "The other side"
        self._marks = []
        self._line.say(f"{self._peer} is here.")

    def _connected(self, event: events.Connected) -> None:
        self._started = time.monotonic()
        self._path = _PATHS[event.path]
        self._line.say(f"Connected in {event.setup_s:.2f} s, {self._path}.")
        if self._keys:
            self._line.say("Keys: m mute, v camera, r record, q hang up.")

    def _words(self, words: tuple[str, ...], *, changed: bool) -> None:
        told = "Words to compare anew" if changed else "Words to compare"
        self._line.say(f"{told}: {' '.join(words)}. If {self._peer} has others, somebody sits between you.")

    def _peer_state(self, *, muted: bool, camera_off: bool, recording: bool) -> None:
        marks = {"muted": muted, "camera off": camera_off, "RECORDING": recording}
        now = [word for word, on in marks.items() if on]
        if recording and "RECORDING" not in self._marks:
            self._line.say(f"{self._peer} is recording this call.")
        self._marks = now

    def _mark(self, mark: str, *, on: bool) -> None:
        self._own = self._own | {mark} if on else self._own - {mark}

    def _status(self, stats: events.Stats) -> str:
        seconds = int(time.monotonic() - self._started)
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
        own = [f"you: {', '.join(sorted(self._own))}"] if self._own else []
        return "  ".join([*parts, self._path, *own])


_SWITCHES = {
    "muted": ("muted", True),
    "unmuted": ("muted", False),
    "camera-off": ("camera off", True),
    "camera-on": ("camera off", False),
}
"""The notices of one's own switches, and the mark each sets or takes away."""

_PATHS = {"direct": "direct", "relay": "over a relay"}

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
