"""`pycall invite`: what it prints is what a server with the same key reads."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pycall.cli.addresses import reachable
from pycall.cli.invite import invite
from pycall.cli.links import Link, parse_link
from pycall.core.invites import SKEW_S, Invite, read
from pycall.errors import ConfigError
from pycall.server.admission.invitekey import made_or_kept_key
from pycall.server.certificate import own_identity
from pycall.server.wallclock import unix_time


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The key of a server that was started."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    path = tmp_path / "pycall" / "invite.key"
    made_or_kept_key(path, makes_folder=True)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(invite, ["kitchen", *arguments])


def link(*arguments: str) -> Link:
    """The link that is printed, alone on standard output."""
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("\n")
    return parse_link(done.stdout.rstrip("\n"))


def signed(printed: Link, key_file: Path) -> Invite:
    found = read(printed.invite, printed.room, made_or_kept_key(key_file, makes_folder=False), unix_time())
    assert found is not None
    return found


def complaint(*arguments: str) -> ConfigError:
    error = run(*arguments).exception
    assert isinstance(error, ConfigError)
    return error


@pytest.mark.parametrize(
    ("options", "seconds", "for_one"),
    [
        ([], 3600, False),
        (["--expires", "90s"], 90, False),
        (["--expires", "30m", "--once"], 1800, True),
        (["--expires", "7d"], 7 * 86_400, False),
    ],
)
def test_an_invite_lasts_as_long_and_lets_in_as_many_as_asked_for(
    key_file: Path, options: list[str], seconds: int, *, for_one: bool
) -> None:
    before = unix_time()
    found = signed(link(*options), key_file)
    assert found.for_one is for_one
    assert 0 <= found.expires - int(before) - seconds < SKEW_S


def test_no_two_are_the_same(key_file: Path) -> None:
    assert len({signed(link(), key_file).id for _ in range(20)}) == 20


def test_what_is_said_of_it_is_no_part_of_standard_output(key_file: Path) -> None:
    done = run("--once")
    assert len(done.stdout.splitlines()) == 1
    assert re.search(
        r"^It lets in the first one who comes with it, until \d{4}-\d\d-\d\d \d\d:\d\d", done.stderr
    )
    assert "pycall call -" in done.stderr
    assert "It lets in whoever has it" in run().stderr


def test_the_link_leads_to_where_others_reach_the_server(key_file: Path, tmp_path: Path) -> None:
    assert link().server == f"http://{reachable('0.0.0.0')[0]}:8080"
    assert link("--host", "127.0.0.1", "--port", "9").server == "http://127.0.0.1:9"
    assert link("--host", "::1", "--tls").server == "https://[::1]:8080"
    assert link("--public-host", "call.example.org").server == "http://call.example.org:8080"
    assert link("--server", "https://call.example.org").server == "https://call.example.org"
    own_identity(tmp_path, ["desk.example.org"], needed=[], now=datetime.now(UTC))
    pem = str(tmp_path / "server.pem")
    assert link("--cert", pem, "--key", pem).server == "https://desk.example.org:8080"


def test_a_link_names_room_and_server(key_file: Path) -> None:
    done = CliRunner().invoke(invite, ["https://call.example.org/r/K%C3%BCche"])
    printed = parse_link(done.stdout.strip())
    assert (printed.server, printed.room) == ("https://call.example.org", "Küche")
    assert signed(printed, key_file).room == "Küche"


@pytest.mark.parametrize(
    "time", ["", "1", "59s", "h", "1y", "1.5h", "-1h", "367d", "9999999999s", "1h1m", "²h"]
)
def test_a_time_that_is_none_is_explained(key_file: Path, time: str) -> None:
    error = complaint("--expires", time)
    assert "--expires" in error.message
    assert "30m" in error.hint


def test_without_a_key_or_a_port_it_says_what_to_do(tmp_path: Path, key_file: Path) -> None:
    assert "--require-invite" in complaint("--invite-key-file", str(tmp_path / "none")).hint
    assert "--server" in complaint("--port", "0").hint
    assert link("--port", "0", "--server", "http://host").server == "http://host"
