from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pycall.cli.access import (
    LEAST_CHARACTERS,
    OPEN_ROOMS,
    PLAIN_HTTP,
    access_of,
    announcement,
    invite_key_path,
)
from pycall.config import ServerConfig
from pycall.core.credentials import Credentials
from pycall.errors import ConfigError
from pycall.limits import Limits
from pycall.server.admission.access import Access
from pycall.server.refusal import Refusal


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this user keeps its data."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "pycall"


def password_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "password"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def access(**options: object) -> Access:
    return access_of(ServerConfig(**options), Limits())  # type: ignore[arg-type]


def test_rooms_are_open_unless_something_closes_them(data: Path) -> None:
    assert access().refusal is None
    assert not data.exists()


async def test_the_password_is_the_line_in_the_file(tmp_path: Path) -> None:
    given = access(password_file=password_file(tmp_path, " open sesame, please \n"))
    assert given.refusal is Refusal.PASSWORD
    assert await given.admits(Credentials("open sesame, please"), "kitchen", owner="ann", network=0)


def test_a_password_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    short = (LEAST_CHARACTERS - 1) * "x"
    with pytest.raises(ConfigError, match="less than 8 characters") as failed:
        access(password_file=password_file(tmp_path, short))
    assert short not in failed.value.message
    assert "openssl rand" in failed.value.hint


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o666])
def test_a_password_that_everybody_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = password_file(tmp_path, "open sesame, please", mode)
    with pytest.raises(ConfigError, match="everybody on this computer can read it") as failed:
        access(password_file=path)
    assert failed.value.hint == f"Run: chmod 600 {path}"


def test_one_that_the_group_can_read_is_not(tmp_path: Path) -> None:
    access(password_file=password_file(tmp_path, "open sesame, please", 0o640))


def test_the_key_for_invites_is_kept_in_the_data_folder_or_elsewhere(data: Path, tmp_path: Path) -> None:
    assert access(require_invite=True).refusal is Refusal.INVITE
    assert stat.S_IMODE((data / "invite.key").stat().st_mode) == 0o600
    elsewhere = tmp_path / "key"
    access(require_invite=True, invite_key_file=elsewhere)
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600
    assert elsewhere.read_text() != (data / "invite.key").read_text()
    assert invite_key_path(ServerConfig(invite_key_file=elsewhere)) == elsewhere


def test_a_folder_that_was_named_and_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"The folder .*/nope for the invite key is missing") as failed:
        access(require_invite=True, invite_key_file=tmp_path / "nope" / "key")
    assert "--invite-key-file" in failed.value.hint
    assert not (tmp_path / "nope").exists()


def test_a_key_without_invites_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="belongs to --require-invite"):
        access(invite_key_file=tmp_path / "key")


@pytest.mark.parametrize(
    ("options", "is_local", "is_https", "said"),
    [
        ({}, True, False, []),
        ({}, False, True, [OPEN_ROOMS]),
        ({"password_file": Path("x")}, True, False, ["must know the password."]),
        ({"password_file": Path("x")}, False, False, ["must know the password.", PLAIN_HTTP]),
        ({"require_invite": True}, False, True, ["needs an invite, as `pycall invite ROOM` makes them."]),
        (
            {"password_file": Path("x"), "require_invite": True},
            False,
            True,
            ["must know the password and needs an invite, as `pycall invite ROOM` makes them."],
        ),
    ],
)
def test_what_is_said_at_the_start(
    options: dict[str, object], said: list[str], *, is_local: bool, is_https: bool
) -> None:
    lines = announcement(ServerConfig(**options), is_local=is_local, is_https=is_https)  # type: ignore[arg-type]
    assert len(lines) == len(said)
    assert all(line.endswith(end) for line, end in zip(lines, said, strict=True))
