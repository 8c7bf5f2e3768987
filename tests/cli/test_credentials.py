from __future__ import annotations

import io
from pathlib import Path

import pytest

from pycall.cli.credentials import can_ask, credentials_of, room_from_input
from pycall.cli.links import Link
from pycall.config import CallConfig
from pycall.core.credentials import NONE, Credentials
from pycall.errors import ConfigError

LINK = "https://192.0.2.10:8080/r/den#invite=mAAA"


def secret(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_text(f"{text}\n", encoding="utf-8")
    path.chmod(mode)
    return path


def test_without_any_there_are_none() -> None:
    assert credentials_of(CallConfig(), "den") == NONE


def test_a_password_comes_from_the_configuration_or_a_file(tmp_path: Path) -> None:
    assert credentials_of(CallConfig(password="open sesame")) == Credentials("open sesame")
    both = CallConfig(password="other", password_file=secret(tmp_path, "open sesame"))
    assert credentials_of(both) == Credentials("open sesame")


@pytest.mark.parametrize("text", ["mAAA", LINK])
def test_an_invite_comes_in_a_link_or_from_a_file(tmp_path: Path, text: str) -> None:
    assert credentials_of(CallConfig(), "den", "mBBB") == Credentials(invite="mBBB")
    config = CallConfig(invite_file=secret(tmp_path, text))
    assert credentials_of(config, "den") == Credentials(invite="mAAA")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (LINK.partition("#")[0], "has no invite"),
        (LINK.replace("den", "kitchen"), "for another room"),
        ("https://host/", "no link to a room"),
    ],
)
def test_a_link_that_does_not_let_in_there_is_said_so(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as failed:
        credentials_of(CallConfig(invite_file=secret(tmp_path, text)), "den")
    assert "mAAA" not in failed.value.message
    assert failed.value.hint


def test_a_secret_that_everybody_can_read_is_not_used(tmp_path: Path) -> None:
    path = secret(tmp_path, "mAAA", 0o644)
    for config in (CallConfig(password_file=path), CallConfig(invite_file=path)):
        with pytest.raises(ConfigError, match="everybody on this computer"):
            credentials_of(config, "den")


@pytest.mark.parametrize(
    ("typed", "room"),
    [
        (f"{LINK}\nmore", Link("https://192.0.2.10:8080", "den", "mAAA")),
        (f"  {LINK}\r\n", Link("https://192.0.2.10:8080", "den", "mAAA")),
        ("https://host/r/den", Link("https://host", "den")),
        ("den\n", "den"),
    ],
)
def test_a_link_is_read_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, typed: str, room: str | Link
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert room_from_input() == room
    assert not can_ask()


@pytest.mark.parametrize("typed", ["", "\n", "two words\n", "x" * 10_000, "https://host/#invite=mAAA\n"])
def test_what_is_no_link_is_said_without_its_secrets(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(ConfigError) as failed:
        room_from_input()
    assert "mAAA" not in failed.value.message
    assert typed.strip() or "No link came" in failed.value.message


def test_nobody_can_ask_without_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert not can_ask()
    with pytest.raises(ConfigError):
        room_from_input()
