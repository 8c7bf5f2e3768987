from __future__ import annotations

import io
import sys

import pytest
from rich.cells import cell_len

from pycall.cli.live_line import LiveLine
from tests.cli.terminal import Start, rendered


class Screen(io.StringIO):
    """A stream that is a terminal of a known width."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_the_line_is_rewritten_in_place_and_sentences_stay_above_it(screen: Screen) -> None:
    line = LiveLine(screen)
    line.say("one")
    line.show("first")
    line.show("2nd")
    line.say("two\nthree")
    assert rendered(screen.getvalue()) == ["one", "two", "three", "2nd"]
    line.show("")
    assert rendered(screen.getvalue()) == ["one", "two", "three", ""]
    line.show("")


@pytest.mark.parametrize("text", ["x" * 200, "日本語" * 60, "é" * 200, "a日" * 70])
def test_a_long_line_is_cut_to_fit_whatever_its_letters(screen: Screen, text: str) -> None:
    LiveLine(screen).show(text)
    assert 77 <= cell_len(screen.getvalue()) <= 79


def test_a_line_that_fits_is_left_alone(screen: Screen) -> None:
    LiveLine(screen).show("x" * 79)
    assert screen.getvalue() == "x" * 79


def test_without_a_terminal_only_sentences_are_written() -> None:
    stream = io.StringIO()
    line = LiveLine(stream)
    assert not line.live
    line.show("first")
    line.ring()
    line.say("one")
    line.show("")
    assert stream.getvalue() == "one\n"


def test_a_terminal_that_cannot_go_back_gets_only_sentences(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    line = LiveLine(screen)
    line.show("first")
    line.say("one")
    assert screen.getvalue() == "one\n"


def test_the_bell_rings_on_a_terminal(screen: Screen) -> None:
    LiveLine(screen).ring()
    assert screen.getvalue() == "\a"


def test_nothing_written_acts_on_the_terminal(screen: Screen) -> None:
    line = LiveLine(screen)
    line.show("a\x1b[2Jb\r")
    line.say("c\x9b31m\x07\u202ed")
    assert screen.getvalue() == "a\\x1b[2Jb\\r" + "\r\x1b[K" + "c\\x9b31m\\x07\\u202ed\n" + "a\\x1b[2Jb\\r"


def test_what_the_stream_cannot_encode_is_replaced() -> None:
    octets = io.BytesIO()
    stream = io.TextIOWrapper(octets, encoding="latin-1", newline="\n")
    LiveLine(stream).say("● Zoë ↑")
    assert octets.getvalue() == "? Zoë ?\n".encode("latin-1")


@pytest.mark.integration
def test_the_width_is_the_terminals(terminal: Start) -> None:
    program = "from pycall.cli.live_line import LiveLine; LiveLine().show('x' * 100)"
    narrow = terminal([sys.executable, "-c", program], columns=30)
    assert narrow.wait() == 0
    assert narrow.screen == ["x" * 29]
