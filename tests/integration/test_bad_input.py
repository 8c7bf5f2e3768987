"""Everything wrong that can be asked of the commands: one sentence, a hint, an exit code."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.integration.conftest import QUIET
from tests.program import Program, Programs

pytestmark = [pytest.mark.integration, pytest.mark.parallel]

MANY = "x" * 65


def complaint(program: Program) -> str:
    """What it complained about, checked to be fit for a person."""
    told = program.stderr
    assert "Traceback" not in told
    assert told.startswith("Error: ")
    assert 1 <= len(told.splitlines()) <= 5
    return told


@pytest.mark.parametrize(
    "arguments",
    [
        ["call"],
        ["call", ""],
        ["call", ".hidden"],
        ["call", "two words"],
        ["call", "../up"],
        ["call", MANY],
        ["call", "a\x1b[31mb"],
        ["call", "https://host/"],
        ["call", "https://host/r/"],
        ["call", "https://host/r/../up"],
        ["call", "https://host/r/%2e%2e%2fup"],
        ["call", "https://host/r/a%1b[31mb"],
        ["call", "https://host/r/den?\x1b[31m"],
        ["call", f"https://host/r/{MANY}"],
        ["call", f"https://host/r/den?{50 * MANY}"],
        ["call", "https://ann:secret@host/r/den"],
        ["call", "ftp://host/r/den"],
        ["call", "den", "--cert-sha256", "abc"],
        ["call", "den", "--size", "big"],
        ["call", "den", "--size", "641x480"],
        ["call", "den", "--size", "0x0"],
        ["call", "den", "--size", "99999x99999"],
        ["call", "den", "--fps", "0"],
        ["call", "den", "--fps", "fast"],
        ["call", "den", "--fps", "61"],
        ["call", "den", "--server", "ftp://host"],
        ["call", "den", "--server", "localhost:8080"],
        ["call", "den", "--server", "http://"],
        ["call", "den", "--server", "http://host:99999"],
        ["call", "den", "--record", "out.avi"],
        ["call", "den", "--record", "out"],
        ["call", "den", "--record-layout", "upside-down"],
        ["call", "den", "--display", "hologram"],
        ["call", "den", "--duration", "-1"],
        ["call", "den", "--duration", "soon"],
        ["call", "den", "--wait", "nan"],
        ["call", "den", "--microphone", "screen"],
        ["call", "den", "--speaker", "file:/tmp/x.wav"],
        ["call", "den", "--nonsense"],
        ["call", "den", "extra"],
        ["call", "den", "--config", "/nowhere/config.toml"],
        ["call", "https://host/r/den#invite=mAAA"],
        ["call", "-"],
        ["call", "den", "--password-file", "/nowhere/password"],
        ["call", "den", "--invite-file", "/nowhere/invite"],
        ["invite"],
        ["invite", "two words"],
        ["invite", "den", "--expires", "soon"],
        ["invite", "den", "--invite-key-file", "/nowhere/invite.key"],
        ["serve", "--password-file", "/nowhere/password"],
        ["serve", "--password-file", "/dev/zero"],
        ["serve", "--invite-key-file", "/nowhere/invite.key"],
        ["serve", "--require-invite", "--invite-key-file", "/nowhere/invite.key"],
        ["serve", "--port", "70000"],
        ["serve", "--port", "http"],
        ["serve", "--cert", "/nowhere/cert.pem"],
        ["serve", "--cert", "/nowhere/cert.pem", "--key", "/nowhere/key.pem"],
        ["serve", "--qr", "perhaps"],
        ["serve", "--config", "/nowhere/config.toml"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_a_wrong_word_is_exit_code_2(start_pycall: Programs, arguments: list[str]) -> None:
    program = start_pycall(*arguments)
    assert program.wait() == 2
    complaint(program)


@pytest.mark.parametrize(
    ("section", "line", "said"),
    [
        ("call", "colour = 'red'", "colour"),
        ("call", "fps = 'many'", "fps"),
        ("calls", "fps = 30", "calls"),
        ("server", "prot = 8080", "port"),
        ("server", "port = true", "port"),
        ("call", "fps = ", "line 2"),
    ],
)
def test_a_wrong_key_in_the_file_is_named(
    start_pycall: Programs, tmp_path: Path, section: str, line: str, said: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"[{section}]\n{line}\n")
    for arguments in (["call", "den"], ["serve"]):
        program = start_pycall(*arguments, "--config", file)
        assert program.wait() == 2
        assert said in complaint(program)


def test_a_wrong_variable_is_named(start_pycall: Programs) -> None:
    program = start_pycall("call", "den", env={"PYCALL_CALL_FPS": "many"})
    assert program.wait() == 2
    assert "PYCALL_CALL_FPS" in complaint(program)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--camera", "No Such Camera"),
        ("--camera", "99"),
        ("--camera", "file:/nowhere/film.mp4"),
        ("--microphone", "No Such Microphone"),
        ("--microphone", "file:/nowhere/film.mp4"),
        ("--speaker", "No Such Speaker"),
        ("--record", "/nowhere/out.mp4"),
        ("--record", "/proc/out.mp4"),
    ],
)
def test_a_device_file_or_folder_that_is_missing_is_exit_code_5(
    start_pycall: Programs, option: str, value: str
) -> None:
    options = {**QUIET, option: value}
    program = start_pycall("call", "den", *[word for pair in options.items() for word in pair])
    assert program.wait() == 5
    complaint(program)


def test_a_file_that_is_no_film_is_exit_code_5(start_pycall: Programs, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    file.write_bytes(b"not a film at all")
    program = start_pycall("call", "den", "--camera", f"file:{file}", "--display", "none")
    assert program.wait() == 5
    complaint(program)


def test_no_server_on_this_machine_names_the_command_that_starts_one(
    start_pycall: Programs, free_port: int
) -> None:
    program = start_pycall("call", "den", "--json", "--server", f"http://localhost:{free_port}", *quiet())
    assert program.wait() == 3
    assert "pycall serve" in complaint(program)
    assert [event["event"] for event in program.events] == ["error", "ended"]
    assert program.events[0]["code"] == "server-unreachable"


def test_a_server_of_another_kind_is_named_as_such(start_pycall: Programs, tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        program = start_pycall("call", "den", "--server", url, *quiet())
        assert program.wait() == 3
    complaint(program)


def test_a_wrong_word_is_an_event_too_for_programs(start_pycall: Programs) -> None:
    program = start_pycall("call", "den", "--json", "--fps", "0")
    assert program.wait() == 2
    (event,) = program.events
    assert event["event"] == "error"
    assert event["code"] == "config"
    complaint(program)


def test_a_port_that_is_taken_is_exit_code_3(start_pycall: Programs) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        program = start_pycall("serve", "--host", "127.0.0.1", "--port", port)
        assert program.wait() == 3
    assert port in complaint(program)


def test_an_address_of_another_machine_is_exit_code_3(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--host", "192.0.2.1", "--port", "0")
    assert program.wait() == 3
    complaint(program)


def quiet() -> list[str]:
    return [word for pair in QUIET.items() for word in pair]
