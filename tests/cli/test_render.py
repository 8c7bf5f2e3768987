from __future__ import annotations

import dataclasses
import io
import json
import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from pycall.cli.render import JsonRenderer, LiveRenderer
from pycall.core import events
from pycall.core.events import Event
from tests.cli.terminal import rendered

USING = Path(__file__).parents[2] / "docs" / "using.md"
STATS = events.Stats(420.4, 415.0, 30.0, 640, 480, 2, 1.5, 12.3, 66.0, 48.0)
UNKNOWN = events.Stats(0.0, 0.0, 0.0, None, None, 0, None, None, None, None)
ENDED = events.Ended("hangup", 12.3, 300, 290, 12.0, 11.0, 1_500_000, 2_600_000)
SUMMARY = (
    "Call ended after 12 s: 300 pictures and 12 s of sound sent (1.5 MB), 290 and 11 s received (2.6 MB)."
)
LATENCIES = [
    "ms in the last second  capture  encode    pace network  repair  decode    hold  device   total",
    "sound                     20.3     0.4     0.1    26.0     1.1     2.2    41.2    20.0   108.0",
]
ALL: list[Event] = [
    events.Joined("den", "a", False),
    events.PeerJoined("b", "Zoë"),
    events.Connecting(),
    events.Connected("direct", "host", "srflx", "udp", 0.25),
    events.FirstFrame("video"),
    events.Reconnecting(2.1),
    events.Reconnected(3.25),
    events.Words(("topmost", "istanbul", "pluto"), changed=False),
    events.PathChanged("relay", "relay", "host", "tcp"),
    STATS,
    events.Latency("audio", 20.3, 0.4, 0.1, 26.0, 1.1, 2.2, 41.2, 20.0, 108.0),
    events.PeerState(True, False, True),
    events.Recording("started", "/tmp/den.mp4"),
    events.PeerLeft("b", "left"),
    ENDED,
    events.Notice("no-camera", "There is no camera."),
    events.Failed("peer-lost", "The connection was lost.", "Call again."),
]


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def lines_of(*shown: Event, live: bool = True, keys: bool = True, close: bool = True) -> list[str]:
    """What stands on the screen after these events."""
    stream = Screen() if live else io.StringIO()
    renderer = LiveRenderer(invitation="Tell them.", keys=keys, stream=stream)
    for event in shown:
        renderer.show(event)
    if close:
        renderer.close()
    return rendered(stream.getvalue())


def json_of(*shown: Event) -> str:
    stream = io.StringIO()
    renderer = JsonRenderer(stream)
    for event in shown:
        renderer.show(event)
    renderer.close()
    return stream.getvalue()


# --json


def test_these_tests_know_every_event() -> None:
    assert {type(event) for event in ALL} == set(get_args(Event))


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.event_name)
def test_an_event_is_one_object_on_one_line(event: Event) -> None:
    text = json_of(event)
    assert text.count("\n") == 1
    assert text.endswith("\n")
    line = json.loads(text)
    assert line.pop("event") == event.event_name
    assert isinstance(line.pop("time"), float)
    assert line == json.loads(json.dumps(dataclasses.asdict(event)))


def test_figures_that_are_not_known_are_left_out() -> None:
    line = json.loads(json_of(UNKNOWN))
    assert line.keys() == {"event", "time", "sent_kbps", "received_kbps", "fps", "packets_lost"}


def test_whatever_is_in_a_text_the_line_is_plain_ascii() -> None:
    hostile = "a\nb\x1b[2J\x85\u2028\udcff日本"
    text = json_of(events.Notice("x", hostile))
    assert text.isascii()
    assert len(text.splitlines()) == 1
    assert json.loads(text)["message"] == hostile


def test_the_document_has_every_event_with_its_fields() -> None:
    _, _, rest = USING.read_text(encoding="utf-8").partition("| event | fields | when |")
    table, _, _ = rest.partition("\n\n")
    rows = [row.split("|")[1:3] for row in table.strip().splitlines()[1:]]
    documented = {
        name.strip(" `"): re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)", "", fields)) for name, fields in rows
    }
    assert documented == {
        event.event_name: [field.name for field in dataclasses.fields(event)] for event in get_args(Event)
    }


@pytest.mark.parametrize(
    ("event", "field"),
    [(events.Recording, "state"), (events.PeerLeft, "reason"), (events.FirstFrame, "kind")],
)
def test_the_document_has_the_words_a_field_can_be(event: type[Event], field: str) -> None:
    (row,) = re.findall(rf"^\| `{event.event_name}` \|.*$", USING.read_text(encoding="utf-8"), re.MULTILINE)
    words = get_args(get_type_hints(event)[field])
    assert words
    assert all(f"`{word}`" in row for word in words)


