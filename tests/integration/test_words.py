"""Two real callers see the same words, and others when their server is not honest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.integration.conftest import QUIET, url_of
from tests.program import Program, Programs

pytestmark = pytest.mark.integration

TAMPERING = Path(__file__).with_name("tampering.py")


def call_over(start_pycall: Programs, what: str) -> tuple[Program, Program]:
    """Two callers whose server changes this of what they say."""
    server = start_pycall(
        what, "serve", "--host", "127.0.0.1", "--port", "0", command=(sys.executable, TAMPERING)
    )
    server.wait_for("http://127.0.0.1:")
    words = [word for pair in (QUIET | {"--server": url_of(server)}).items() for word in pair]
    first = start_pycall("call", "den", "--json", *words)
    first.wait_for_event("joined")
    return first, start_pycall("call", "den", "--json", *words)


def names(program: Program) -> list[str]:
    return [event["event"] for event in program.events]


def test_both_are_shown_the_same_words_before_anything_is_seen(start_pycall: Programs) -> None:
    callers = call_over(start_pycall, "nothing")
    shown = [caller.wait_for_event("words") for caller in callers]
    assert shown[0]["words"] == shown[1]["words"]
    assert [each["changed"] for each in shown] == [False, False]
    for caller in callers:
        caller.wait_for_event("first_frame")
        assert names(caller).index("words") < names(caller).index("first_frame")
        assert "notice" not in names(caller)


@pytest.mark.parametrize("what", ["key", "candidates"])
def test_a_server_that_changes_descriptions_shows_before_anything_is_seen(
    start_pycall: Programs, what: str
) -> None:
    callers = call_over(start_pycall, what)
    shown = [caller.wait_for_event("words")["words"] for caller in callers]
    assert shown[0] != shown[1]
    for caller in callers:
        until = names(caller)
        assert "first_frame" not in until[: until.index("words")]


def test_a_caller_between_two_callers_shows_each_other_words(start_pycall: Programs) -> None:
    """Each of the two talks to an end of somebody in the middle, who keeps all rules."""
    one, middle = call_over(start_pycall, "nothing")
    other, beyond = call_over(start_pycall, "nothing")
    towards_one, towards_other = (caller.wait_for_event("words")["words"] for caller in (middle, beyond))
    assert one.wait_for_event("words")["words"] == towards_one
    assert other.wait_for_event("words")["words"] == towards_other
    assert towards_one != towards_other
