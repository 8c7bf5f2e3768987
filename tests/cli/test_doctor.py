from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from pycall.cli.doctor import print_lines, print_table
from pycall.core.findings import Finding
from tests.integration.conftest import server, url
from tests.program import Program, Programs

__all__ = ["server", "url"]

NO_DEVICES = ("--camera", "none", "--microphone", "none", "--speaker", "none")
FIELDS = {"check", "subject", "state", "found", "cause", "advice", "figures"}

NASTY = [
    Finding(
        "relay", "failed", "It said \x1b[31mno.", "turn:evil\x07", "A\nB", "C\rD", {"software": "\x1b[2J"}
    ),
    Finding("calls", "failed", "Calls \x1b[0m cannot be expected."),
]


def doctor(start_pycall: Programs, *options: str, code: int) -> Program:
    program = start_pycall("doctor", *NO_DEVICES, *options)
    assert program.wait() == code, program.stdout + program.stderr
    return program


@pytest.mark.integration
def test_where_all_is_well_every_check_is_a_line_of_json_and_the_exit_code_is_0(
    start_pycall: Programs, url: str
) -> None:
    done = doctor(start_pycall, "--json", "--server", url, "--size", "320x240", "--fps", "15", code=0)
    findings = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.stderr == ""
    assert all(set(each) == FIELDS for each in findings)
    assert [each["check"] for each in findings] == [
        *("server", "clock", "join", "stun", "nat", "relay", "ipv6", "camera", "microphone", "speaker"),
        *("encoder", "encoder", "self-call", "calls"),
    ]
    states = {each["check"]: each["state"] for each in findings}
    assert {states[check] for check in ("server", "clock", "join", "stun", "nat", "self-call")} == {"ok"}
    assert states["calls"] in {"ok", "warning"}  # a busy machine may be slow to encode


@pytest.mark.integration
def test_people_get_a_table_and_a_conclusion(start_pycall: Programs, url: str) -> None:
    done = doctor(start_pycall, "--server", url, "--size", "320x240", "--fps", "5", code=0)

    assert done.stdout.splitlines()[1].split() == ["Check", "State", "Found"]
    assert "Calls can be expected to work" in done.stdout.splitlines()[-1]
    assert "\x1b" not in done.stdout


@pytest.mark.integration
def test_without_a_server_the_exit_code_is_4_and_the_next_step_is_told(
    start_pycall: Programs, free_port: int
) -> None:
    done = doctor(start_pycall, "--server", f"http://127.0.0.1:{free_port}", code=4)

    assert "Calls cannot be expected to work: server, join failed." in done.stdout
    assert "Next: Start one here with: pycall serve" in done.stdout
    assert done.stderr == ""


@pytest.mark.integration
def test_a_device_that_is_not_there_is_exit_code_4(start_pycall: Programs, url: str) -> None:
    done = doctor(start_pycall, "--server", url, "--camera", "No such camera", code=4)

    assert "There is no camera 'No such camera'." in done.stdout


@pytest.mark.integration
@pytest.mark.parametrize("wrong", [("--microphone", "screen"), ("--ice-server", "http:nowhere"), ("--stay",)])
def test_a_wrong_option_is_exit_code_2(start_pycall: Programs, wrong: tuple[str, ...]) -> None:
    done = doctor(start_pycall, *wrong, code=2)

    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")


def test_strangers_words_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    shown = io.StringIO()
    print_table(NASTY, Console(file=shown, width=100, force_terminal=False))
    print_lines(NASTY)

    assert not set(shown.getvalue()) & {"\x1b", "\x07", "\r"}
    assert r"A\nB" in shown.getvalue()
    assert not set(capsys.readouterr().out) & {"\x1b", "\x07", "\r"}