# For people


def test_a_call_on_a_terminal() -> None:
    meeting = ALL[:4]
    assert lines_of(*meeting[:1], close=False) == [
        "Waiting in room den. Tell them.",
        "Waiting for the other side … (Ctrl-C ends)",
    ]
    assert lines_of(*meeting, STATS, close=False) == [
        "Waiting in room den. Tell them.",
        "Zoë is here.",
        "Connected in 0.25 s, direct.",
        "Keys: m mute, v camera, r record, q hang up.",
        "● Zoë  0:00  ↑ 420 ↓ 415 kbit/s  30 fps  lost 2  rtt 12 ms  direct",
    ]
    assert lines_of(*meeting, STATS, events.PeerLeft("b", "left"), ENDED)[4:] == [
        "Zoë hung up.",
        SUMMARY,
        "",
    ]


def test_without_a_terminal_only_sentences_are_written() -> None:
    assert lines_of(*ALL, live=False, keys=False) == [
        "Waiting in room den. Tell them.",
        "Zoë is here.",
        "Connected in 0.25 s, direct.",
        "Zoë is not heard any more; reconnecting.",
        "Zoë is back after 3.2 s.",
        "Words to compare: topmost istanbul pluto. If Zoë has others, somebody sits between you.",
        *LATENCIES,
        "Zoë is recording this call.",
        "Recording to /tmp/den.mp4",
        "Zoë hung up.",
        LATENCIES[0].replace("ms in the last second ", "ms, median of the call"),
        LATENCIES[1],
        SUMMARY,
        "There is no camera.",
        "",
    ]


def test_what_the_other_side_does_is_marked_and_its_recording_is_said_once() -> None:
    states = [
        events.PeerState(True, True, False),
        events.PeerState(True, True, True),
        events.PeerState(False, True, True),
    ]
    *_, said, line = lines_of(*ALL[:4], *states, STATS, close=False)
    assert said == "Zoë is recording this call."
    assert line.startswith("● Zoë (camera off, RECORDING)  0:00")
    assert lines_of(*ALL[:4], *states).count("Zoë is recording this call.") == 1


def test_the_next_one_has_no_marks_of_the_one_before() -> None:
    again: list[Event] = [
        events.PeerJoined("c", "Cy"),
        events.Connected("relay", "relay", "host", "tls", 1.0),
        UNKNOWN,
    ]
    *_, line = lines_of(*ALL[:4], ALL[6], events.PeerLeft("b", "lost"), *again, close=False)
    assert line == "● Cy  0:00  ↑ 0 ↓ 0 kbit/s  0 fps  lost 0  over a relay"


def test_who_has_no_name_is_the_other_side() -> None:
    assert "The other side is here." in lines_of(events.PeerJoined("b", ""))


@pytest.mark.parametrize(
    ("before", "rings"),
    [
        ([events.Joined("den", "a", False)], 1),
        ([events.Joined("den", "a", True)], 0),
        ([events.Joined("den", "a", True), events.PeerJoined("b", "B"), events.PeerLeft("b", "left")], 1),
    ],
)
def test_the_bell_rings_for_who_was_waited_for(before: list[Event], rings: int) -> None:
    stream = Screen()
    renderer = LiveRenderer(invitation="", keys=False, stream=stream)
    for event in [*before, events.PeerJoined("c", "Cy")]:
        renderer.show(event)
    assert stream.getvalue().count("\a") == rings


def test_the_three_words_about_a_recording() -> None:
    path = "/tmp/den.mp4"
    words = [
        events.Recording("started", path),
        events.Recording("stopped", path),
        events.Recording("failed", path),
    ]
    assert lines_of(*words) == [
        "Recording to /tmp/den.mp4",
        "Recorded /tmp/den.mp4",
        "The recording broke off: /tmp/den.mp4 holds what there was.",
        "",
    ]


def test_an_end_before_the_beginning_has_no_figures() -> None:
    assert lines_of(events.Ended("interrupted")) == ["The call ended before it began.", ""]


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.event_name)
def test_every_event_leaves_the_terminal_clean(event: Event) -> None:
    assert lines_of(event)[-1] == ""


def test_words_are_told_and_that_they_are_others_now() -> None:
    here = events.PeerJoined("b", "Bob")
    first, other = ("topmost", "istanbul", "pluto"), ("music", "sensation", "physique")
    assert (
        "Words to compare: topmost istanbul pluto. If Bob has others, somebody sits between you."
        in lines_of(here, events.Words(first, changed=False))
    )
    assert (
        "Words to compare anew: music sensation physique. If Bob has others, somebody sits between you."
        in (lines_of(here, events.Words(first, changed=False), events.Words(other, changed=True)))
    )
