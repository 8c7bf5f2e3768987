"""Closed rooms with the real commands: who gets in, what others are told, and where no secret may be."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.cli.serving import serve
from tests.cli.terminal import Start, Terminal, terminal
from tests.program import PYCALL, Program, Programs

__all__ = ["terminal"]

pytestmark = pytest.mark.integration

PASSWORD = "canary-open-sesame"
BARE = ["--camera", "none", "--microphone", "none", "--speaker", "none", "--display", "none"]


@dataclass
class Place:
    """A folder for secrets, and where programs keep their data."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        return {"XDG_DATA_HOME": str(self.folder / "data")}

    def secret(self, text: str, name: str = "password") -> Path:
        """A file that holds it."""
        path = self.folder / name
        path.write_text(f"{text}\n")
        path.chmod(0o600)
        return path

    def invite(self, port: int, room: str = "den", *options: str) -> str:
        """A link from `pycall invite`, made as its user does."""
        command = [str(PYCALL), "invite", room, "--host", "127.0.0.1", "--port", str(port), *options]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ, **self.env}
        )
        return done.stdout.strip()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def complaint(program: Program, code: int = 3) -> str:
    """What it complained about: a sentence and a hint."""
    assert program.wait() == code, program.stdout + program.stderr
    assert re.fullmatch(r"Error: .*\.\nHint: .*\.\n", program.stderr), program.stderr
    return program.stderr


def test_two_who_know_the_password_meet_and_a_third_learns_nothing(
    start_pycall: Programs, place: Place
) -> None:
    server, port = serve(start_pycall, "--password-file", place.secret(PASSWORD))
    assert "Rooms are closed: whoever joins must know the password." in server.stdout
    here = ["--server", f"http://127.0.0.1:{port}"]
    right = ["--password-file", str(place.secret(PASSWORD))]
    ann = start_pycall("call", "den", "--json", *BARE, *here, *right)
    bob = start_pycall("call", "den", "--json", *BARE, *here, env={"PYCALL_CALL_PASSWORD": PASSWORD})
    for each in (ann, bob):
        each.wait_for_event("connected")
    wrong = ["--password-file", str(place.secret("canary-open-barley", "wrong"))]
    told = {
        complaint(start_pycall("call", room, *BARE, *here, *shown))
        for room, shown in (("den", wrong), ("den", []), ("den", right), ("nobody-is-there", wrong))
    }
    [only] = told
    assert only.startswith("Error: The password is missing or wrong, or the room is full.\nHint: ")
    assert "--password-file" in only
    ann.send_signal(signal.SIGINT)
    assert bob.wait() == 0


def test_an_invite_is_pasted_piped_or_in_a_file(start_pycall: Programs, place: Place) -> None:
    server, port = serve(start_pycall, "--require-invite", env=place.env)
    assert "needs an invite, as `pycall invite ROOM` makes them." in server.stdout
    link = place.invite(port)
    ann = start_pycall("call", "den", *BARE, "--json", "--server", f"http://127.0.0.1:{port}",
                       "--invite-file", place.secret(link, "invite"))  # fmt: skip
    ann.wait_for_event("joined")
    bob = subprocess.run(
        [PYCALL, "call", "-", *BARE, "--json", "--duration", "1"],
        input=f"{link}\n", capture_output=True, text=True, check=False, timeout=60, cwd=place.folder,
    )  # fmt: skip
    events = [json.loads(line)["event"] for line in bob.stdout.splitlines()]
    assert (bob.returncode, bob.stderr) == (0, "")
    assert "connected" in events
    assert ann.wait() == 0


def test_a_link_with_an_invite_does_not_belong_into_a_command_line(start_pycall: Programs) -> None:
    link = "http://127.0.0.1:8080/r/den#invite=mCANARY"
    told = complaint(start_pycall("call", link), code=2)
    assert "everybody on this computer can read command lines" in told
    assert "pycall call -" in told
    program = start_pycall("call", link, "--json")
    assert program.wait() == 2
    assert "CANARY" not in program.stdout + program.stderr


def test_an_invite_for_one_is_used_once(start_pycall: Programs, place: Place) -> None:
    _, port = serve(start_pycall, "--require-invite", env=place.env)
    invite = place.secret(place.invite(port, "den", "--once"), "invite")
    options = [*BARE, "--server", f"http://127.0.0.1:{port}", "--invite-file", str(invite)]
    start_pycall("call", "den", "--json", *options).wait_for_event("joined")
    assert "used or expired" in complaint(start_pycall("call", "den", *options))


@pytest.fixture
def den(start_pycall: Programs, place: Place) -> list[str | Path]:
    """The command that calls into a room whose password one must know."""
    _, port = serve(start_pycall, "--password-file", place.secret(PASSWORD))
    return [PYCALL, "call", "den", "--server", f"http://127.0.0.1:{port}", *BARE]


