from __future__ import annotations

import logging

import pytest

from pycall.cli.log import TerminalFormatter


def test_what_a_stranger_made_a_library_log_does_nothing_to_the_terminal() -> None:
    record = logging.LogRecord("aioice", logging.INFO, "", 0, "Candidate(%s)", ("\x1b]0;pwn\x07",), None)
    assert TerminalFormatter("%(message)s").format(record) == "Candidate(\\x1b]0;pwn\\x07)"


def test_a_traceback_keeps_its_lines() -> None:
    with pytest.raises(ValueError, match="2J") as caught:
        int("\x1b[2J")
    trace = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("pycall", logging.ERROR, "", 0, "A bug.", None, trace)
    text = TerminalFormatter("%(message)s").format(record)
    assert text.startswith("A bug.\nTraceback")
    assert "\x1b" not in text
