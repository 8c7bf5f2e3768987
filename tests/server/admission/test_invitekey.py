from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from pycall.core.invites import KEY_BYTES
from pycall.errors import ConfigError, ListenFailed
from pycall.server.admission.invitekey import FILE, kept_key, made_or_kept_key


@pytest.fixture
def anything_goes() -> Iterator[None]:
    """A umask that takes no permission away."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_it_is_made_once_and_only_its_user_can_read_it(tmp_path: Path, anything_goes: None) -> None:
    path = tmp_path / "data" / FILE
    key = made_or_kept_key(path, makes_folder=True)
    assert len(key) == KEY_BYTES
    assert made_or_kept_key(path, makes_folder=False) == kept_key(path) == key
    assert made_or_kept_key(tmp_path / FILE, makes_folder=True) != key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == [FILE]


def test_of_many_servers_that_start_at_once_one_makes_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        made = set(threads.map(partial(made_or_kept_key, makes_folder=False), [tmp_path / FILE] * 64))
    assert len(made) == 1


@pytest.mark.parametrize("content", [b"", b"key", b"ab" * (KEY_BYTES - 1), b"g" * 2 * KEY_BYTES, b"\xff\xfe"])
def test_what_is_no_key_is_said_so_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="no key for invites in it"):
        made_or_kept_key(path, makes_folder=True)
    assert path.read_bytes() == content


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660])
def test_one_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    path = tmp_path / FILE
    made_or_kept_key(path, makes_folder=True)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="others can read this key") as failed:
        made_or_kept_key(path, makes_folder=True)
    assert failed.value.hint == f"Run: chmod 600 {path}"


def test_none_is_made_by_who_only_reads(tmp_path: Path) -> None:
    path = tmp_path / FILE
    with pytest.raises(ConfigError, match="There is no key for invites") as failed:
        kept_key(path)
    assert "pycall serve --require-invite" in failed.value.hint
    assert not path.exists()


def test_where_it_cannot_be_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ListenFailed, match="cannot be kept"):
        made_or_kept_key(tmp_path / "file" / FILE, makes_folder=True)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ConfigError, match="not a regular file"):
            made_or_kept_key(path, makes_folder=True)