def test_on_a_terminal_the_password_is_asked_for_and_may_be_typed_again(
    terminal: Start, den: list[str | Path]
) -> None:
    here = terminal(den)
    here.wait_for("Password of the server: ")
    here.type("canary-open-barley\n")
    here.wait_for("The password is missing or wrong, or the room is full.")
    here.wait_until(partial(asked, here, 2))
    here.type(f"{PASSWORD}\n")
    here.wait_for("Waiting for the other side")
    here.type("\x03")
    assert here.wait() == 130
    assert "canary" not in here.written
    assert here.settings == here.before


def test_a_password_is_not_asked_for_for_ever(terminal: Start, den: list[str | Path]) -> None:
    here = terminal(den)
    for turn in range(1, 4):
        here.wait_until(partial(asked, here, turn))
        here.type("canary-open-barley\n")
    assert here.wait() == 3
    assert here.screen[-2].startswith("Hint: Give the server's password")


def asked(here: Terminal, times: int) -> bool:
    return here.written.count("Password of the server: ") == times


def test_who_does_not_want_to_be_asked_is_not(terminal: Start, den: list[str | Path], place: Place) -> None:
    for options in (["--json"], ["--password-file", place.secret("canary-open-barley", "wrong")]):
        here = terminal([*den, *options])
        assert here.wait() == 3
        assert "Password of" not in here.written


def test_on_a_terminal_the_link_is_asked_for(start_pycall: Programs, terminal: Start, place: Place) -> None:
    _, port = serve(start_pycall, "--require-invite", env=place.env)
    link = place.invite(port)
    here = terminal([PYCALL, "call", "-", *BARE])
    here.wait_for("Link of the room: ")
    here.type(f"{link}\n")
    here.wait_for("The other side needs an invite, too")
    here.wait_for("Waiting for the other side")
    here.type("\x03")
    assert here.wait() == 130


def test_the_doctor_and_the_status_have_something_to_say(start_pycall: Programs, place: Place) -> None:
    right, wrong = place.secret(PASSWORD), place.secret("canary-open-barley", "wrong")
    _, port = serve(start_pycall, "--password-file", right, "--require-invite", env=place.env)
    assert "Not tried: this server lets into a room only who has an invite" in diagnosis(start_pycall, port)
    _, port = serve(start_pycall, "--password-file", right)
    assert "only who knows its password" in diagnosis(start_pycall, port)
    assert "not let us in with this password" in diagnosis(
        start_pycall, port, "--password-file", wrong, code=4
    )
    assert "hear and see each other" in diagnosis(start_pycall, port, "--password-file", right)
    status = start_pycall("serve", "--status", "--host", "127.0.0.1", "--port", str(port))
    assert status.wait() == 0
    assert re.search(r"^Credentials +right-password \d+, wrong-password 1$", status.stdout, re.MULTILINE)
    assert re.search(r"^Refused +password-refused 2$", status.stdout, re.MULTILINE)


def diagnosis(start_pycall: Programs, port: int, *options: str | Path, code: int = 0) -> str:
    program = start_pycall(
        "doctor", "--server", f"http://127.0.0.1:{port}", *BARE[:6], "--size", "160x120", *options
    )
    assert program.wait() == code, program.stdout + program.stderr
    return program.stdout


# Where no secret may be


@pytest.fixture
def anything_goes() -> Iterator[None]:
    """A umask that takes no permission away."""
    before = os.umask(0)
    yield
    os.umask(before)


def command_lines(programs: Programs) -> str:
    return "".join(
        Path(f"/proc/{each.process.pid}/cmdline").read_text()
        for each in programs.started
        if each.process.poll() is None
    )


@pytest.mark.parametrize(
    "verbose",
    [("-v", "--log-private"), ("-v", "--log-private", "--log-format", "json")],
    ids=" ".join,
)
def test_no_secret_is_in_a_command_line_a_log_a_figure_or_an_open_file(
    start_pycall: Programs, place: Place, anything_goes: None, verbose: tuple[str, ...]
) -> None:
    password = place.secret(PASSWORD)
    server, port = serve(
        start_pycall, "--password-file", password, "--require-invite", *verbose, env=place.env
    )
    link = place.invite(port)
    invite = place.secret(link, "invite")
    token = link.partition("#invite=")[2]
    here = [*BARE, "--server", f"http://127.0.0.1:{port}", "-v"]
    right: list[str | Path] = ["--password-file", password, "--invite-file", invite]
    callers = [start_pycall("call", "den", *here, *right, "--json") for _ in range(2)]
    for each in callers:
        each.wait_for_event("joined")
    lines = command_lines(start_pycall)
    assert lines.count("pycall") >= 3
    wrong = place.secret("canary-open-barley", "wrong")
    refused = start_pycall("call", "den", *here, "--password-file", wrong, "--invite-file", invite)
    assert refused.wait() == 3
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        figures = response.read().decode()
    for each in [*callers, server]:
        each.send_signal(signal.SIGTERM)
        each.wait()
    told = "".join(each.stdout + each.stderr for each in start_pycall.started)
    key = (place.folder / "data" / "pycall" / "invite.key").read_text().strip()
    assert "wrong-password" in figures
    assert "joined" in told
    for secret in ("canary", token, key):
        assert secret not in lines + figures + told
    kept = [path for path in (place.folder / "data").rglob("*") if path.is_file()]
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]
