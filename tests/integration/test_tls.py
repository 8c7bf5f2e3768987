"""Calls by link, over TLS with a certificate that only its SHA-256 makes trustworthy."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import QUIET
from tests.program import Program, Programs

pytestmark = pytest.mark.integration

PLAIN = [word for pair in QUIET.items() for word in pair]
Start = Callable[..., Program]


@pytest.fixture
def server(start_pycall: Programs, tmp_path: Path) -> Program:
    """A `pycall serve --tls`, everything it says said."""
    data = {"XDG_DATA_HOME": str(tmp_path / "data")}
    program = start_pycall("serve", "--tls", "--host", "127.0.0.1", "--port", "0", env=data)
    program.wait_for("In a browser")
    return program


@pytest.fixture
def address(server: Program) -> str:
    """Where it says a browser goes."""
    (found,) = re.findall(r"In a browser: (https://127\.0\.0\.1:\d+)/", server.stdout)
    assert isinstance(found, str)
    return found


@pytest.fixture
def sha256(server: Program) -> str:
    """What it says the fingerprint is."""
    (found,) = re.findall(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", server.stdout)
    assert isinstance(found, str)
    return found


@pytest.fixture
def start(start_pycall: Programs) -> Start:
    """Starts `pycall call --json` with these arguments."""
    return lambda *arguments: start_pycall("call", *arguments, "--json", *PLAIN)


def test_two_call_each_other_by_link_and_fingerprint(start: Start, address: str, sha256: str) -> None:
    ann = start(f"{address}/r/K%C3%BCche", "--cert-sha256", sha256, "--duration", "2", "--name", "Ann")
    assert ann.wait_for_event("joined")["room"] == "Küche"
    plain = sha256.replace(":", "").lower()
    bob = start("Küche", "--server", address, "--cert-sha256", plain, "--name", "Bob")
    assert (ann.wait(), bob.wait()) == (0, 0)
    for caller in (ann, bob):
        assert caller.wait_for_event("ended")["frames_received"] > 10
        assert caller.stderr == ""


def test_without_the_fingerprint_the_hint_names_it(start: Start, address: str) -> None:
    program = start(f"{address}/r/den")
    assert program.wait() == 3
    error, hint = program.stderr.splitlines()
    assert error.startswith("Error: The certificate of 127.0.0.1:")
    assert error.endswith("cannot be trusted: self-signed certificate.")
    assert "--cert-sha256" in hint
    assert program.wait_for_event("error")["code"] == "server-unreachable"


def test_a_wrong_fingerprint_is_told_with_the_right_one(start: Start, address: str, sha256: str) -> None:
    wrong = ":".join(["00"] * 32)
    program = start(f"{address}/r/den", "--cert-sha256", wrong)
    assert program.wait() == 3
    error, hint = program.stderr.splitlines()
    assert error.endswith(f" has the SHA-256 {sha256} and not {wrong}.")
    assert "pycall serve" in hint


def test_who_waits_passes_on_what_the_other_needs(start_pycall: Programs, address: str, sha256: str) -> None:
    ann = start_pycall("call", f"{address}/r/den", "--cert-sha256", sha256, *PLAIN)
    ann.wait_for("Waiting in room den")
    assert f"\n    pycall call {address}/r/den --cert-sha256 {sha256}\n" in ann.stdout
    assert f"\nor opens {address}/r/den in a browser.\n" in ann.stdout


def test_a_link_wins_over_environment_and_file_and_must_not_contradict_a_flag(
    start_pycall: Programs, start: Start, address: str, sha256: str
) -> None:
    elsewhere = {"PYCALL_CALL_SERVER": "http://127.0.0.1:9", "PYCALL_CALL_CERT_SHA256": sha256}
    ann = start_pycall("call", f"{address}/r/den", "--json", *PLAIN, env=elsewhere)
    ann.wait_for_event("joined")

    same = start(f"{address}/r/den", "--server", f"{address}/", "--cert-sha256", sha256)
    same.wait_for_event("connected")

    other = start(f"{address}/r/den", "--server", "http://127.0.0.1:9")
    assert other.wait() == 2
    assert f"Error: The link leads to {address}, but --server is http://127.0.0.1:9." in other.stderr
    assert other.wait_for_event("error")["code"] == "config"


def test_a_fingerprint_that_cannot_be_checked_is_refused(start: Start) -> None:
    program = start("den", "--server", "http://127.0.0.1:9", "--cert-sha256", "00" * 32)
    assert program.wait() == 2
    assert "shows no certificate" in program.stderr
