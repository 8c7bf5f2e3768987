from __future__ import annotations

from pathlib import Path

import pytest

from pycall.cli.secretfile import MOST_CHARACTERS, read_secret
from pycall.errors import ConfigError


def test_the_secret_is_the_line_without_what_surrounds_it(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("\n shared secret \n")
    assert read_secret(file, "--some-file", "the other's") == "shared secret"


@pytest.mark.parametrize(
    "content", [None, b"", b"\n", b"two\nlines", b"\xff", b"a\x1bb", b"x" * (MOST_CHARACTERS + 1)]
)
def test_a_file_without_a_secret_is_said_so_and_never_quoted(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as failed:
        read_secret(file, "--some-file", "the other's")
    assert failed.value.message.startswith(f"{file}: ")
    assert failed.value.hint
    assert "two" not in failed.value.message


@pytest.mark.parametrize(
    ("mode", "is_private"), [(0o600, True), (0o640, True), (0o604, False), (0o644, False)]
)
def test_one_that_must_be_private_is_not_for_everybody_to_read(
    tmp_path: Path, mode: int, *, is_private: bool
) -> None:
    file = tmp_path / "secret"
    file.write_text("shared secret")
    file.chmod(mode)
    assert read_secret(file, "--some-file", "the other's") == "shared secret"
    if is_private:
        assert read_secret(file, "--some-file", "the other's", is_private=True) == "shared secret"
    else:
        with pytest.raises(ConfigError, match="everybody on this computer can read it"):
            read_secret(file, "--some-file", "the other's", is_private=True)
