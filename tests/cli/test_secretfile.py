from __future__ import annotations

from pathlib import Path

import pytest

from pycall.cli.secretfile import MOST_CHARACTERS, read_secret
from pycall.errors import ConfigError


def test_the_secret_is_the_line_without_what_surrounds_it(tmp_path: Path) -> None:
    file = _file(tmp_path, 0o600)
    file.write_text("\n shared secret \n")
    assert read_secret(file, "--some-file", "the other's") == "shared secret"


@pytest.mark.parametrize(
    "content", [None, b"", b"\n", b"two\nlines", b"\xff", b"a\x1bb", b"x" * (MOST_CHARACTERS + 1)]
)
def test_a_file_without_a_secret_is_said_so_and_never_quoted(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file = _file(tmp_path, 0o600)
        file.write_bytes(content)
    with pytest.raises(ConfigError) as failed:
        read_secret(file, "--some-file", "the other's")
    assert failed.value.message.startswith(f"{file}: ")
    assert failed.value.hint
    assert "two" not in failed.value.message


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_one_for_some_to_read_is_taken(tmp_path: Path, mode: int) -> None:
    assert read_secret(_file(tmp_path, mode), "--some-file", "the other's") == "shared secret"


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666])
def test_one_for_everybody_to_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="everybody on this computer can read it"):
        read_secret(_file(tmp_path, mode), "--some-file", "the other's")


def _file(folder: Path, mode: int) -> Path:
    file = folder / "secret"
    file.write_text("shared secret", encoding="utf-8")
    file.chmod(mode)
    return file
